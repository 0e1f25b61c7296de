/** Buffers of each size that are kept for whoever needs one next. Reason: several connections are busy within one turn. */
export const SPARES_OF_A_SIZE_MAX = 4;

/**
 * Large buffers that go from one user to the next, so that a busy connection does not make new ones many times a second. What
 * a former user wrote is still in them: whoever takes one reads only what he has written.
 */
export class SpareBuffers {
  readonly #bySize = new Map<number, Uint8Array<ArrayBuffer>[]>();

  /** A buffer of exactly this size; the taker's until he gives it back, which he need not. */
  take(size: number): Uint8Array<ArrayBuffer> {
    return this.#bySize.get(size)?.pop() ?? new Uint8Array(size);
  }

  /** The giver does not touch it any more. */
  giveBack(buffer: Uint8Array<ArrayBuffer>): void {
    const { length } = buffer;
    let spares = this.#bySize.get(length);
    if (spares === undefined) {
      spares = [];
      this.#bySize.set(length, spares);
    }
    if (spares.length < SPARES_OF_A_SIZE_MAX) spares.push(buffer);
  }
}
