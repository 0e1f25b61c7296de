import type { Socket } from "bun";
import { copyOf } from "../base/copy-bytes.ts";
import { giveBack, isWhole } from "../base/given-memory.ts";
import type { MessageSink } from "./message-sink.ts";

/** Memory for what is put together before it is sent. Reason: a head and a usual first piece of body. */
const CORK_BYTES = 64 * 1024;
/** Pieces that are copied to be put together; larger ones leave by themselves. */
const CORKED_PIECE_BYTES_MAX = 32 * 1024;

/** Shared by all outputs: one at a time is corked, and never longer than a callback runs. */
const cork = Buffer.allocUnsafeSlow(CORK_BYTES);
let corked: Output | null = null;
let corkedBytes = 0;

/** Sends what is put together for whichever output: nothing more comes with it. */
export function uncorkAny(): void {
  corked?.uncork();
}

/**
 * The sending half of one socket. `socket.write` takes what the kernel has room for; the rest is ours to keep until the
 * socket drains. What is kept is bounded by back-pressure: whoever feeds this stops reading when `write` answers false.
 */
export class Output implements MessageSink {
  readonly isFramed = false;
  socket: Socket<unknown> | null = null;
  /** Bytes taken but not yet accepted by the kernel. */
  queuedBytes = 0;
  /** Bytes handed to the kernel or queued, ever. */
  totalBytes = 0;
  /** Half-close when the queue is empty. */
  #isEnding = false;
  #hasEnded = false;
  #queue: Uint8Array[] = [];
  #headOffset = 0;
  /** Memory of queued chunks that nobody else refers to. */
  readonly #given = new Set<ArrayBufferLike>();

  get isFull(): boolean {
    return this.queuedBytes > 0;
  }

  head(bytes: Buffer, start: number, end: number): void {
    this.write(bytes, start, end, true);
  }

  last(): never {
    throw new Error("a socket has no frames");
  }

  trailers(): never {
    throw new Error("a socket has no frames");
  }

  finish(): void {
    // The framing has said it.
  }

  becomeRaw(): void {
    // It always was.
  }

  /**
   * Sends a whole chunk as it came from a socket, which nobody looks at any more: its memory goes back as soon as it has left.
   *
   * @returns as `write`. `bytes` is empty afterwards, or will be.
   */
  give(bytes: Uint8Array): boolean {
    const { length, buffer } = bytes;
    if (!isWhole(bytes)) return this.write(bytes, 0, length, false);
    this.uncork();
    this.totalBytes += length;
    const isSent = this.#send(bytes, 0, length, false);
    if (isSent) giveBack(buffer);
    else this.#given.add(buffer);
    return isSent;
  }

  /**
   * Sends `bytes[start, end)`. `isShared` tells that the caller will overwrite the bytes, so that what is left must be copied.
   *
   * @returns false when something had to be queued: stop feeding until `flush` answers true.
   */
  write(bytes: Uint8Array, start: number, end: number, isShared: boolean): boolean {
    const length = end - start;
    this.totalBytes += length;
    if (corked === this) {
      if (length <= CORKED_PIECE_BYTES_MAX && corkedBytes + length <= CORK_BYTES) {
        copyInto(cork, corkedBytes, bytes, start, end);
        corkedBytes += length;
        return this.queuedBytes === 0;
      }
      this.uncork();
    }
    return this.#send(bytes, start, end, isShared);
  }

  /** Until `uncork`, small writes are put together, so that they leave in one. */
  cork(): void {
    if (corked !== null && corked !== this) corked.uncork();
    corked = this;
  }

  /** Sends what was put together; true when nothing is queued after it. */
  uncork(): boolean {
    if (corked !== this) return this.queuedBytes === 0;
    corked = null;
    const length = corkedBytes;
    corkedBytes = 0;
    if (length > 0) this.#send(cork, 0, length, true);
    return this.queuedBytes === 0;
  }

  #send(bytes: Uint8Array, start: number, end: number, isShared: boolean): boolean {
    const length = end - start;
    let sent = 0;
    if (this.queuedBytes === 0 && this.socket) {
      sent = this.socket.write(bytes, start, length);
      if (sent === length) return true;
      if (sent < 0) return true;
    }
    const rest = isShared ? copyOf(bytes, start + sent, end) : bytes.subarray(start + sent, end);
    this.#queue.push(rest);
    this.queuedBytes += rest.length;
    return false;
  }

  /** Sends what is queued; true when nothing is left. Call from the socket's `drain` and when it opens. */
  flush(): boolean {
    const socket = this.socket;
    if (!socket) return this.queuedBytes === 0;
    while (this.#queue.length > 0) {
      const chunk = this.#queue[0]!;
      const length = chunk.length - this.#headOffset;
      const sent = socket.write(chunk, this.#headOffset, length);
      if (sent < 0) {
        this.drop();
        return true;
      }
      this.queuedBytes -= sent;
      if (sent < length) {
        this.#headOffset += sent;
        return false;
      }
      this.#headOffset = 0;
      this.#queue.shift();
      if (this.#given.delete(chunk.buffer)) giveBack(chunk.buffer);
    }
    if (this.#isEnding) this.#shutdown();
    return true;
  }

  /** Half-closes after everything queued has gone out. `shutdown`, because `end` may drop what the peer is still sending. */
  end(): void {
    this.uncork();
    this.#isEnding = true;
    if (this.queuedBytes === 0) this.#shutdown();
  }

  /** The last byte is with the kernel: from here on the runtime reports the peer's last byte as the close of the socket. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Forgets what is queued, because nobody will read it. */
  drop(): void {
    if (corked === this) {
      corked = null;
      corkedBytes = 0;
    }
    this.#queue.length = 0;
    this.#given.clear();
    this.#headOffset = 0;
    this.queuedBytes = 0;
  }

  #shutdown(): void {
    if (this.#hasEnded || !this.socket) return;
    this.#hasEnded = true;
    this.socket.shutdown();
  }
}

function copyInto(target: Buffer, at: number, source: Uint8Array, start: number, end: number): void {
  // `Buffer.copy` makes no view of the source, which costs as much as copying a kilobyte.
  if (Buffer.isBuffer(source)) source.copy(target, at, start, end);
  else target.set(source.subarray(start, end), at);
}
