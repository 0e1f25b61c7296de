import { copyOf } from "../../base/copy-bytes.ts";
import { SLIM_SHARE } from "./limits.ts";

/** Pieces up to this size are put together. Reason: the view of a piece weighs a hundred bytes. */
const JOINED_BYTES_MAX = 4 * 1024;

/** Content that came and cannot go on yet. Bounded by the window of its stream, which nobody opens meanwhile. */
export class HeldContent {
  readonly #pieces: Buffer[] = [];
  #bytes = 0;
  /** Bytes of the last piece that are in use, where it was made here and has room. */
  #lastLength = -1;
  /** Pieces stand as they came. */
  #isLent = false;

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes a piece, which it may keep. */
  push(piece: Buffer): void {
    const { length } = piece;
    this.#bytes += length;
    const isSlim = length <= JOINED_BYTES_MAX || length * SLIM_SHARE < piece.buffer.byteLength;
    if (!isSlim) {
      this.#trim();
      this.#pieces.push(piece);
    } else if (length > JOINED_BYTES_MAX) {
      this.#trim();
      this.#pieces.push(Buffer.from(copyOf(piece).buffer));
    } else this.#join(piece);
  }

  /** Takes a piece that may not stay as it is: `keep` before whoever has its memory goes on. */
  lend(piece: Buffer): void {
    this.#trim();
    this.#bytes += piece.length;
    this.#pieces.push(piece);
    this.#isLent = true;
  }

  /** What was lent and is still here stays. */
  keep(): void {
    if (!this.#isLent) return;
    this.#isLent = false;
    this.#bytes = 0;
    for (const piece of this.#pieces.splice(0)) this.push(piece);
  }

  /** The next piece, or `undefined`. */
  shift(): Buffer | undefined {
    if (this.#pieces.length === 1) this.#trim();
    const piece = this.#pieces.shift();
    this.#bytes -= piece?.length ?? 0;
    return piece;
  }

  clear(): void {
    if (this.#pieces.length === 0) return;
    this.#pieces.length = 0;
    this.#bytes = 0;
    this.#lastLength = -1;
    this.#isLent = false;
  }

  #join(piece: Buffer): void {
    let last = this.#pieces.at(-1);
    if (this.#lastLength < 0 || last === undefined || this.#lastLength + piece.length > last.length) {
      this.#trim();
      last = Buffer.allocUnsafeSlow(2 * JOINED_BYTES_MAX);
      this.#pieces.push(last);
      this.#lastLength = 0;
    }
    piece.copy(last, this.#lastLength);
    this.#lastLength += piece.length;
  }

  /** The last piece gets no more. */
  #trim(): void {
    const at = this.#pieces.length - 1;
    if (this.#lastLength >= 0 && at >= 0) this.#pieces[at] = this.#pieces[at]!.subarray(0, this.#lastLength);
    this.#lastLength = -1;
  }
}
