/**
 * Starts a program that can do little else than talk: gives up user, groups, capabilities and file access, and then becomes
 * the program by execve, so that every thread of it is bound (restrictions of a running process bind only one of its threads).
 *
 * Usage: bun launcher.ts PLAN, where PLAN is a LaunchPlan as JSON. It never starts the program less confined than told: on any
 * failure it prints one line to stderr and exits with LAUNCH_FAILED_EXIT_CODE.
 *
 * Where the program's user could not read it (a package under /root, a clone in a private directory), it is bundled into one
 * text here and handed over as standard input, and the Bun binary is executed by descriptor.
 */

import { ptr } from "bun:ffi";
import { readdirSync, readFileSync, realpathSync, writeSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { cString, cStringArray } from "./c-string.ts";
import { landlockAbi, makeRuleset, type PathRule, restrictTo } from "./landlock.ts";
import {
  executablesIn,
  findExposed,
  LAUNCH_FAILED_EXIT_CODE,
  type LaunchPlan,
  parseLaunchPlan,
  rulesFor,
} from "./launch-plan.ts";
import { checked, errno, memoryCalls, processCalls, SystemCallError, systemCall } from "./libc.ts";
import { requireSupportedMachine } from "./machine.ts";
import { dropPrivileges, setLimits, setNoNewPrivileges } from "./privileges.ts";
import { isReachable, MAY } from "./reach.ts";
import { installFilter, startFilter } from "./seccomp.ts";
import { SYSCALL } from "./syscall-numbers.ts";

const F_SETFD = 2;
const FD_CLOEXEC = 1;
const FIRST_FD = 3;
const O_PATH_CLOEXEC = 0o10000000 | 0o2000000;
const MFD_CLOEXEC = 1;
const AT_EMPTY_PATH = 0x1000;
const STANDARD_INPUT = "-";
/** Nothing the program creates is for others. */
const UMASK = 0o077;

/** How to get at what the user itself could not open. */
interface Handles {
  /** The Bun binary, or -1: by its path. */
  readonly bunFd: number;
  /** What Bun is told to run: the program's path, or STANDARD_INPUT for its bundle. */
  readonly program: string;
}

async function launch(plan: LaunchPlan): Promise<never> {
  const abi = landlockAbi();
  if (abi === 0 && plan.requiresLandlock) throw new Error("this kernel has no Landlock, which confines file access");
  const rules = rulesFor(plan, executablesIn(readFileSync("/proc/self/maps", "utf8")));
  const allowed = rules.map((rule) => resolved(rule.path));
  const exposed = findExposed(allowed, plan.forbidden.map(resolved));
  if (exposed !== undefined) throw new Error(`${exposed} lies in a directory that the program may read`);

  // In a session of its own: Ctrl-C in the keeper's terminal is for the keeper, which drains. Fails where it already leads one.
  processCalls().setsid();
  process.umask(UMASK);
  keepOnly(plan.fds);
  const handles = await openFor(plan);
  // The runtime lists its working directory when it reads its program from standard input, so that one must be readable.
  process.chdir(handles.program === STANDARD_INPUT ? libraryDirectoryIn(rules) : "/");
  const ruleset = abi > 0 ? makeRuleset(abi, rules) : -1;
  setLimits();
  dropPrivileges(plan.user, plan.bindLowPorts);
  setNoNewPrivileges();
  if (ruleset >= 0) restrictTo(ruleset);
  installFilter(startFilter(requireSupportedMachine(), process.pid));
  return become(plan, handles);
}

/** Marks every descriptor beyond stderr to be closed by execve, except the listed ones. Throws where one of those is not open. */
function keepOnly(fds: readonly number[]): void {
  const { fcntl } = processCalls();
  for (const name of readdirSync("/proc/self/fd")) {
    const fd = Number(name);
    // One of them is the directory listing itself, closed by now.
    if (fd >= FIRST_FD && !fds.includes(fd)) fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  for (const fd of fds) checked(`fcntl(${fd}, F_SETFD)`, fcntl(fd, F_SETFD, 0));
}

async function openFor(plan: LaunchPlan): Promise<Handles> {
  const { user, bun, program } = plan;
  if (user === null) return { bunFd: -1, program };
  const canExecute = isReachable(bun, user, MAY.EXECUTE);
  const bunFd = canExecute ? -1 : checked(`open(${bun})`, processCalls().open(ptr(cString(bun)), O_PATH_CLOEXEC, 0));
  if (isReachable(program, user, MAY.READ)) return { bunFd, program };
  putOnStandardInput(await bundled(program));
  return { bunFd, program: STANDARD_INPUT };
}

async function bundled(program: string): Promise<Uint8Array> {
  const { outputs } = await Bun.build({ entrypoints: [program], target: "bun" });
  const [output] = outputs;
  if (output === undefined || outputs.length !== 1) throw new Error(`${program} does not bundle into one text`);
  return new Uint8Array(await output.arrayBuffer());
}

function putOnStandardInput(text: Uint8Array): void {
  const fd = checked("memfd_create", memoryCalls().memfd_create(ptr(cString("program")), MFD_CLOEXEC));
  // By position, so that the reader begins at the beginning.
  for (let at = 0; at < text.length; ) at += writeSync(fd, text, at, text.length - at, at);
  checked("dup2", processCalls().dup2(fd, 0));
}

function become(plan: LaunchPlan, { bunFd, program }: Handles): never {
  const argv = cStringArray([plan.bun, ...plan.bunFlags, program, ...plan.args]);
  const environment = cStringArray(Object.entries(plan.env).map(([name, value]) => `${name}=${value}`));
  const [argvAt, environmentAt] = [ptr(argv.pointers), ptr(environment.pointers)];
  if (bunFd < 0) {
    processCalls().execve(ptr(cString(plan.bun)), argvAt, environmentAt);
  } else {
    const number = SYSCALL.execveat[requireSupportedMachine()];
    systemCall(number, bunFd, ptr(cString("")), argvAt, environmentAt, AT_EMPTY_PATH);
  }
  throw new SystemCallError(`execve(${plan.bun}) as uid ${process.getuid?.()}`, errno());
}

function libraryDirectoryIn(rules: readonly PathRule[]): string {
  const loader = rules.find((rule) => rule.access === "execute" && rule.path.includes(".so"));
  if (loader === undefined) throw new Error("no loader among the libraries of this process");
  return dirname(loader.path);
}

function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

try {
  await launch(parseLaunchPlan(process.argv[2] ?? ""));
} catch (error) {
  console.error(`selvedge: the worker was not started: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(LAUNCH_FAILED_EXIT_CODE);
}
