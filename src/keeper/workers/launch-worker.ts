import { readFileSync } from "node:fs";
import { createRegion } from "../../kernel/shared-memory.ts";
import { spawnWorker, WORKER_STATS_FD } from "../../kernel/spawn-worker.ts";
import { REGION_BYTES } from "../../telemetry/layout.ts";
import { startTimeOf } from "./process-identity.ts";
import type { LaunchedWorker, LaunchWorker } from "./worker-program.ts";

/** Where and as whom workers run. */
export interface WorkerPlace {
  /** Absolute path of the Bun binary. */
  readonly bun: string;
  /** Absolute path of the worker program. */
  readonly program: string;
  /** Absolute path of the package that the program belongs to. */
  readonly packageRoot: string;
  /** What no worker may read: the state directory. */
  readonly forbidden: readonly string[];
  /** As root: whom workers become; `undefined` where the launcher's default is right. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
}

/** Starts workers through the launcher that binds every thread of them; each with a statistics region of its own. */
export function workerLauncher(place: WorkerPlace): LaunchWorker {
  return async (workerId) => {
    const region = createRegion(`selvedge-stats-${workerId}`, REGION_BYTES);
    try {
      return start(place, workerId, region);
    } catch (error) {
      region.close();
      throw error;
    }
  };
}

function start(place: WorkerPlace, workerId: number, region: ReturnType<typeof createRegion>): LaunchedWorker {
  const { bun, program, packageRoot, forbidden, user } = place;
  const spawned = spawnWorker({
    bun,
    program,
    packageRoot,
    forbidden,
    ...(user === undefined ? {} : { user }),
    bindLowPorts: process.getuid?.() === 0,
    stats: region,
    args: { workerId },
    // A worker's memory is the services' loss: collect early rather than grow.
    bunFlags: ["--smol"],
  });
  return {
    pid: spawned.pid,
    startTime: startTimeOf(spawned.pid) ?? 0,
    channelFd: spawned.channelFd,
    region: region.bytes,
    statsFd: WORKER_STATS_FD,
    exited: spawned.exited,
    releaseRegion: () => region.close(),
  };
}

/** What binds a process, from /proc, in words for `status`: `uid 65534, no new privileges, seccomp`. */
export function describeSandbox(pid: number): string {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/status`, "latin1");
  } catch {
    return "unknown";
  }
  const field = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, "m").exec(text)?.[1];
  const words = [`uid ${field("Uid") ?? "?"}`];
  if (field("NoNewPrivs") === "1") words.push("no new privileges");
  if (field("Seccomp") === "2") words.push("seccomp");
  if (Number.parseInt(field("CapEff") ?? "1", 16) === 0) words.push("no capabilities");
  return words.join(", ");
}
