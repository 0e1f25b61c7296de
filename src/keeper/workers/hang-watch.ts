/** A worker whose loop has not turned for this long serves nobody. Reason: four times the slowest heartbeat. */
export const HUNG_AFTER_MS = 20_000;

/** A longer gap between two looks says that the keeper itself stood still, and nothing about workers. */
const OWN_GAP_MAX_MS = 10_000;

interface Pulse {
  heartbeat: number;
  sinceMs: number;
}

/** What of a worker this needs. */
export interface WatchedWorker {
  readonly id: number;
  readonly pid: number;
  readonly isDraining: boolean;
  kill(): void;
}

/** Tells workers that hang (an endless loop, a stop signal) from those that live. Pure but for what it remembers. */
export class HangWatch {
  readonly #pulses = new Map<number, Pulse>();
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  /**
   * Kills those that hang, not asks: whoever hangs does not hear. Their death does the rest. One round of looks.
   * @param onHung is told of each before it is killed.
   */
  endHung(
    workers: readonly WatchedWorker[],
    nowMs: number,
    heartbeat: (worker: number) => number,
    onHung: (pid: number, reason: string) => void,
  ): void {
    this.begin(nowMs, new Set(workers.map(({ id }) => id)));
    for (const worker of workers) {
      if (worker.isDraining || !this.isHung(worker.id, heartbeat(worker.id))) continue;
      onHung(worker.pid, "it hangs: its loop has stopped turning");
      worker.kill();
    }
  }

  /** Begins a round of looks. @param nowMs a clock that only goes forward. @param workers those that there are. */
  begin(nowMs: number, workers: ReadonlySet<number>): void {
    for (const worker of this.#pulses.keys()) if (!workers.has(worker)) this.#pulses.delete(worker);
    if (nowMs - this.#lookedAtMs > OWN_GAP_MAX_MS) for (const pulse of this.#pulses.values()) pulse.sinceMs = nowMs;
    this.#lookedAtMs = nowMs;
  }

  /** True where the heartbeat has stood still for too long. 0 = it has not begun to beat. */
  isHung(worker: number, heartbeat: number): boolean {
    const nowMs = this.#lookedAtMs;
    const pulse = this.#pulses.get(worker);
    if (pulse === undefined || pulse.heartbeat !== heartbeat) {
      this.#pulses.set(worker, { heartbeat, sinceMs: nowMs });
      return false;
    }
    return heartbeat !== 0 && nowMs - pulse.sinceMs >= HUNG_AFTER_MS;
  }
}
