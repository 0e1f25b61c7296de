import { closeSync, fstatSync, openSync, readSync } from "node:fs";
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

/** `{"sha256":"…"}` and its newline: the last line is always this long. */
const SUM_LINE_BYTES = 78;

/** Longest header line. */
const HEADER_BYTES_MAX = 4096;

/**
 * Reads the whole file once: its first line must be the header, its last one the SHA-256 of everything before it. Throws
 * GenerationFileError where it is not so, and the system's error where it cannot be read. Makes no copies: it must not cost a
 * small machine the memory of a large file.
 */
export function verifyGeneration(path: string): GenerationFacts {
  const fd = openSync(path, "r");
  try {
    const sumAt = fstatSync(fd).size - SUM_LINE_BYTES;
    if (sumAt <= 0) throw new GenerationFileError(`${path} is cut short`);
    const recordsAt = headerEnd(fd, path);
    if (recordsAt > sumAt) throw new GenerationFileError(`${path} is cut short`);
    const facts = hashFile(fd, recordsAt, sumAt);
    if (statedSum(readPart(fd, sumAt, SUM_LINE_BYTES)) !== facts.whole) {
      throw new GenerationFileError(`${path}: checksum does not match`);
    }
    return { records: facts.lines - 1, digest: facts.records };
  } finally {
    closeSync(fd);
  }
}

function headerEnd(fd: number, path: string): number {
  const head = readPart(fd, 0, HEADER_BYTES_MAX);
  const newline = head.indexOf(NEWLINE);
  if (newline < 0 || !isHeader(head.subarray(0, newline)))
    throw new GenerationFileError(`${path} is no generation file`);
  return newline + 1;
}

function hashFile(fd: number, recordsAt: number, end: number): { whole: string; records: string; lines: number } {
  const whole = new Bun.CryptoHasher("sha256");
  const records = new Bun.CryptoHasher("sha256");
  const chunk = Buffer.allocUnsafe(SCAN_CHUNK_BYTES);
  let lines = 0;
  let lastByte = 0;
  for (let at = 0; at < end; ) {
    const taken = readSync(fd, chunk, 0, Math.min(chunk.length, end - at), at);
    if (taken === 0) break;
    const part = chunk.subarray(0, taken);
    whole.update(part);
    records.update(part.subarray(Math.min(taken, Math.max(0, recordsAt - at))));
    for (let newline = part.indexOf(NEWLINE); newline >= 0; newline = part.indexOf(NEWLINE, newline + 1)) lines++;
    lastByte = part[taken - 1] as number;
    at += taken;
  }
  if (lastByte !== NEWLINE) throw new GenerationFileError("the last record is cut short");
  return { whole: whole.digest("hex"), records: records.digest("hex"), lines };
}

function readPart(fd: number, at: number, bytes: number): Buffer {
  const part = Buffer.alloc(bytes);
  return part.subarray(0, readSync(fd, part, 0, bytes, at));
}

/**
 * The record lines that hold `needle`: copies. Looks for it in large pieces rather than line by line, so that finding one of
 * 10,000 services takes a few milliseconds.
 */
export function findRecords(path: string, needle: string): Buffer[] {
  const fd = openSync(path, "r");
  try {
    const found: Buffer[] = [];
    let chunk: Buffer = Buffer.allocUnsafe(4 * SCAN_CHUNK_BYTES);
    let held = 0;
    while (true) {
      if (held === chunk.length) chunk = grow(chunk);
      const taken = readSync(fd, chunk, held, chunk.length - held, null);
      if (taken === 0) return found;
      const end = held + taken;
      const whole = chunk.lastIndexOf(NEWLINE, end - 1) + 1;
      collectLines(chunk.subarray(0, whole), needle, found);
      chunk.copyWithin(0, whole, end);
      held = end - whole;
    }
  } finally {
    closeSync(fd);
  }
}

function collectLines(lines: Buffer, needle: string, found: Buffer[]): void {
  for (let at = lines.indexOf(needle); at >= 0; ) {
    const start = at === 0 ? 0 : lines.lastIndexOf(NEWLINE, at) + 1;
    const end = lines.indexOf(NEWLINE, at);
    found.push(Buffer.from(lines.subarray(start, end)));
    at = lines.indexOf(needle, end);
  }
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

function isHeader(line: Buffer): boolean {
  return line.subarray(0, 14).toString("latin1") === '{"selvedge":1,' || line.toString("latin1") === '{"selvedge":1}';
}

function statedSum(line: Buffer): string | undefined {
  return /^\{"sha256":"([0-9a-f]{64})"\}$/.exec(line.toString("latin1").trimEnd())?.[1];
}
