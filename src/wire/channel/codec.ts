import { FRAME_BYTES_MAX } from "./frames.ts";

/** Bytes before the payload: u32 length, u8 type. */
export const FRAME_HEADER_BYTES = 5;

/** Longest string in a frame, by the u16 before it. */
export const FRAME_STRING_BYTES_MAX = 0xffff;

/** First size of a reader's buffer for a frame that arrives in pieces. Reason: nearly every frame is smaller. */
const PARTIAL_BYTES_FIRST = 4 * 1024;

/** The peer broke the protocol. The channel has to be closed: what follows cannot be interpreted any more. */
export class ChannelError extends Error {
  override readonly name = "ChannelError";
}

/** `payload` is a view that is valid only until the call returns; a receiver that keeps it copies it. */
export type OnFrame = (type: number, payload: Uint8Array) => void;

/**
 * Cuts a byte stream into frames. Keeps at most one incomplete frame, so at most `FRAME_BYTES_MAX` and the header.
 *
 * A frame that lies whole in what is fed is handed over without a copy.
 */
export class FrameReader {
  readonly #onFrame: OnFrame;
  #partial = new Uint8Array(0);
  #held = 0;
  #broken = false;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** Bytes of an incomplete frame that are held back. Not 0 at the end of the stream: the peer died in mid-frame. */
  get heldBytes(): number {
    return this.#held;
  }

  /**
   * Hands every complete frame to `onFrame`, in order. Throws ChannelError where a frame announces more than
   * `FRAME_BYTES_MAX`, and on every call after that; whatever `onFrame` throws also makes the reader unusable.
   */
  feed(bytes: Uint8Array): void {
    if (this.#broken) throw new ChannelError("the channel was fed after it broke");
    this.#broken = true;
    let at = this.#held > 0 ? this.#completePartial(bytes) : 0;
    while (this.#held === 0 && bytes.length - at >= FRAME_HEADER_BYTES) {
      const end = at + FRAME_HEADER_BYTES + payloadLength(bytes, at);
      if (end > bytes.length) break;
      this.#onFrame(bytes[at + 4] as number, bytes.subarray(at + FRAME_HEADER_BYTES, end));
      at = end;
    }
    if (at < bytes.length && this.#held === 0) this.#hold(bytes.subarray(at));
    this.#broken = false;
  }

  /** Fills up the frame that is held; answers how many of `bytes` that took. */
  #completePartial(bytes: Uint8Array): number {
    let at = 0;
    if (this.#held < FRAME_HEADER_BYTES) {
      at = Math.min(FRAME_HEADER_BYTES - this.#held, bytes.length);
      this.#append(bytes.subarray(0, at));
      if (this.#held < FRAME_HEADER_BYTES) return at;
    }
    const total = FRAME_HEADER_BYTES + payloadLength(this.#partial, 0);
    const take = Math.min(total - this.#held, bytes.length - at);
    this.#append(bytes.subarray(at, at + take));
    if (this.#held < total) return at + take;
    const frame = this.#partial.subarray(0, total);
    this.#held = 0;
    // One large frame must not pin its size for the life of the channel.
    if (this.#partial.length > PARTIAL_BYTES_FIRST) this.#partial = new Uint8Array(0);
    this.#onFrame(frame[4] as number, frame.subarray(FRAME_HEADER_BYTES));
    return at + take;
  }

  #hold(rest: Uint8Array): void {
    if (rest.length >= FRAME_HEADER_BYTES) payloadLength(rest, 0);
    this.#append(rest);
  }

  #append(bytes: Uint8Array): void {
    const needed = this.#held + bytes.length;
    if (needed > this.#partial.length) {
      const grown = new Uint8Array(Math.max(needed, PARTIAL_BYTES_FIRST, this.#partial.length * 2));
      grown.set(this.#partial.subarray(0, this.#held));
      this.#partial = grown;
    }
    this.#partial.set(bytes, this.#held);
    this.#held = needed;
  }
}

function payloadLength(bytes: Uint8Array, at: number): number {
  const length =
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0;
  if (length > FRAME_BYTES_MAX) throw new ChannelError(`a frame of ${length} bytes, at most ${FRAME_BYTES_MAX}`);
  return length;
}

const encoder = new TextEncoder();

/** Builds one frame. Every value is checked: a value that does not fit its field throws RangeError, and nothing is sent. */
export class FrameWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #at = FRAME_HEADER_BYTES;

  constructor(type: number, payloadBytesExpected = 64) {
    this.#bytes = new Uint8Array(FRAME_HEADER_BYTES + payloadBytesExpected);
    this.#view = new DataView(this.#bytes.buffer);
    this.#bytes[4] = type;
  }

  u8(value: number): this {
    this.#room(1, value, 0xff);
    this.#view.setUint8(this.#at, value);
    this.#at += 1;
    return this;
  }

  u32(value: number): this {
    this.#room(4, value, 0xffffffff);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
    return this;
  }

  /** A u64 that is a safe integer here. */
  u64(value: number): this {
    this.#room(8, value, Number.MAX_SAFE_INTEGER);
    this.#view.setBigUint64(this.#at, BigInt(value), true);
    this.#at += 8;
    return this;
  }

  big64(value: bigint): this {
    if (value < 0n || value > 0xffffffffffffffffn) throw new RangeError(`${value} does not fit a u64`);
    this.#room(8, 0, 0);
    this.#view.setBigUint64(this.#at, value, true);
    this.#at += 8;
    return this;
  }

  /** u16 length and UTF-8; a longer one than `FRAME_STRING_BYTES_MAX` throws. */
  string(value: string): this {
    const bytes = encoder.encode(value);
    this.#room(2, bytes.length, FRAME_STRING_BYTES_MAX);
    this.#view.setUint16(this.#at, bytes.length, true);
    this.#at += 2;
    return this.bytes(bytes);
  }

  /** u32 length and bytes, copied. */
  block(value: Uint8Array): this {
    return this.u32(value.length).bytes(value);
  }

  /** Raw bytes, copied, without a length before them: only as the last field. */
  bytes(value: Uint8Array): this {
    this.#room(value.length, 0, 0);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  /** The whole frame. Throws RangeError where the payload is longer than `FRAME_BYTES_MAX`. */
  end(): Uint8Array {
    const payloadBytes = this.#at - FRAME_HEADER_BYTES;
    if (payloadBytes > FRAME_BYTES_MAX) throw new RangeError(`a payload of ${payloadBytes} bytes is too long`);
    this.#view.setUint32(0, payloadBytes, true);
    return this.#bytes.subarray(0, this.#at);
  }

  #room(bytes: number, value: number, valueMax: number): void {
    if (!Number.isInteger(value) || value < 0 || value > valueMax) {
      throw new RangeError(`${value} is not an integer from 0 to ${valueMax}`);
    }
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Reads the fields of one payload. Every read throws ChannelError where the payload is too short or a value is out of range. */
export class PayloadReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(payload: Uint8Array) {
    this.#bytes = payload;
    this.#view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  }

  /** An integer from 0 to `max`. */
  u8(max = 0xff): number {
    const value = this.#view.getUint8(this.#take(1));
    if (value > max) throw new ChannelError(`field value ${value}, at most ${max}`);
    return value;
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** A u64; one that is no safe integer is refused. */
  u64(): number {
    const value = this.#view.getBigUint64(this.#take(8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new ChannelError(`field value ${value} is beyond 2^53`);
    return Number(value);
  }

  big64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  /** u32 length and as many bytes: a view into the payload. */
  block(): Uint8Array {
    const length = this.u32();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Valid UTF-8 of at most `bytesMax`; anything else is refused. */
  string(bytesMax = FRAME_STRING_BYTES_MAX): string {
    const length = this.#view.getUint16(this.#take(2), true);
    if (length > bytesMax) throw new ChannelError(`a string of ${length} bytes, at most ${bytesMax}`);
    const start = this.#take(length);
    return decodeUtf8(this.#bytes.subarray(start, start + length));
  }

  /** What is left, as a view into the payload. */
  rest(): Uint8Array {
    const start = this.#take(this.#bytes.length - this.#at);
    return this.#bytes.subarray(start);
  }

  /** Throws ChannelError where bytes are left: a frame longer than its fields is not one of ours. */
  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw new ChannelError(`${left} bytes behind the last field`);
  }

  #take(bytes: number): number {
    const start = this.#at;
    if (start + bytes > this.#bytes.length) throw new ChannelError("the payload ends inside a field");
    this.#at = start + bytes;
    return start;
  }
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    throw new ChannelError("a string is not UTF-8");
  }
}
