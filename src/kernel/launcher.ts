/**
 * Starts a program that can do little else than talk: gives up user, groups, capabilities and file access, and then becomes
 * the program by execve, so that every thread of it is bound (restrictions of a running process bind only one of its threads).
 *
 * Usage: bun launcher.ts PLAN, where PLAN is a LaunchPlan as JSON. It never starts the program less confined than told: on any
 * failure it prints one line to stderr and exits with LAUNCH_FAILED_EXIT_CODE.
 */

import { ptr } from "bun:ffi";
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { resolve } from "node:path";
import { cString, cStringArray } from "./c-string.ts";
import { landlockAbi, restrictToPaths } from "./landlock.ts";
import {
  executablesIn,
  findExposed,
  LAUNCH_FAILED_EXIT_CODE,
  type LaunchPlan,
  parseLaunchPlan,
  rulesFor,
} from "./launch-plan.ts";
import { checked, errno, processCalls, SystemCallError } from "./libc.ts";
import { requireSupportedMachine } from "./machine.ts";
import { dropPrivileges, setLimits, setNoNewPrivileges } from "./privileges.ts";
import { installFilter, startFilter } from "./seccomp.ts";

const F_SETFD = 2;
const FD_CLOEXEC = 1;
const FIRST_FD = 3;
/** Nothing the program creates is for others. */
const UMASK = 0o077;

function launch(plan: LaunchPlan): never {
  const abi = landlockAbi();
  if (abi === 0 && plan.requiresLandlock) throw new Error("this kernel has no Landlock, which confines file access");
  const rules = rulesFor(plan, executablesIn(readFileSync("/proc/self/maps", "utf8")));
  const exposed = findExposed(
    rules.map((rule) => resolved(rule.path)),
    plan.forbidden.map(resolved),
  );
  if (exposed !== undefined) throw new Error(`${exposed} lies in a directory that the program may read`);

  // In a session of its own: Ctrl-C in the keeper's terminal is for the keeper, which drains. Fails where it already leads one.
  processCalls().setsid();
  process.umask(UMASK);
  process.chdir("/");
  keepOnly(plan.fds);
  setLimits();
  dropPrivileges(plan.user, plan.bindLowPorts);
  setNoNewPrivileges();
  if (abi > 0) restrictToPaths(abi, rules);
  installFilter(startFilter(requireSupportedMachine()));
  return become(plan);
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

function become(plan: LaunchPlan): never {
  const argv = cStringArray([plan.bun, ...plan.bunFlags, plan.program, ...plan.args]);
  const environment = cStringArray(Object.entries(plan.env).map(([name, value]) => `${name}=${value}`));
  processCalls().execve(ptr(cString(plan.bun)), ptr(argv.pointers), ptr(environment.pointers));
  throw new SystemCallError(`execve(${plan.bun}) as uid ${process.getuid?.()}`, errno());
}

function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

try {
  launch(parseLaunchPlan(process.argv[2] ?? ""));
} catch (error) {
  console.error(`selvedge: the worker was not started: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(LAUNCH_FAILED_EXIT_CODE);
}
