import { startTimeOf } from "../../kernel/process-facts.ts";
import { createRegion } from "../../kernel/shared-memory.ts";
import { spawnWorker, WORKER_STATS_FD } from "../../kernel/spawn-worker.ts";
import { REGION_BYTES } from "../../telemetry/layout.ts";
import type { LaunchedWorker, LaunchWorker } from "./worker-program.ts";

/** Where and as whom workers run. */
export interface WorkerPlace {
  /** Absolute path of the Bun binary. */
  readonly bun: string;
  /** Absolute path of the worker program. */
  readonly program: string;
  /** Absolute path of the package that the program belongs to. */
  readonly packageRoot: string;
  /** Whom they serve, see `nodeMark`. */
  readonly mark: string;
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
  const { bun, program, packageRoot, mark, forbidden, user } = place;
  const spawned = spawnWorker({
    bun,
    program,
    packageRoot,
    forbidden,
    ...(user === undefined ? {} : { user }),
    bindLowPorts: process.getuid?.() === 0,
    stats: region,
    args: { workerId, node: mark },
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
