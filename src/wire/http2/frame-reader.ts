/** From bytes, however they are cut, to frames: control frames whole, DATA in the pieces it comes in. */
import { FRAME_BYTES_MAX } from "./limits.ts";
import { ERROR_CODE, FLAG, FRAME, FRAME_HEADER_BYTES, STREAM_ID_MAX } from "./protocol.ts";
import { readUint32 } from "./settings.ts";

/** Answers of `next`. */
export const READ = {
  /** All bytes are used up. */
  NEED_MORE: 0,
  /** A whole frame: `buf[start, end)` is its payload. */
  FRAME: 1,
  /** A DATA frame begins: its header was read, and the length of its padding. */
  DATA_HEAD: 2,
  /** A piece of its content is `buf[start, end)`. */
  DATA_PIECE: 3,
  /** Its content is complete, and its padding. */
  DATA_END: 4,
  /** `error` says why; nothing more can be read. */
  ERROR: 5,
} as const;

const EMPTY = new Uint8Array(0);
/** First size of what is kept of a frame. */
const KEPT_BYTES_MIN = 256;
const PHASE = { HEADER: 0, PAYLOAD: 1, PAD_LENGTH: 2, CONTENT: 3, PADDING: 4 } as const;

/**
 * `feed` some bytes, then `next` until NEED_MORE. What a frame needs beyond what has come is kept, at most one frame; the
 * fed bytes themselves are not looked at after NEED_MORE. Checks sizes only.
 */
export class FrameReader {
  type = 0;
  flags = 0;
  streamId = 0;
  /** Of the payload, padding included. */
  length = 0;
  /** Where the payload or the piece stands. */
  buf: Uint8Array = EMPTY;
  start = 0;
  end = 0;
  /** Padding of a DATA frame with the byte that tells its length. */
  paddingBytes = 0;
  error = 0;
  /** Frames that were read to their end. */
  completed = 0;
  /** A frame has begun, and not all of it has come. */
  get isMidFrame(): boolean {
    return this.#phase !== PHASE.HEADER || this.#keptLength > 0;
  }
  /** The piece is the last of its frame. */
  get isLastPiece(): boolean {
    return this.#contentLeft === 0;
  }
  /** Content of the DATA frame under way that is still to come, bytes. */
  get contentLeft(): number {
    return this.#contentLeft;
  }
  readonly #dataBytesMax: number;
  #fed: Uint8Array = EMPTY;
  #at = 0;
  #fedEnd = 0;
  #phase: number = PHASE.HEADER;
  /** Bytes kept from earlier feeds: the beginning of a header or of a payload. */
  #kept: Uint8Array = EMPTY;
  #keptLength = 0;
  /** Made when the first header comes in two pieces. */
  #header: Uint8Array = EMPTY;
  /** Content, then padding, still to come. */
  #contentLeft = 0;
  #paddingLeft = 0;

  /** @param dataBytesMax largest payload of DATA that is read; of others it is FRAME_BYTES_MAX. */
  constructor(dataBytesMax: number = FRAME_BYTES_MAX) {
    this.#dataBytesMax = dataBytesMax;
  }

  feed(buf: Uint8Array, start: number, end: number): void {
    this.#fed = buf;
    this.#at = start;
    this.#fedEnd = end;
  }

  next(): number {
    for (;;) {
      const answer = this.#step();
      if (answer >= 0) return answer;
    }
  }

  /** One of READ, or -1 to go on. */
  #step(): number {
    switch (this.#phase) {
      case PHASE.HEADER:
        return this.#readHeader();
      case PHASE.PAYLOAD:
        return this.#readPayload();
      case PHASE.PAD_LENGTH:
        return this.#readPadLength();
      case PHASE.CONTENT:
        return this.#readContent();
      default:
        return this.#skipPadding();
    }
  }

  #needMore(): number {
    this.#fed = EMPTY;
    this.#at = 0;
    this.#fedEnd = 0;
    return READ.NEED_MORE;
  }

  #readHeader(): number {
    const available = this.#fedEnd - this.#at;
    if (this.#keptLength === 0 && available >= FRAME_HEADER_BYTES) {
      const at = this.#at;
      this.#at += FRAME_HEADER_BYTES;
      return this.#begin(this.#fed, at);
    }
    if (available === 0) return this.#needMore();
    if (this.#header.length === 0) this.#header = new Uint8Array(FRAME_HEADER_BYTES);
    const header = this.#header;
    while (this.#keptLength < FRAME_HEADER_BYTES && this.#at < this.#fedEnd) {
      header[this.#keptLength++] = this.#fed[this.#at++]!;
    }
    if (this.#keptLength < FRAME_HEADER_BYTES) return this.#needMore();
    this.#keptLength = 0;
    return this.#begin(header, 0);
  }

  #begin(buf: Uint8Array, at: number): number {
    this.length = (buf[at]! << 16) | (buf[at + 1]! << 8) | buf[at + 2]!;
    this.type = buf[at + 3]!;
    this.flags = buf[at + 4]!;
    // The reserved bit is ignored (RFC 9113 4.1).
    this.streamId = readUint32(buf, at + 5) & STREAM_ID_MAX;
    const isData = this.type === FRAME.DATA;
    if (this.length > (isData ? this.#dataBytesMax : FRAME_BYTES_MAX)) return this.#fail(ERROR_CODE.FRAME_SIZE_ERROR);
    if (!isData) {
      this.#phase = PHASE.PAYLOAD;
      return -1;
    }
    if ((this.flags & FLAG.PADDED) !== 0) {
      this.#phase = PHASE.PAD_LENGTH;
      return this.length === 0 ? this.#fail(ERROR_CODE.FRAME_SIZE_ERROR) : -1;
    }
    return this.#beginData(0, 0);
  }

  #readPadLength(): number {
    if (this.#at >= this.#fedEnd) return this.#needMore();
    const padding = this.#fed[this.#at++]!;
    // RFC 9113 6.1: padding may not be as long as what it stands in.
    if (padding >= this.length) return this.#fail(ERROR_CODE.PROTOCOL_ERROR);
    return this.#beginData(padding, 1);
  }

  #beginData(padding: number, padLengthBytes: number): number {
    this.paddingBytes = padding + padLengthBytes;
    this.#paddingLeft = padding;
    this.#contentLeft = this.length - this.paddingBytes;
    this.#phase = PHASE.CONTENT;
    return READ.DATA_HEAD;
  }

  #readContent(): number {
    if (this.#contentLeft === 0) {
      this.#phase = PHASE.PADDING;
      return -1;
    }
    const available = this.#fedEnd - this.#at;
    if (available === 0) return this.#needMore();
    this.buf = this.#fed;
    this.start = this.#at;
    this.end = this.#at + Math.min(available, this.#contentLeft);
    this.#contentLeft -= this.end - this.start;
    this.#at = this.end;
    return READ.DATA_PIECE;
  }

  #skipPadding(): number {
    const skipped = Math.min(this.#paddingLeft, this.#fedEnd - this.#at);
    this.#at += skipped;
    this.#paddingLeft -= skipped;
    if (this.#paddingLeft > 0) return this.#needMore();
    this.#phase = PHASE.HEADER;
    this.completed++;
    return READ.DATA_END;
  }

  #readPayload(): number {
    const available = this.#fedEnd - this.#at;
    if (this.#keptLength === 0 && available >= this.length) {
      this.buf = this.#fed;
      this.start = this.#at;
      this.end = this.#at + this.length;
      this.#at = this.end;
      return this.#frameEnd();
    }
    const taken = Math.min(available, this.length - this.#keptLength);
    this.#growKept(this.#keptLength + taken);
    this.#kept.set(this.#fed.subarray(this.#at, this.#at + taken), this.#keptLength);
    this.#keptLength += taken;
    this.#at += taken;
    if (this.#keptLength < this.length) return this.#needMore();
    this.buf = this.#kept;
    this.start = 0;
    this.end = this.length;
    // Belongs to the reader of this frame now; an idle connection keeps nothing.
    this.#kept = EMPTY;
    this.#keptLength = 0;
    return this.#frameEnd();
  }

  /** Grows with what has come, not with what was announced: nine bytes must not cost sixteen thousand. */
  #growKept(needed: number): void {
    if (needed <= this.#kept.length) return;
    const grown = new Uint8Array(Math.min(this.length, Math.max(KEPT_BYTES_MIN, needed * 2)));
    grown.set(this.#kept.subarray(0, this.#keptLength));
    this.#kept = grown;
  }

  #frameEnd(): number {
    this.#phase = PHASE.HEADER;
    this.completed++;
    return READ.FRAME;
  }

  #fail(error: number): number {
    this.error = error;
    return READ.ERROR;
  }
}
