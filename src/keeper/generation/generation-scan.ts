import { closeSync, openSync, readSync } from "node:fs";
import { LINE_BYTES_MAX } from "../../wire/channel/line-assembler.ts";

/** Bytes read at a time. Reason: large enough that a file of 10,000 services takes 20 reads, small enough to stay cheap. */
export const SCAN_CHUNK_BYTES = 256 * 1024;

/** The file is torn, rotten or none of ours. */
export class GenerationFileError extends Error {
  override readonly name = "GenerationFileError";
}

const NEWLINE = 10;

/**
 * The lines of a generation file, header and checksum line included, without newlines; each a view that is valid until the
 * next one is asked for. The file is open until the iteration ends or is abandoned.
 */
export function* scanLines(path: string): Generator<Buffer, void, void> {
  const fd = openSync(path, "r");
  try {
    let chunk: Buffer = Buffer.allocUnsafe(SCAN_CHUNK_BYTES);
    let held = 0;
    while (true) {
      if (held === chunk.length) chunk = grow(chunk);
      const taken = readSync(fd, chunk, held, chunk.length - held, null);
      if (taken === 0) break;
      const end = held + taken;
      let start = 0;
      for (let newline = chunk.indexOf(NEWLINE, held); newline >= 0 && newline < end; ) {
        yield chunk.subarray(start, newline);
        start = newline + 1;
        newline = chunk.indexOf(NEWLINE, start);
      }
      chunk.copyWithin(0, start, end);
      held = end - start;
    }
    if (held > 0) throw new GenerationFileError(`${path} ends inside a line`);
  } finally {
    closeSync(fd);
  }
}

function grow(chunk: Buffer): Buffer {
  if (chunk.length > LINE_BYTES_MAX) throw new GenerationFileError(`a line of more than ${LINE_BYTES_MAX} bytes`);
  const grown = Buffer.allocUnsafe(chunk.length * 2);
  chunk.copy(grown);
  return grown;
}

/** What verifying a generation file gives. */
export interface GenerationFacts {
  /** Number of records. */
  readonly records: number;
  /** SHA-256 of the record lines with their newlines, in hex: equal for equal configurations. */
  readonly digest: string;
}

/**
 * Reads the whole file once: its first line must be the header, its last one the SHA-256 of everything before it. Throws
 * GenerationFileError where it is not so, and the system's error where it cannot be read.
 */
export function verifyGeneration(path: string): GenerationFacts {
  const whole = new Bun.CryptoHasher("sha256");
  const recordsOnly = new Bun.CryptoHasher("sha256");
  let last: Buffer | undefined;
  let lines = 0;
  for (const line of scanLines(path)) {
    if (lines === 0 && !isHeader(line)) throw new GenerationFileError(`${path} is no generation file`);
    if (last !== undefined) addLine(whole, last);
    if (last !== undefined && lines > 1) addLine(recordsOnly, last);
    last = Buffer.from(line);
    lines++;
  }
  if (last === undefined || lines < 2) throw new GenerationFileError(`${path} is cut short`);
  if (statedSum(last) !== whole.digest("hex")) throw new GenerationFileError(`${path}: checksum does not match`);
  return { records: lines - 2, digest: recordsOnly.digest("hex") };
}

/** The record lines of a file that was verified and has `records` of them. The same views as `scanLines`. */
export function* scanRecords(path: string, records: number): Generator<Buffer, void, void> {
  let index = 0;
  for (const line of scanLines(path)) {
    if (index > records) return;
    if (index > 0) yield line;
    index++;
  }
}

function addLine(hasher: Bun.CryptoHasher, line: Buffer): void {
  hasher.update(line);
  hasher.update("\n");
}

function isHeader(line: Buffer): boolean {
  return line.subarray(0, 14).toString("latin1") === '{"selvedge":1,' || line.toString("latin1") === '{"selvedge":1}';
}

function statedSum(line: Buffer): string | undefined {
  return /^\{"sha256":"([0-9a-f]{64})"\}$/.exec(line.toString("latin1"))?.[1];
}
