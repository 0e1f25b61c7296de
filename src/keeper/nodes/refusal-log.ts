/** How long the same refusal is not written down again. Reason: a banned box knocks every few seconds, for weeks. */
export const REFUSAL_QUIET_MS = 600_000;

/** Refusals that are remembered; the oldest is forgotten first. */
export const REFUSALS_MAX = 256;

/** Lines a minute, whatever they are about. Reason: 30 MB of audit log are then two days of the worst. */
export const REFUSALS_PER_MINUTE_MAX = 60;

/** Lets each kind of refusal through once in a while, so that nobody fills the audit log by knocking. */
export class RefusalLog {
  readonly #nowMs: () => number;
  readonly #seen = new Map<string, { readonly untilMs: number; repeats: number }>();

  #minuteEndMs = 0;
  #written = 0;

  /** @param nowMs monotonic. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Whether one more line may be written now; counts it. */
  mayWrite(): boolean {
    const nowMs = this.#nowMs();
    if (nowMs >= this.#minuteEndMs) {
      this.#minuteEndMs = nowMs + 60_000;
      this.#written = 0;
    }
    return this.#written++ < REFUSALS_PER_MINUTE_MAX;
  }

  /** How often it came since it was written down last, where it is to be written down now; else `undefined`. */
  note(key: string): number | undefined {
    const nowMs = this.#nowMs();
    const seen = this.#seen.get(key);
    if (seen !== undefined && nowMs < seen.untilMs) {
      seen.repeats++;
      return undefined;
    }
    if (!this.mayWrite()) return undefined;
    this.#seen.delete(key);
    this.#seen.set(key, { untilMs: nowMs + REFUSAL_QUIET_MS, repeats: 0 });
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > REFUSALS_MAX && oldest !== undefined) this.#seen.delete(oldest);
    return seen?.repeats ?? 0;
  }
}
