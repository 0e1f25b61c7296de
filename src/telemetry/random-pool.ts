import { IdNumbers } from "./id-series.ts";
import type { ByteSource } from "./keystream.ts";

/** Bytes fetched from the random source at once. Reason: 128 trace contexts per call, and one page. */
export const RANDOM_POOL_BYTES = 4096;

/**
 * Random bytes for ids, fetched in bulk, because asking the source for 16 at a time costs more than the request's whole routing.
 * For ids that nobody else should guess the source must be a cryptographic one.
 */
export class RandomPool implements ByteSource {
  /** Numbers of ids that another node works out by itself. */
  readonly numbers = new IdNumbers(this);
  readonly #bytes = new Uint8Array(RANDOM_POOL_BYTES);
  readonly #fill: (into: Uint8Array<ArrayBuffer>) => void;
  #at = RANDOM_POOL_BYTES;

  /** @param fill overwrites the whole array with random bytes, such as `crypto.getRandomValues`. */
  constructor(fill: (into: Uint8Array<ArrayBuffer>) => void) {
    this.#fill = fill;
  }

  /** 0 to 255. Each byte of the source is given out once. */
  byte(): number {
    if (this.#at === RANDOM_POOL_BYTES) {
      this.#fill(this.#bytes);
      this.#at = 0;
    }
    return this.#bytes[this.#at++]!;
  }

  /** 0 to 2^32 - 1. */
  word(): number {
    return (this.byte() | (this.byte() << 8) | (this.byte() << 16) | (this.byte() << 24)) >>> 0;
  }
}
