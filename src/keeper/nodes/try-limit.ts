/** Addresses that are remembered. Reason: a site's network has hundreds; the oldest is forgotten first. */
export const TRY_ADDRESSES_MAX = 1024;

/** Refused tries of one address per window. Reason: a person mistypes thrice; keys of 256 bits are not guessed anyway. */
export const TRIES_PER_ADDRESS_MAX = 10;

/** Length of a window. */
export const TRY_WINDOW_MS = 60_000;

/** Counts refused tries by address: bounds what somebody without a token can make this node do and write down. */
export class TryLimit {
  readonly #nowMs: () => number;
  readonly #windows = new Map<string, { readonly untilMs: number; tries: number }>();

  /** @param nowMs monotonic. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Whether this address has to wait. */
  isSpent(address: string): boolean {
    const window = this.#windows.get(address);
    return window !== undefined && this.#nowMs() < window.untilMs && window.tries >= TRIES_PER_ADDRESS_MAX;
  }

  /** Counts a refused try. */
  count(address: string): void {
    const nowMs = this.#nowMs();
    const window = this.#windows.get(address);
    if (window !== undefined && nowMs < window.untilMs) {
      window.tries++;
      return;
    }
    this.#windows.delete(address);
    this.#windows.set(address, { untilMs: nowMs + TRY_WINDOW_MS, tries: 1 });
    const [oldest] = this.#windows.keys();
    if (this.#windows.size > TRY_ADDRESSES_MAX && oldest !== undefined) this.#windows.delete(oldest);
  }
}
