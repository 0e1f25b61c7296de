/** Most bytes that may wait for a peer which does not read. Reason: a full snapshot waits outside, frame by frame. */
export const SEND_QUEUE_BYTES_MAX = 4 * 1024 * 1024;

/** What takes bytes: answers how many it took (0 = none now), or a negative number when it is closed. */
export type Write = (bytes: Uint8Array) => number;

/** Frames that a socket has not taken yet, in order. Knows nothing of sockets: the owner hands in how to write. */
export class SendQueue {
  readonly #write: Write;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isClosed = false;

  constructor(write: Write) {
    this.#write = write;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /**
   * Sends or queues a whole frame, which belongs to the queue from now on. Answers false, and drops the frame, where the
   * queue is full or closed: the owner then has to close the channel, since the peer is stuck or gone.
   */
  send(frame: Uint8Array): boolean {
    if (this.#isClosed) return false;
    if (this.#waitingBytes > 0) return this.#keep(frame);
    const taken = this.#write(frame);
    if (taken < 0) return this.#close();
    return taken >= frame.length || this.#keep(frame.subarray(taken));
  }

  /** Goes on after the socket said that it takes bytes again. Answers true when nothing waits any more. */
  flush(): boolean {
    while (this.#waiting.length > 0 && !this.#isClosed) {
      const head = this.#waiting[0] as Uint8Array;
      const taken = this.#write(head);
      if (taken < 0) return this.#close();
      this.#waitingBytes -= Math.min(taken, head.length);
      if (taken < head.length) {
        this.#waiting[0] = head.subarray(taken);
        return false;
      }
      this.#waiting.shift();
    }
    return this.#waiting.length === 0;
  }

  #keep(rest: Uint8Array): boolean {
    if (this.#waitingBytes + rest.length > SEND_QUEUE_BYTES_MAX) return false;
    this.#waiting.push(rest);
    this.#waitingBytes += rest.length;
    return true;
  }

  #close(): false {
    this.#isClosed = true;
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    return false;
  }
}
