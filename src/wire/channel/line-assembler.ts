import { copyOf } from "../../base/copy-bytes.ts";
import { ChannelError } from "./codec.ts";

/** Longest record line. Reason: a service with 10,000 rules takes about 5 MB; far beyond that something is wrong. */
export const LINE_BYTES_MAX = 32 * 1024 * 1024;

const NEWLINE = 10;

/**
 * Puts the lines of a snapshot together again from the payloads of SNAPSHOT_LINES frames: a line may go on in the next
 * frame. Holds at most one unfinished line, of at most `LINE_BYTES_MAX`.
 */
export class LineAssembler {
  #parts: Uint8Array[] = [];
  #heldBytes = 0;

  /** True between lines: a snapshot that ends while this is false was cut short. */
  get isBetweenLines(): boolean {
    return this.#heldBytes === 0;
  }

  /**
   * Calls `onLine` with every line that `bytes` completes, without its newline; the view is valid only until it returns.
   * Throws ChannelError for an empty line and for one that is too long.
   */
  push(bytes: Uint8Array, onLine: (line: Uint8Array) => void): void {
    let start = 0;
    while (start < bytes.length) {
      const end = bytes.indexOf(NEWLINE, start);
      if (end < 0) break;
      const line = this.#finish(bytes.subarray(start, end));
      if (line.length === 0) throw new ChannelError("an empty line in a snapshot");
      start = end + 1;
      onLine(line);
    }
    if (start < bytes.length) this.#keep(bytes.subarray(start));
  }

  /** Forgets an unfinished line, before another snapshot. */
  reset(): void {
    this.#parts = [];
    this.#heldBytes = 0;
  }

  #keep(part: Uint8Array): void {
    this.#heldBytes += part.length;
    if (this.#heldBytes > LINE_BYTES_MAX) throw new ChannelError(`a line of more than ${LINE_BYTES_MAX} bytes`);
    this.#parts.push(copyOf(part));
  }

  #finish(tail: Uint8Array): Uint8Array {
    if (this.#heldBytes === 0) return tail;
    if (this.#heldBytes + tail.length > LINE_BYTES_MAX) {
      throw new ChannelError(`a line of more than ${LINE_BYTES_MAX} bytes`);
    }
    const line = new Uint8Array(this.#heldBytes + tail.length);
    let at = 0;
    for (const part of this.#parts) {
      line.set(part, at);
      at += part.length;
    }
    line.set(tail, at);
    this.reset();
    return line;
  }
}
