import type { Destination } from "../mesh/destination.ts";

/** Longest authority that is remembered; longer ones are looked up every time. */
const AUTHORITY_BYTES_MAX = 128;

/**
 * What the last authority on a connection led to. Callers ask for the same one again and again, and comparing its bytes costs
 * a tenth of making a string of it and looking that up.
 */
export class AuthorityMemo {
  host = "";
  destination: Destination | null = null;
  readonly #bytes = new Uint8Array(AUTHORITY_BYTES_MAX);
  #length = -1;
  #epoch = -1;

  /** Whether `bytes[start, end)` is what was remembered, under the same snapshot. */
  holds(bytes: Uint8Array, start: number, end: number, epoch: number): boolean {
    const length = this.#length;
    if (end - start !== length || epoch !== this.#epoch) return false;
    const known = this.#bytes;
    for (let i = 0; i < length; i++) if (known[i] !== bytes[start + i]) return false;
    return true;
  }

  remember(
    bytes: Uint8Array,
    start: number,
    end: number,
    epoch: number,
    host: string,
    destination: Destination | null,
  ): void {
    this.host = host;
    this.destination = destination;
    this.#length = end - start;
    this.#epoch = epoch;
    if (this.#length > AUTHORITY_BYTES_MAX) this.#length = -1;
    else for (let i = 0; i < this.#length; i++) this.#bytes[i] = bytes[start + i]!;
  }
}
