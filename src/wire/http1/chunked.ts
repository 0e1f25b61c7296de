/** The chunked transfer coding, decoded in place: where the data is, not the data (RFC 9112 7.1). */
import { CR, HEX_VALUE, LF, NOT_HEX } from "./byte-classes.ts";
import { PARSE_ERROR } from "./head.ts";
import { TrailerSection } from "./trailer-section.ts";

/**
 * Most digits of a chunk size, leading zeros included. Reason: eight digits are chunks of up to 4 GiB, larger than any
 * sender makes, and far below where a number gets inexact or a 32-bit reader wraps round.
 */
export const CHUNK_SIZE_DIGITS_MAX = 8;

/** Most data ranges one `feed` answers; it stops early when they are full. Reason: 64 one-byte chunks are six TCP segments of nothing. */
export const CHUNK_RANGES_MAX = 64;

const STATE = { SIZE: 0, SIZE_LF: 1, DATA: 2, DATA_CR: 3, DATA_LF: 4, TRAILERS: 5, DONE: 6, FAILED: 7 } as const;
const SEMICOLON = 0x3b;

/**
 * Decodes one chunked body after another (`reset` between them), stopping and going on at any byte. Strict: sizes are
 * hexadecimal digits and CRLF, nothing else; chunk extensions are refused, because hardly anybody sends them and readers
 * disagree about them. Holds up to TRAILER_BYTES_MAX of trailers; bodies are never held.
 */
export class ChunkedDecoder {
  /** Pairs of start (inclusive) and end (exclusive) of data in the bytes given to the last `feed`. */
  readonly ranges = new Int32Array(CHUNK_RANGES_MAX * 2);
  /** Pairs in `ranges`; none is empty. */
  rangeCount = 0;
  /** Bytes of data since `reset`. */
  bodyBytes = 0;
  private state: number = STATE.SIZE;
  private digits = 0;
  /** While SIZE: the size so far; while DATA: what is left of the chunk. */
  private left = 0;
  private error = 0;
  private readonly trailers = new TrailerSection();

  /** True when the last byte of the body, trailers included, was consumed. */
  get isDone(): boolean {
    return this.state === STATE.DONE;
  }

  /** The trailer lines to pass on, each with its CRLF, without the empty line; see `trailerLength`. */
  get trailerBytes(): Uint8Array {
    return this.trailers.bytes;
  }

  /** How many of `trailerBytes` count. 0 where there were no trailers, or none that may be passed on. */
  get trailerLength(): number {
    return this.isDone ? this.trailers.length : 0;
  }

  /** Makes ready for the next body. */
  reset(): void {
    this.state = STATE.SIZE;
    this.digits = 0;
    this.left = 0;
    this.error = 0;
    this.bodyBytes = 0;
    this.rangeCount = 0;
    this.trailers.reset();
  }

  /**
   * Decodes from `buf[start, end)` and answers the offset up to which bytes were consumed: `end`, less where the body ended
   * (`isDone`) or where `ranges` is full (feed again from there); or a PARSE_ERROR, which every later `feed` repeats.
   */
  feed(buf: Uint8Array, start: number, end: number): number {
    this.rangeCount = 0;
    let at = start;
    while (at < end && this.state < STATE.DONE) {
      if (this.state === STATE.DATA) {
        if (this.rangeCount === CHUNK_RANGES_MAX) return at;
        at = this.takeData(at, end);
      } else if (this.state === STATE.TRAILERS) {
        at = this.trailers.feed(buf, at, end);
        if (at < 0) return this.fail(at);
        if (this.trailers.isComplete) this.state = STATE.DONE;
      } else {
        const error = this.takeFraming(buf[at]!);
        if (error < 0) return this.fail(error);
        at++;
      }
    }
    return this.state === STATE.FAILED ? this.error : at;
  }

  private takeData(at: number, end: number): number {
    const taken = Math.min(this.left, end - at);
    this.ranges[this.rangeCount * 2] = at;
    this.ranges[this.rangeCount * 2 + 1] = at + taken;
    this.rangeCount++;
    this.bodyBytes += taken;
    this.left -= taken;
    if (this.left === 0) this.state = STATE.DATA_CR;
    return at + taken;
  }

  private takeFraming(byte: number): number {
    switch (this.state) {
      case STATE.SIZE:
        return this.takeSize(byte);
      case STATE.SIZE_LF:
        if (byte !== LF) return PARSE_ERROR.BARE_CR;
        this.digits = 0;
        this.state = this.left === 0 ? STATE.TRAILERS : STATE.DATA;
        return 0;
      case STATE.DATA_CR:
        if (byte !== CR) return PARSE_ERROR.BAD_CHUNK_END;
        this.state = STATE.DATA_LF;
        return 0;
      default:
        if (byte !== LF) return PARSE_ERROR.BAD_CHUNK_END;
        this.state = STATE.SIZE;
        return 0;
    }
  }

  private takeSize(byte: number): number {
    const value = HEX_VALUE[byte]!;
    if (value !== NOT_HEX) {
      if (++this.digits > CHUNK_SIZE_DIGITS_MAX) return PARSE_ERROR.BAD_CHUNK_SIZE;
      this.left = this.left * 16 + value;
      return 0;
    }
    if (byte === LF) return PARSE_ERROR.BARE_LF;
    if (this.digits === 0) return PARSE_ERROR.BAD_CHUNK_SIZE;
    if (byte === SEMICOLON) return PARSE_ERROR.CHUNK_EXTENSION;
    if (byte !== CR) return PARSE_ERROR.BAD_CHUNK_SIZE;
    this.state = STATE.SIZE_LF;
    return 0;
  }

  private fail(error: number): number {
    this.state = STATE.FAILED;
    this.error = error;
    this.rangeCount = 0;
    return error;
  }
}
