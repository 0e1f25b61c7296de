/** Longest head that is remembered. Reason: what repeats is short, and every connection keeps two of these. */
const HEAD_BYTES_REMEMBERED_MAX = 2048;
/** Heads in a row that were new, after which most are no longer remembered: this peer does not repeat itself. */
const MISSES_MAX = 4;
/** Of those, one in this many still is. */
const TRIED_AGAIN_EVERY = 16;

/**
 * The last head on one side of a connection, byte by byte. Peers repeat themselves, and a head that equals one that was parsed
 * needs no parsing: whatever was found out about it still holds. The owner keeps what was found out, and forgets it when the
 * memo does; offsets count from the start of `bytes`.
 */
export class HeadMemo {
  bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  #misses = 0;

  /** Length of the head that `input` begins with, where it is the remembered one; else 0. */
  match(input: Buffer): number {
    const length = this.#length;
    if (length === 0 || input.length < length) return 0;
    if (input.compare(this.bytes, 0, length, 0, length) !== 0) return 0;
    this.#misses = 0;
    return length;
  }

  /** Call before anything else is parsed into what the memo vouches for. */
  forget(): void {
    this.#length = 0;
  }

  /** Remembers `input[0, length)`, which is a whole head; false where it is not worth it. */
  remember(input: Buffer, length: number): boolean {
    this.#misses++;
    if (length > HEAD_BYTES_REMEMBERED_MAX) return false;
    if (this.#misses > MISSES_MAX && this.#misses % TRIED_AGAIN_EVERY !== 0) return false;
    if (this.bytes.length < length) this.bytes = Buffer.allocUnsafeSlow((length + 255) & ~255);
    input.copy(this.bytes, 0, 0, length);
    this.#length = length;
    return true;
  }
}
