import { commandLineOf, processIds, startTimeOf, userIdsOf } from "../../kernel/process-facts.ts";
import { WORKER_STATS_FD } from "../../kernel/spawn-worker.ts";
import type { RunningWorker } from "./run-file.ts";

/** What a worker's argument says of whom it serves, so that a keeper finds its workers without any file. */
export function nodeMark(statePath: string): string {
  return new Bun.CryptoHasher("sha256").update(statePath).digest("hex").slice(0, 16);
}

/**
 * Workers that run for the node with this mark as `uid`, whatever the run file says: a full disk may not have taken it, or it
 * rotted. A worker that nobody finds would serve its generation for ever, beside the ones that serve the right one.
 * Another process of that user can pretend to be one; what it gets from that is to be told to end.
 */
export function findLeftWorkers(mark: string, uid: number): RunningWorker[] {
  return processIds().flatMap((pid) => {
    const workerId = workerIdIn(commandLineOf(pid), mark);
    if (workerId === undefined) return [];
    const startTime = startTimeOf(pid);
    const isOurs = startTime !== null && userIdsOf(pid).every((one) => one === uid);
    return isOurs ? [{ pid, startTime, workerId, statsFd: WORKER_STATS_FD }] : [];
  });
}

/** The worker's id out of its command line; `undefined` where that is another program's, or another node's worker's. */
export function workerIdIn(commandLine: readonly string[], mark: string): number | undefined {
  const argument = commandLine.at(-1);
  if (argument === undefined || !argument.includes(mark)) return undefined;
  try {
    const value: unknown = JSON.parse(argument);
    if (typeof value !== "object" || value === null) return undefined;
    const { node, workerId } = value as Readonly<Record<string, unknown>>;
    return node === mark && Number.isSafeInteger(workerId) && (workerId as number) > 0
      ? (workerId as number)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Each process once; what the run file says of one goes first. */
export function mergeWorkers(noted: readonly RunningWorker[], found: readonly RunningWorker[]): RunningWorker[] {
  const known = new Set(noted.map(({ pid, startTime }) => `${pid} ${startTime}`));
  return [...noted, ...found.filter(({ pid, startTime }) => !known.has(`${pid} ${startTime}`))];
}
