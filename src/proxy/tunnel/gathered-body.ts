/** The content of a short message, put together; never more than its bound. */
export class GatheredBody {
  readonly #bytesMax: number;
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** False: it is too long; nothing of it is kept then. `bytes` is kept as it is. */
  add(bytes: Uint8Array): boolean {
    this.#length += bytes.length;
    if (this.#length > this.#bytesMax) {
      this.#parts = [];
      return false;
    }
    if (bytes.length > 0) this.#parts.push(bytes);
    return true;
  }

  /** Everything that came. */
  get bytes(): Uint8Array {
    return this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
  }
}
