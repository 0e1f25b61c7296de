/** What a connection has to say until its owner writes it to the socket. */
import { CONTROL_RESERVE_BYTES, OUTPUT_BYTES_MAX } from "./limits.ts";
import { SpareBuffers } from "./spare-buffers.ts";

/** First size. Reason: what is said before the first stream, and most connections of a node say no more for long. */
const INITIAL_BYTES = 256;

/** A connection keeps a buffer of this size; larger ones are lent to it while it has so much to say. */
const OWN_BYTES_MAX = 16 * 1024;

/** For all connections of a worker. */
const spares = new SpareBuffers();

/**
 * Bytes in order. Frames of streams leave CONTROL_RESERVE_BYTES free, so that what the protocol demands can always be said
 * to a peer that reads. The owner takes `bytes[0, length)`, writes as much as the socket takes, and calls `consume`.
 */
export class OutputBuffer {
  bytes = new Uint8Array(INITIAL_BYTES);
  length = 0;
  #own = this.bytes;
  /** What the last busy turn came to: the next one is likely to need as much, and is spared growing to it. */
  #usualBytes = 0;

  /** Room for frames of streams. */
  get room(): number {
    return Math.max(0, OUTPUT_BYTES_MAX - CONTROL_RESERVE_BYTES - this.length);
  }

  /** Makes sure of room for a control frame of `count` bytes; false when the peer does not read and the reserve is used up. */
  reserveControl(count: number): boolean {
    return this.#reserve(count, OUTPUT_BYTES_MAX);
  }

  /** Makes sure of `count` bytes for a frame of a stream; false when the owner has to flush first. */
  reserve(count: number): boolean {
    return this.#reserve(count, OUTPUT_BYTES_MAX - CONTROL_RESERVE_BYTES);
  }

  /** The first `count` bytes were written. */
  consume(count: number): void {
    if (count < this.length) this.bytes.copyWithin(0, count, this.length);
    this.length -= count;
    if (this.length > 0 || this.bytes === this.#own) return;
    // A burst does not stay with an idle connection.
    this.#usualBytes = count * 2 < this.bytes.length ? 0 : this.bytes.length;
    spares.giveBack(this.bytes);
    this.bytes = this.#own;
  }

  #reserve(count: number, limit: number): boolean {
    const needed = this.length + count;
    if (needed > limit) return false;
    if (needed > this.bytes.length) this.#grow(needed);
    return true;
  }

  #grow(needed: number): void {
    let size = this.bytes.length;
    while (size < needed) size *= 2;
    const isOwn = size <= OWN_BYTES_MAX;
    const grown = isOwn ? new Uint8Array(size) : spares.take(Math.max(size, this.#usualBytes));
    grown.set(this.bytes.subarray(0, this.length));
    if (isOwn) this.#own = grown;
    else if (this.bytes !== this.#own) spares.giveBack(this.bytes);
    this.bytes = grown;
  }
}
