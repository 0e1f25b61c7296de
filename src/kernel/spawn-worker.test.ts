import { afterEach, expect, test } from "bun:test";
import { chmodSync, chownSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LineProcess, startLines } from "../../test/support/line-process.ts";
import { landlockAbi } from "./landlock.ts";
import { LAUNCH_FAILED_EXIT_CODE } from "./launch-plan.ts";
import { startTimeOf } from "./process-facts.ts";
import { sandboxOf } from "./sandbox-report.ts";
import { createRegion, openRegionOf } from "./shared-memory.ts";
import { planFor, spawnWorker, WORKER_USER_DEFAULT, type WorkerOptions } from "./spawn-worker.ts";

const SUPPORT = join(import.meta.dir, "../../test/support");
const KEEPER = join(SUPPORT, "confined-keeper.ts");
const ATTACKER = join(SUPPORT, "confined-attacker.ts");
const isRoot = process.getuid?.() === 0;
const hasLandlock = landlockAbi() > 0;
const OTHER = WORKER_USER_DEFAULT.uid;
const AS_OTHER = ["setpriv", `--reuid=${OTHER}`, `--regid=${OTHER}`, "--clear-groups"];
const SECRET = "the key at rest";
if (!isRoot) console.log("spawn-worker: skipping what needs root");
if (!hasLandlock) console.log("spawn-worker: skipping what needs Landlock");

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

interface Started {
  readonly keeper: LineProcess;
  readonly pid: number;
  readonly statsFd: number;
  readonly bytes: number;
}

/** A keeper of the attacking worker, as us or (`prefix`) as somebody else. */
async function startKeeper(prefix: readonly string[] = [], bindLowPorts = false, program = ATTACKER): Promise<Started> {
  const { directory, secret } = stateDirectory(prefix.length > 0);
  const argument = { program, directory, secret, readable: [SUPPORT], bindLowPorts };
  const command = [...prefix, process.execPath, KEEPER, JSON.stringify(argument)];
  const keeper = startLines(command, {
    BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
    SELVEDGE_TEST_SECRET: "in the environment",
  });
  cleanups.push(() => keeper.end());
  const started = JSON.parse(await keeper.line()) as { pid: number; statsFd: number; bytes: number };
  cleanups.push(() => endProcess(started.pid));
  return { keeper, ...started };
}

/** A directory with a secret that file modes alone would let the worker read. */
function stateDirectory(isOthers: boolean): { directory: string; secret: string } {
  const directory = mkdtempSync(join(tmpdir(), "selvedge-state-"));
  cleanups.push(() => rmSync(directory, { recursive: true }));
  const secret = join(directory, "key");
  writeFileSync(secret, SECRET, { mode: 0o644 });
  chmodSync(directory, 0o755);
  if (isOthers) for (const path of [directory, secret]) chownSync(path, OTHER, OTHER);
  return { directory, secret };
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

interface Report {
  readonly attempt?: string;
  readonly need?: string;
  readonly outcome?: string;
  readonly lowPort?: string;
  readonly uid?: number;
  readonly environment?: Readonly<Record<string, string>>;
  readonly descriptors?: number;
}

async function reportsOf(keeper: LineProcess): Promise<Report[]> {
  const reports: Report[] = [];
  for (;;) {
    const report = JSON.parse(await keeper.line()) as Report & { exit?: unknown };
    if (report.exit !== undefined) throw new Error(`the worker ended: ${JSON.stringify(report.exit)}`);
    reports.push(report);
    if (report.uid !== undefined) return reports;
  }
}

async function expectConfined({ keeper, pid }: Started): Promise<void> {
  const reports = await reportsOf(keeper);
  const last = reports.at(-1)!;
  const attempts = reports.filter((report) => report.attempt !== undefined);
  expect(attempts.length).toBeGreaterThan(50);
  expect(attempts.filter((report) => report.outcome === "succeeded").map((report) => report.attempt)).toEqual([]);
  // System calls must fail because they are forbidden (EPERM, EACCES, ENOSYS) and not because they were called wrongly.
  const calls = attempts.filter((report) => report.attempt?.startsWith("ffi: "));
  expect(calls.filter((report) => !/errno (1|13|38)$/.test(report.outcome ?? ""))).toEqual([]);
  // A Worker that cannot even start would prove nothing about what it may do.
  expect(attempts.filter((report) => report.outcome?.includes("did not run"))).toEqual([]);
  const needs = reports.filter((report) => report.need !== undefined);
  expect(needs.map(({ need, outcome }) => `${need}: ${outcome}`)).toEqual(
    needs.map(({ need }) => `${need}: succeeded`),
  );
  const uid = isRoot ? OTHER : process.getuid?.();
  expect(last.uid).toBe(uid);
  expect(Object.keys(last.environment!)).not.toContain("SELVEDGE_TEST_SECRET");
  expect(sandboxOf(pid)).toEqual({ uid: uid!, noNewPrivileges: true, seccompFilters: 2, capabilities: 0n });
}

test.skipIf(!isRoot || !hasLandlock)(
  "a worker of a root keeper that attacks from every thread gets nowhere",
  async () => {
    await expectConfined(await startKeeper());
  },
);

test.skipIf(!hasLandlock)(
  "a worker of an unprivileged keeper that attacks from every thread gets nowhere",
  async () => {
    await expectConfined(await startKeeper(isRoot ? AS_OTHER : []));
  },
);

test.skipIf(!isRoot || !hasLandlock)(
  "a worker outlives its killed keeper, and the next one can read its region",
  async () => {
    for (const prefix of [[], AS_OTHER]) {
      const { keeper, pid, statsFd, bytes } = await startKeeper(prefix);
      await reportsOf(keeper);
      await keeper.end();
      expect(startTimeOf(pid)).not.toBeNull();
      const group = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ");
      // Its own process group and session: a terminal's Ctrl-C does not reach it.
      expect([group[2], group[3]]).toEqual([String(pid), String(pid)]);
      if (prefix.length === 0) {
        const region = openRegionOf(pid, statsFd, bytes);
        expect(region.bytes[0]).toBe(42);
        region.close();
      } else {
        expect(await readRegionAsOther(pid, statsFd, bytes)).toBe("42");
      }
    }
  },
);

test.skipIf(!isRoot || !hasLandlock)(
  "a worker whose user cannot enter the package is confined all the same",
  async () => {
    const { directory } = stateDirectory(false);
    for (const part of ["src/kernel", "test/support"]) {
      cpSync(join(import.meta.dir, "../..", part), join(directory, part), { recursive: true });
    }
    chmodSync(directory, 0o700);
    await expectConfined(await startKeeper([], false, join(directory, "test/support/confined-attacker.ts")));
  },
);

test.skipIf(!isRoot || !hasLandlock)(
  "a worker binds low ports only where it was given that, and has no other capability",
  async () => {
    for (const bindLowPorts of [false, true]) {
      const { keeper, pid } = await startKeeper([], bindLowPorts);
      const [report] = (await reportsOf(keeper)).filter((candidate) => candidate.lowPort !== undefined);
      const unprivileged = Number(readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "latin1"));
      expect(report?.lowPort === "succeeded").toBe(bindLowPorts || unprivileged <= 81);
      expect(sandboxOf(pid)?.capabilities).toBe(bindLowPorts ? 1n << 10n : 0n);
    }
  },
);

async function readRegionAsOther(pid: number, fd: number, bytes: number): Promise<string> {
  const module = JSON.stringify(join(import.meta.dir, "shared-memory.ts"));
  const script = `const { openRegionOf } = await import(${module});
    try { console.log(openRegionOf(${pid}, ${fd}, ${bytes}).bytes[0]); } catch (error) { console.log(error.code); }`;
  const next = startLines([...AS_OTHER, process.execPath, "-e", script], { BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" });
  cleanups.push(() => next.end());
  return next.line();
}

test.skipIf(!isRoot || !hasLandlock)(
  "nobody of the worker's user can look into the worker of a root keeper",
  async () => {
    const { keeper, pid, statsFd, bytes } = await startKeeper();
    await reportsOf(keeper);
    expect(await readRegionAsOther(pid, statsFd, bytes)).toBe("EACCES");
  },
);

function optionsFor(program: string, more: Partial<WorkerOptions> = {}): WorkerOptions {
  const stats = createRegion("stats", 4096);
  cleanups.push(() => stats.close());
  return {
    bun: process.execPath,
    program,
    packageRoot: join(import.meta.dir, "../.."),
    stats,
    args: {},
    forbidden: [],
    stderr: "ignore",
    ...more,
  };
}

test.skipIf(!hasLandlock)("a state directory beneath a readable one refuses to start", async () => {
  const { directory } = stateDirectory(false);
  for (const readable of [directory, tmpdir()]) {
    const worker = spawnWorker(optionsFor(ATTACKER, { readable: [SUPPORT, readable], forbidden: [directory] }));
    expect(await worker.exited).toEqual({ code: LAUNCH_FAILED_EXIT_CODE, signal: null });
  }
});

test("a Bun binary that is not there ends with the launcher's code and one line that says so", async () => {
  const { directory } = stateDirectory(false);
  const plan = { ...planFor(optionsFor(ATTACKER), isRoot), bun: join(directory, "no-bun"), fds: [] };
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "launcher.ts"), JSON.stringify(plan)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const message = await new Response(child.stderr).text();
  expect(await child.exited).toBe(LAUNCH_FAILED_EXIT_CODE);
  expect(message).toMatch(/^selvedge: the worker was not started: (execve|open)\(.*no-bun\).*\n$/);
});

test("a plan that makes no sense starts nothing", async () => {
  const good = planFor(optionsFor(ATTACKER), false);
  for (const plan of ["", "{}", JSON.stringify({ ...good, fds: ["3"] }), JSON.stringify({ ...good, fds: [987] })]) {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "launcher.ts"), plan], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    expect(await child.exited).toBe(LAUNCH_FAILED_EXIT_CODE);
  }
});

test("only root may ask for another user", () => {
  expect(() => planFor(optionsFor(ATTACKER, { user: { uid: 1, gid: 1 } }), false)).toThrow("only root");
  expect(planFor(optionsFor(ATTACKER), true).user).toEqual(WORKER_USER_DEFAULT);
  expect(planFor(optionsFor(ATTACKER), false).user).toBeNull();
});
