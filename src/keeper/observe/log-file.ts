import { closeSync, fstatSync, mkdirSync, openSync, readSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** Size at which a log makes room for a new one. Two are kept, so a log takes twice this at most. */
export const LOG_BYTES_MAX = 16 * 1024 * 1024;

const SCAN_BYTES = 256 * 1024;

/**
 * Lines of JSON on disk, bounded: when the file is full it becomes `<path>.1` and the one before is gone. A disk that does
 * not take them is reported by the caller; the lines are lost, serving goes on. Not fsynced: a log is no promise.
 */
export class LogFile {
  readonly path: string;
  readonly #bytesMax: number;
  #fd = -1;
  #size = 0;

  constructor(path: string, bytesMax = LOG_BYTES_MAX) {
    this.path = path;
    this.#bytesMax = bytesMax;
  }

  /** Appends whole lines, each with its newline. Throws what the file system says. */
  append(lines: string): void {
    if (this.#fd < 0) this.#open();
    const bytes = Buffer.from(lines);
    if (this.#size + bytes.length > this.#bytesMax && this.#size > 0) this.#rotate();
    this.#size += writeSync(this.#fd, bytes);
  }

  /** The newest line that holds `needle`, or `undefined`. Reads both files from the end, in pieces. */
  findLast(needle: string): string | undefined {
    for (const path of [this.path, `${this.path}.1`]) {
      const line = findLastLine(path, needle);
      if (line !== undefined) return line;
    }
    return undefined;
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  #open(): void {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    this.#fd = openSync(this.path, "a", 0o600);
    this.#size = fstatSync(this.#fd).size;
  }

  #rotate(): void {
    this.close();
    renameSync(this.path, `${this.path}.1`);
    this.#open();
  }
}

function findLastLine(path: string, needle: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    let end = fstatSync(fd).size;
    let tail = Buffer.alloc(0);
    while (end > 0) {
      const start = Math.max(0, end - SCAN_BYTES);
      const piece = Buffer.allocUnsafe(end - start);
      readSync(fd, piece, 0, piece.length, start);
      const text = Buffer.concat([piece, tail]);
      // The first line may have begun before this piece: it is looked at together with the next one.
      const whole = start === 0 ? 0 : text.indexOf(10) + 1;
      const found = text.lastIndexOf(needle);
      if (found >= whole) return lineAround(text, found);
      tail = Buffer.from(text.subarray(0, Math.min(whole, SCAN_BYTES)));
      end = start;
    }
    return undefined;
  } finally {
    closeSync(fd);
  }
}

function lineAround(text: Buffer, at: number): string {
  const start = text.lastIndexOf(10, at) + 1;
  const end = text.indexOf(10, at);
  return text.toString("utf8", start, end < 0 ? text.length : end);
}
