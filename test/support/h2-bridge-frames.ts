/**
 * The two directions of a bridge that puts a caller's HTTP/2 on a connection where the bridge itself has used stream 1, and
 * each request needs lines of the bridge's. All else passes as it came, so that what the caller does wrong stays wrong.
 */
import { FRAME_BYTES_MAX, TUNNEL_DATA_FRAME_BYTES_MAX } from "../../src/wire/http2/limits.ts";
import { FLAG, FRAME, PREFACE, parseFrames } from "./http2-frames.ts";

/** Streams of the caller have numbers this much higher behind the bridge. */
const SHIFT = 2;
const HEADER_BYTES = 9;
const ID_MASK = 0x7fff_ffff;

const shifted = (word: number, by: number): number => {
  const id = word & ID_MASK;
  return id === 0 ? word >>> 0 : ((word & ~ID_MASK) | ((id + by) & ID_MASK)) >>> 0;
};

/** Where the fragment of a HEADERS frame stands in its payload, or `undefined` where its padding is wrong. */
function fragmentOf(flags: number, payload: Buffer): { readonly start: number; readonly end: number } | undefined {
  const isPadded = (flags & FLAG.PADDED) !== 0;
  const start = (isPadded ? 1 : 0) + ((flags & FLAG.PRIORITY) === 0 ? 0 : 5);
  const end = payload.length - (isPadded ? (payload[0] ?? 0) : 0);
  return end < start ? undefined : { start, end };
}

/** Whether a header block ends where its last field does: lines that follow it mean what they say. */
export function isWholeBlock(block: Uint8Array): boolean {
  let at = 0;
  const integer = (bits: number): number => {
    const max = 2 ** bits - 1;
    let value = (block[at++] ?? 0) & max;
    if (value < max) return value;
    for (let shift = 1; at < block.length; shift *= 128) {
      const byte = block[at++]!;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
    return Number.POSITIVE_INFINITY;
  };
  const skipString = (): void => {
    if (at >= block.length) at = Number.POSITIVE_INFINITY;
    else {
      // Apart: in `at += integer(7)` the old `at` would be added to.
      const bytes = integer(7);
      at += bytes;
    }
  };
  while (at < block.length) {
    const first = block[at]!;
    if (first >= 0x80) integer(7);
    else if ((first & 0xe0) === 0x20) integer(5);
    else {
      if (integer((first & 0xc0) === 0x40 ? 6 : 4) === 0) skipString();
      skipString();
    }
  }
  return at === block.length;
}

/** From the caller to the server. */
export class RequestFrames {
  /** What has to be said of each request: fields as they stand in a block. */
  lines: readonly number[] = [];
  readonly #requested = new Set<number>();
  #rest = Buffer.alloc(0);
  #hasPreface = false;
  /** Nothing more is understood. */
  #isLost = false;
  /** The first head of a stream that goes on in CONTINUATION frames, as far as it came. */
  #block: { readonly id: number; bytes: Buffer } | null = null;
  /** Frames that came. */
  frames = 0;

  /** Takes what the caller sent; what the server is to get, as it is asked for: the preface, or one frame each. */
  *take(bytes: Uint8Array): Iterable<Buffer> {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (let piece = this.#next(); piece !== undefined; piece = this.#next()) yield piece;
  }

  #next(): Buffer | undefined {
    const { length } = this.#rest;
    if (length === 0) return undefined;
    if (this.#isLost) return this.#cut(length);
    if (!this.#hasPreface) return this.#preface();
    if (length < HEADER_BYTES) return undefined;
    const payloadBytes = this.#rest.readUIntBE(0, 3);
    // A frame that is longer cuts the connection off; what comes of it and behind it passes as it is.
    this.#isLost = payloadBytes > (this.#rest[3] === FRAME.DATA ? TUNNEL_DATA_FRAME_BYTES_MAX : FRAME_BYTES_MAX);
    if (this.#isLost) return this.#cut(length);
    return length < HEADER_BYTES + payloadBytes ? undefined : this.#frame(this.#cut(HEADER_BYTES + payloadBytes));
  }

  #preface(): Buffer | undefined {
    const length = Math.min(this.#rest.length, PREFACE.length);
    this.#isLost = this.#rest.toString("latin1", 0, length) !== PREFACE.slice(0, length);
    if (this.#isLost) return this.#cut(this.#rest.length);
    this.#hasPreface = length === PREFACE.length;
    return this.#hasPreface ? this.#cut(length) : undefined;
  }

  #cut(length: number): Buffer {
    const piece = Buffer.from(this.#rest.subarray(0, length));
    this.#rest = this.#rest.subarray(length);
    return piece;
  }

  #frame(frame: Buffer): Buffer {
    this.frames++;
    const [type, flags, id] = [frame[3]!, frame[4]!, frame.readUInt32BE(5) & ID_MASK];
    const payload = frame.subarray(HEADER_BYTES);
    frame.writeUInt32BE(shifted(frame.readUInt32BE(5), SHIFT), 5);
    if (type === FRAME.PRIORITY && payload.length === 5) shiftAt(payload, 0);
    if (type === FRAME.HEADERS) return this.#headers(frame, flags, id);
    if (type === FRAME.CONTINUATION && this.#block?.id === id) return this.#continuation(frame, flags, this.#block);
    return frame;
  }

  #headers(frame: Buffer, flags: number, id: number): Buffer {
    const payload = frame.subarray(HEADER_BYTES);
    const found = fragmentOf(flags, payload);
    if (found === undefined) return frame;
    if ((flags & FLAG.PRIORITY) !== 0) shiftAt(payload, found.start - 5);
    // Lines are for requests; what comes later on a stream are trailers, or wrong.
    if (this.#requested.has(id)) return frame;
    this.#requested.add(id);
    const fragment = payload.subarray(found.start, found.end);
    if ((flags & FLAG.END_HEADERS) === 0) {
      this.#block = { id, bytes: Buffer.from(fragment) };
      return frame;
    }
    return isWholeBlock(fragment) ? this.#withLines(frame, HEADER_BYTES + found.end) : frame;
  }

  #continuation(frame: Buffer, flags: number, block: { bytes: Buffer }): Buffer {
    block.bytes = Buffer.concat([block.bytes, frame.subarray(HEADER_BYTES)]);
    if ((flags & FLAG.END_HEADERS) === 0) return frame;
    this.#block = null;
    return isWholeBlock(block.bytes) ? this.#withLines(frame, frame.length) : frame;
  }

  #withLines(frame: Buffer, at: number): Buffer {
    const longer = Buffer.concat([frame.subarray(0, at), Uint8Array.from(this.lines), frame.subarray(at)]);
    longer.writeUIntBE(longer.length - HEADER_BYTES, 0, 3);
    return longer;
  }
}

/** From the server to the caller. */
export class AnswerFrames {
  #rest = Buffer.alloc(0);

  /**
   * Takes what the server sent; what the caller is to get. What is said on the bridge's own stream is not for it.
   * @throws where such a head would change the table that the caller decodes with.
   */
  take(bytes: Uint8Array): Buffer[] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const out: Buffer[] = [];
    while (this.#rest.length >= HEADER_BYTES) {
      const length = HEADER_BYTES + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < length) break;
      const frame = Buffer.from(this.#rest.subarray(0, length));
      this.#rest = this.#rest.subarray(length);
      const [{ type, streamId, payload }] = parseFrames(frame) as [ReturnType<typeof parseFrames>[number]];
      if (streamId === 1) {
        if (type === FRAME.HEADERS) throwIfIndexed(payload);
        continue;
      }
      frame.writeUInt32BE(shifted(streamId, -SHIFT), 5);
      if (type === FRAME.GOAWAY) frame.writeUInt32BE(Math.max(0, payloadWord(frame) - SHIFT), HEADER_BYTES);
      out.push(frame);
    }
    return out;
  }
}

function payloadWord(frame: Buffer): number {
  return frame.readUInt32BE(HEADER_BYTES) & ID_MASK;
}

function shiftAt(payload: Buffer, at: number): void {
  payload.writeUInt32BE(shifted(payload.readUInt32BE(at), SHIFT), at);
}

/** The status is one byte of the static table; behind it stand literals. */
function throwIfIndexed(block: readonly number[]): void {
  if ((block[1] ?? 0) >= 0x40 && (block[1] ?? 0) < 0x80) throw new Error("the answer to a proof is in the table");
}
