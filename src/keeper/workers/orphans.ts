import { openRegionOf } from "../../kernel/shared-memory.ts";
import { REGION_BYTES } from "../../telemetry/layout.ts";
import { StatsReader } from "../../telemetry/stats-reader.ts";
import { isAlive } from "./process-identity.ts";
import type { RunningWorker } from "./run-file.ts";
import { signalProcess } from "./worker-program.ts";

/** How often orphans that drain are looked at; only while there are some, since they are nobody's children. */
export const ORPHAN_CHECK_MS = 100;

/** After SIGTERM an orphan gets its drain time and this; then it is killed. */
export const ORPHAN_DRAIN_MS_MAX = 15_000;

/** A worker of a keeper that was killed; it serves its last generation until it is told to drain. */
export interface Orphan extends RunningWorker {
  /** Its statistics, or `undefined` where they cannot be mapped any more. */
  readonly region: Uint8Array | undefined;
  releaseRegion(): void;
}

/** Its memory is its own to write: a lie ends it sooner and falsifies nothing but its own counts. */
function hasDrained({ region }: Orphan): boolean {
  if (region === undefined) return false;
  const reader = new StatsReader(region);
  const { hasDrained } = reader;
  reader.close();
  return hasDrained;
}

/** Those of an earlier keeper's workers that still run. Each keeps its region mapped until `releaseRegion`. */
export function findOrphans(workers: readonly RunningWorker[]): Orphan[] {
  return workers.filter(isAlive).map((worker) => ({ ...worker, ...openRegion(worker) }));
}

function openRegion(worker: RunningWorker): Pick<Orphan, "region" | "releaseRegion"> {
  try {
    const region = openRegionOf(worker.pid, worker.statsFd, REGION_BYTES);
    // Another process may have taken the pid between the check and the opening; its memory is not statistics.
    if (isAlive(worker)) return { region: region.bytes, releaseRegion: () => region.close() };
    region.close();
  } catch {
    // Its counts are lost, its connections need not be: it is still drained.
  }
  return { region: undefined, releaseRegion: () => {} };
}

export interface OrphanEvents {
  /** It has drained and counts nothing more. It is ended after this, so that what it counted is written down first. */
  onDrained(orphan: Orphan): void;
  /** It has ended. Its region is released after this. */
  onGone(orphan: Orphan): void;
}

/**
 * Tells orphans to drain, and ends each when it has. Killed after ORPHAN_DRAIN_MS_MAX. Answers a function that stops looking
 * after them.
 */
export function drainOrphans(orphans: readonly Orphan[], { onDrained, onGone }: OrphanEvents): () => void {
  const left = new Set(orphans);
  for (const orphan of orphans) if (isAlive(orphan)) signalProcess(orphan.pid, "SIGTERM");
  const deadline = performance.now() + ORPHAN_DRAIN_MS_MAX;
  const timer = setInterval(() => {
    for (const orphan of left) {
      if (isAlive(orphan)) {
        const isDrained = hasDrained(orphan);
        if (isDrained) onDrained(orphan);
        if (isDrained || performance.now() > deadline) signalProcess(orphan.pid, "SIGKILL");
        continue;
      }
      left.delete(orphan);
      onGone(orphan);
      orphan.releaseRegion();
    }
    if (left.size === 0) clearInterval(timer);
  }, ORPHAN_CHECK_MS);
  return () => {
    clearInterval(timer);
    for (const orphan of left) orphan.releaseRegion();
  };
}
