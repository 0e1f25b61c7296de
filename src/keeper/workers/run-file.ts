import type { ProcessIdentity } from "./process-identity.ts";
import type { Worker } from "./worker.ts";

/** A worker as the next keeper has to find it. */
export interface RunningWorker extends ProcessIdentity {
  readonly workerId: number;
  /** Descriptor of its statistics region inside the worker. */
  readonly statsFd: number;
}

/** What outlives a keeper that is killed: its workers, and the free ports they found. */
export interface RunFile {
  readonly workers: readonly RunningWorker[];
  /** Highest worker id ever used, so that no two regions are taken for one. */
  readonly workerIdMax: number;
  /** Real ports by listener key. */
  readonly ports: Readonly<Record<string, number>>;
}

export const EMPTY_RUN_FILE: RunFile = { workers: [], workerIdMax: 0, ports: {} };

/** Most orphans taken over. Reason: several keepers killed one after the other, with a worker per core each. */
export const ORPHANS_MAX = 256;

/** The run file as it is now. */
export function nextRunFile(
  before: RunFile,
  workers: readonly Pick<Worker, "id" | "pid" | "process">[],
  orphans: readonly RunningWorker[],
  ports: ReadonlyMap<string, number>,
): RunFile {
  const running = workers.map(({ id, pid, process: { startTime, statsFd } }) => ({
    pid,
    startTime,
    workerId: id,
    statsFd,
  }));
  const left = orphans.map(({ pid, startTime, workerId, statsFd }) => ({ pid, startTime, workerId, statsFd }));
  const workerIdMax = Math.max(before.workerIdMax, ...running.map((worker) => worker.workerId));
  return { workers: [...running, ...left], workerIdMax, ports: Object.fromEntries(ports) };
}

/** A run file out of what was read from disk; the empty one where it is of another shape. */
export function parseRunFile(value: unknown): RunFile {
  if (typeof value !== "object" || value === null) return EMPTY_RUN_FILE;
  const { workers, workerIdMax, ports } = value as Partial<RunFile>;
  if (!Array.isArray(workers) || workers.length > ORPHANS_MAX || !workers.every(isRunningWorker)) return EMPTY_RUN_FILE;
  if (!isCount(workerIdMax) || typeof ports !== "object" || ports === null) return EMPTY_RUN_FILE;
  if (!Object.values(ports).every((port) => isCount(port) && port > 0 && port <= 0xffff)) return EMPTY_RUN_FILE;
  return { workers, workerIdMax, ports };
}

function isRunningWorker(value: unknown): value is RunningWorker {
  if (typeof value !== "object" || value === null) return false;
  const { pid, startTime, workerId, statsFd } = value as Partial<RunningWorker>;
  // Never init, never ourselves by a pid of 0 or 1: these are going to be sent signals.
  return isCount(pid) && pid > 1 && isCount(startTime) && isCount(workerId) && isCount(statsFd);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
