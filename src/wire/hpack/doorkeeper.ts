/** Decides which lines are worth an entry: those that come back while an entry made the first time would still be there. */

/** The second place of a hash comes from bits that the first one leaves alone. */
const SECOND_SHIFT = 16;

/**
 * Remembers lines by hash alone, so a collision can make a line enter one sight early and nothing worse. Its clock is the
 * bytes of all lines shown to it: the distance over which a table of that many bytes would have kept one.
 */
export class Doorkeeper {
  readonly #mask: number;
  readonly #hash: Int32Array;
  readonly #seenAt: Uint32Array;
  /** Wraps around; only differences count. */
  #clock = 1;

  /** @param slots how many lines to remember; a power of two. */
  constructor(slots: number) {
    this.#mask = slots - 1;
    this.#hash = new Int32Array(slots);
    this.#seenAt = new Uint32Array(slots);
  }

  /** Shows a line of `size` bytes and answers whether it was seen within the last `window` bytes of lines. */
  isBack(hash: number, size: number, window: number): boolean {
    const slot = this.#slotOf(hash);
    const isKnown = this.#hash[slot] === hash && this.#seenAt[slot] !== 0;
    const age = this.#age(slot);
    this.#clock = (this.#clock + size) >>> 0;
    this.#set(slot, hash);
    return isKnown && age <= window;
  }

  /** Lets a line count as just seen: one that is evicted although it was in use. */
  note(hash: number): void {
    this.#set(this.#slotOf(hash), hash);
  }

  #age(slot: number): number {
    return (this.#clock - this.#seenAt[slot]!) >>> 0;
  }

  /** A line has two places; with one, two lines of every head that share it would keep each other out for ever. */
  #slotOf(hash: number): number {
    const first = hash & this.#mask;
    if (this.#hash[first] === hash) return first;
    const second = (hash >>> SECOND_SHIFT) & this.#mask;
    if (this.#hash[second] === hash) return second;
    return this.#age(first) >= this.#age(second) ? first : second;
  }

  #set(slot: number, hash: number): void {
    this.#hash[slot] = hash;
    this.#seenAt[slot] = this.#clock || 1;
  }
}
