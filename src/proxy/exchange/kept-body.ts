import { copyOf } from "../../base/copy-bytes.ts";
import { KEPT_BODIES_BYTES_MAX, KEPT_BODY_BYTES_MAX } from "../limits.ts";
import type { MessageSink } from "../message-sink.ts";
import type { BodyWriter } from "./body-writer.ts";

/** A piece that is smaller than this part of the memory it stands in is copied. Reason: it would keep all of it. */
const SLIM_SHARE = 4;
/** Memory for small pieces that are copied, used again and again. Reason: most calls send less, and none should allocate. */
const SLOT_BYTES = 1024;
/** Slots that are kept for later. Reason: 256 KiB, calls under way at once on a busy node. */
const SPARE_SLOTS_MAX = 256;
const EMPTY: Buffer = Buffer.alloc(0);

/** Of all requests of the worker. */
let keptBytes = 0;
const spareSlots: Buffer[] = [];

/** Bytes of memory that bodies of all requests of this worker hold by being kept. */
export function keptBytesOfAll(): number {
  return keptBytes;
}

/**
 * What has been handed on of a body to another node: kept until anything is answered, because that node may say that it did not reach
 * the endpoint. One per exchange, made with its first body that leaves for another node (`keepBody`), and used again.
 */
export class KeptBody {
  #isKept = false;
  #first = EMPTY;
  #firstStart = 0;
  #firstEnd = 0;
  #isSlot = false;
  /** Bodies of several pieces are rare. */
  #more: Buffer[] | null = null;
  #length = 0;
  #cost = 0;
  #trailers = EMPTY;
  #isFramed = false;

  /** Everything that was handed over since `open` is here, and what comes is to be kept as well. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** Begins to keep, unless it is known that it will be too much. @param contentLength 0 where it is not known. */
  open(contentLength: number): void {
    this.release();
    this.#isKept = contentLength <= KEPT_BODY_BYTES_MAX;
  }

  /** Keeps a piece, which must stay as it is. Gives up where it is too much, for this request or for all together. */
  add(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    const isSlim = length * SLIM_SHARE < bytes.buffer.byteLength;
    const isSlot = isSlim && this.#length === 0 && length <= SLOT_BYTES;
    const cost = isSlot ? SLOT_BYTES : isSlim ? length : bytes.buffer.byteLength;
    if (this.#length + length > KEPT_BODY_BYTES_MAX || keptBytes + cost > KEPT_BODIES_BYTES_MAX) {
      this.release();
      return;
    }
    keptBytes += cost;
    this.#cost += cost;
    if (this.#length > 0) {
      this.#more ??= [];
      this.#more.push(isSlim ? bufferOf(bytes, start, end) : bytes.subarray(start, end));
    } else if (isSlot) {
      const slot = spareSlots.pop() ?? Buffer.allocUnsafeSlow(SLOT_BYTES);
      bytes.copy(slot, 0, start, end);
      this.#isSlot = true;
      this.#hold(slot, 0, length);
    } else if (isSlim) this.#hold(bufferOf(bytes, start, end), 0, length);
    else this.#hold(bytes, start, end);
    this.#length += length;
  }

  /** It came as content alone, and has ended with these trailers, which hold during the call. */
  endFramed(bytes: Uint8Array, start: number, end: number): void {
    this.#isFramed = true;
    if (end > start) this.#trailers = bufferOf(bytes, start, end);
  }

  /** Hands everything over once more, to a writer that was begun anew; it stays, but for what a socket gives back. */
  replay(writer: BodyWriter, out: MessageSink, scratch: Buffer): void {
    const start = this.#firstStart;
    const end = this.#firstEnd;
    // Whoever takes it may still have it when a slot serves another request.
    if (this.#isSlot) writer.write(bufferOf(this.#first, start, end), 0, end - start, out, scratch);
    else if (end > start) writer.write(this.#first, start, end, out, scratch);
    for (const piece of this.#more ?? []) writer.write(piece, 0, piece.length, out, scratch);
    if (this.#isFramed) writer.endWith(this.#trailers, 0, this.#trailers.length, out, scratch);
  }

  /** Lets go of it. */
  release(): void {
    if (!this.#isKept) return;
    this.#isKept = false;
    keptBytes -= this.#cost;
    if (this.#isSlot && spareSlots.length < SPARE_SLOTS_MAX) spareSlots.push(this.#first);
    this.#isSlot = false;
    this.#hold(EMPTY, 0, 0);
    this.#more = null;
    this.#length = 0;
    this.#cost = 0;
    this.#trailers = EMPTY;
    this.#isFramed = false;
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    this.#first = bytes;
    this.#firstStart = start;
    this.#firstEnd = end;
  }
}

/** Opens what an exchange has, or makes it. @param contentLength as of `KeptBody.open`. */
export function keepBody(known: KeptBody | null, contentLength: number): KeptBody {
  const kept = known ?? new KeptBody();
  kept.open(contentLength);
  return kept;
}

function bufferOf(bytes: Uint8Array, start: number, end: number): Buffer {
  return Buffer.from(copyOf(bytes, start, end).buffer);
}
