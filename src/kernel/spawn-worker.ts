/**
 * Starting a confined worker (`launcher.ts`) with a channel to it and a shared region.
 *
 * A worker outlives the process that started it: it gets no parent-death signal and leads a session of its own, so neither
 * SIGKILL of the keeper nor Ctrl-C reaches it. Its channel then reads as closed, and the next keeper finds its region through
 * `openRegionOf` (see shared-memory.ts for who may).
 */

import { join } from "node:path";
import type { LaunchPlan } from "./launch-plan.ts";
import type { UserIds } from "./privileges.ts";
import { RUNTIME_FLAGS } from "./runtime-flags.ts";
import type { Region } from "./shared-memory.ts";

/** Where the worker finds what it was given. */
export const WORKER_CHANNEL_FD = 3;
export const WORKER_STATS_FD = 4;

/**
 * Who a worker of a root keeper is where nobody says otherwise: an id that no distribution gives to anybody. Not `nobody`,
 * which is shared by everything that was meant to own nothing: whoever runs as the worker's user may end it, and may listen on
 * its ports beside it (SO_REUSEPORT asks only for the same user) and be handed other services' calls.
 */
export const WORKER_USER_DEFAULT: UserIds = { uid: 65525, gid: 65525 };

/** How a worker ended: one of the two is not null. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** What to start. */
export interface WorkerOptions {
  /** Absolute path of the Bun binary. */
  readonly bun: string;
  /** Absolute path of the worker program, beneath `packageRoot`/src or `readable`. */
  readonly program: string;
  /** The package: its `src` is made readable for the worker, and nothing else of it. */
  readonly packageRoot: string;
  /** Whom it runs as. As root WORKER_USER_DEFAULT where absent; otherwise it stays who we are, and a user is refused. */
  readonly user?: UserIds;
  /** Keeps CAP_NET_BIND_SERVICE, so that it can listen below port 1024. */
  readonly bindLowPorts?: boolean;
  /** Its statistics; stays the caller's. */
  readonly stats: Region;
  /** Further fields of the worker's one argument, a JSON object. */
  readonly args: Readonly<Record<string, string | number | boolean>>;
  /** Its environment besides what `spawnWorker` sets. */
  readonly env?: Readonly<Record<string, string>>;
  /** Flags for Bun. */
  readonly bunFlags?: readonly string[];
  /** Further paths it may read. */
  readonly readable?: readonly string[];
  /** Paths it must not be able to read: the state directory. Starting is refused where they lie beneath readable ones. */
  readonly forbidden: readonly string[];
  /** Default true. */
  readonly requiresLandlock?: boolean;
  /** Where its messages go: our stderr, nowhere, or a descriptor. Default: our stderr. */
  readonly stderr?: "inherit" | "ignore" | number;
  /** Called once when it has ended, also where it was never started. */
  readonly onExit?: (exit: WorkerExit) => void;
}

/** A started worker. */
export interface SpawnedWorker {
  readonly pid: number;
  /** Our end of the channel, the caller's to adopt (`adoptSocket`) and close. */
  readonly channelFd: number;
  readonly exited: Promise<WorkerExit>;
  /** Sends a signal; nothing where it has ended. */
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

/** The worker's one argument: JSON of this, with the fields of `WorkerOptions.args` besides. */
export interface WorkerArgument {
  readonly channelFd: number;
  readonly statsFd: number;
  readonly statsBytes: number;
  /** To be handed to `sealProcess`. */
  readonly isHidden: boolean;
}

/** Starts the launcher, which becomes the worker or exits with LAUNCH_FAILED_EXIT_CODE. Throws where Bun cannot be started. */
export function spawnWorker(options: WorkerOptions): SpawnedWorker {
  const plan = planFor(options, process.getuid?.() === 0);
  const exit = Promise.withResolvers<WorkerExit>();
  const launcher = join(import.meta.dir, "launcher.ts");
  const child = Bun.spawn([options.bun, ...RUNTIME_FLAGS, launcher, JSON.stringify(plan)], {
    // "socket-fd" makes a socket pair whose other end is ours to adopt.
    stdio: ["ignore", "ignore", options.stderr ?? "inherit", "socket-fd", options.stats.fd],
    env: RUNTIME_ENVIRONMENT,
    cwd: "/",
    detached: true,
    onExit: (_child, code, signal) => {
      const ended = { code, signal: signal === null ? null : String(signal) };
      exit.resolve(ended);
      options.onExit?.(ended);
    },
  });
  const channelFd = child.stdio[WORKER_CHANNEL_FD];
  if (typeof channelFd !== "number") throw new Error("the runtime made no channel for the worker");
  // A keeper that wants to end does not wait for its workers to end first.
  child.unref();
  return { pid: child.pid, channelFd, exited: exit.promise, kill: (signal) => child.kill(signal) };
}

/** The plan for the launcher. Throws where a user is asked for that we cannot become. */
export function planFor(options: WorkerOptions, isRoot: boolean): LaunchPlan {
  if (!isRoot && options.user !== undefined) throw new Error("only root can start a worker as another user");
  const argument: WorkerArgument = {
    ...options.args,
    channelFd: WORKER_CHANNEL_FD,
    statsFd: WORKER_STATS_FD,
    statsBytes: options.stats.bytes.length,
    isHidden: isRoot,
  };
  return {
    bun: options.bun,
    bunFlags: [...RUNTIME_FLAGS, ...(options.bunFlags ?? [])],
    program: options.program,
    args: [JSON.stringify(argument)],
    env: { ...RUNTIME_ENVIRONMENT, ...options.env },
    user: isRoot ? (options.user ?? WORKER_USER_DEFAULT) : null,
    bindLowPorts: options.bindLowPorts ?? false,
    fds: [WORKER_CHANNEL_FD, WORKER_STATS_FD],
    readable: [
      join(options.packageRoot, "src"),
      join(options.packageRoot, "package.json"),
      join(options.packageRoot, "tsconfig.json"),
      ...(options.readable ?? []),
    ],
    forbidden: options.forbidden,
    requiresLandlock: options.requiresLandlock ?? true,
  };
}

/**
 * No cache on disk (the runtime would try to write one), no report of use, nothing of the caller's environment. The collector
 * takes the shared statistics for memory of the heap and lets as much garbage gather again; told that the machine is small, it
 * comes in time: 70 MiB instead of 142 after 40,000 connections in 25 s, for the same CPU time per request.
 */
export const RUNTIME_ENVIRONMENT: Readonly<Record<string, string>> = {
  BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
  BUN_JSC_forceRAMSize: String(32 * 1024 * 1024),
  // By default a collection is a full one, 11 ms in which nothing is served, where less than a third of the heap is free for young
  // objects. Most of our heap is the statistics, so every second one was, for 9 % of what two loaded workers took. Now nearly none is.
  BUN_JSC_minEdenToOldGenerationRatio: "0.15",
  // The others give back what they freed as well: 4 MiB after 50,000 requests on 1,000 connections.
  BUN_JSC_decommitUnusedMarkedBlockPagesAfterEdenCollections: "1",
  // Touching memory ahead of need, in a thread of its own, is 1 % of a loaded worker's CPU for nothing that shows.
  BUN_JSC_useWarmUpMarkedBlocks: "0",
  // A timer of the runtime looks once a second whether to collect, which is nine tenths of what an idle worker costs.
  BUN_GC_TIMER_INTERVAL: "30000",
  DO_NOT_TRACK: "1",
  LANG: "C.UTF-8",
};
