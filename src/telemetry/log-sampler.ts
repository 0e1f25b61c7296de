/**
 * Which finished requests reach the access log: everything that went wrong, and a share of the rest. Random rather than every
 * n-th, because callers that alternate between two requests would otherwise show only one of them.
 */
export class LogSampler {
  #state: number;
  #threshold = 0;
  #takesAll = false;

  /** @param percent of successes, 0 to 100. @param seed any number but 0, different for each worker. */
  constructor(percent: number, seed: number) {
    this.#state = seed | 0 || 1;
    this.setPercent(percent);
  }

  /** From now on this share of successes, 0 to 100; what lies outside counts as the nearer end. */
  setPercent(percent: number): void {
    this.#takesAll = percent >= 100;
    this.#threshold = percent > 0 ? Math.floor(percent * 0.01 * 2 ** 32) : 0;
  }

  /** While a tap is on every request is taken. */
  tapped = false;

  /** @param status as answered, 0 for none or TCP. @param flag position in RESPONSE_FLAGS. */
  takes(status: number, flag: number): boolean {
    if (flag !== 0 || status >= 400 || this.#takesAll || this.tapped) return true;
    // Marsaglia's xorshift with 32 bits of state: three shifts, and no call.
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return state >>> 0 < this.#threshold;
  }
}
