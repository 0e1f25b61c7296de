/** The shape of a head: which of its lines stay the same from one to the next, and how those are written. */
import { NO_REFERENCE } from "../hpack/encoder.ts";
import { TEMPLATE_BYTES_MAX, TEMPLATE_LINES_MAX } from "../hpack/limits.ts";
import { copyBytes } from "../http1/write-head.ts";
import { type HeadLine, scanLine } from "./head-line.ts";

/** Heads in a row in which a line must be the same before it counts as one that stays. Doubled each time it then changes after all. */
const STREAK_MIN = 4;
const DEMOTIONS_MAX = 4;

/** References that are remembered as written take at most so many bytes, one with another. Reason: what a table of 64 KiB needs. */
const RUN_BYTES_PER_LINE = 2;

/** No version of a table. */
const UNKNOWN = -1;

/** Learnt from heads that were encoded line by line; says nothing about bytes that it does not hold. Owns a copy of one head's lines. */
export class HeadTemplate {
  /** The lines, each with CRLF. */
  bytes = new Uint8Array(0);
  count = 0;
  /** Heads in a row that had other lines. */
  misses = 0;
  readonly start = new Int16Array(TEMPLATE_LINES_MAX);
  readonly end = new Int16Array(TEMPLATE_LINES_MAX);
  readonly nameBytes = new Int16Array(TEMPLATE_LINES_MAX);
  /** As the encoder's `lastReference`, or DROPPED. */
  readonly reference = new Float64Array(TEMPLATE_LINES_MAX);
  /** For a line that stays, the index behind the run of such lines that it stands in; 0 for one that changes. */
  readonly runEnd = new Uint8Array(TEMPLATE_LINES_MAX);
  /** For a line that changes each time: the encoder's `lastName`, or NO_REFERENCE. */
  readonly name = new Float64Array(TEMPLATE_LINES_MAX);
  /** 1 where the name alone says that the line is a field. */
  readonly isPlainName = new Uint8Array(TEMPLATE_LINES_MAX);
  isDirty = false;
  /** References of the runs by their first line, as they were written when the table was at `#runVersion`. */
  readonly #runBytes = new Uint8Array(TEMPLATE_LINES_MAX * RUN_BYTES_PER_LINE);
  readonly #runLength = new Uint8Array(TEMPLATE_LINES_MAX);
  readonly #runVersion = new Float64Array(TEMPLATE_LINES_MAX);
  readonly #isStable = new Uint8Array(TEMPLATE_LINES_MAX);
  readonly #streak = new Uint8Array(TEMPLATE_LINES_MAX);
  readonly #demotions = new Uint8Array(TEMPLATE_LINES_MAX);

  /** Line `i` was written by itself; a line that stays may turn out to change, or the other way round. */
  note(i: number, reference: number): void {
    const isSame = reference === this.reference[i] && reference !== NO_REFERENCE;
    this.reference[i] = reference;
    if (!isSame) {
      this.#streak[i] = 0;
      if (this.#isStable[i] === 0) return;
      this.#isStable[i] = 0;
      if (this.#demotions[i]! < DEMOTIONS_MAX) this.#demotions[i]!++;
      this.isDirty = true;
    } else if (this.#isStable[i] === 0 && ++this.#streak[i]! >= STREAK_MIN << this.#demotions[i]!) {
      this.#isStable[i] = 1;
      this.isDirty = true;
    }
  }

  /** Writes the run that begins with line `first` again, as it was when the table was at `version`; NO_REFERENCE where that is not known. */
  writeRun(first: number, version: number, into: Uint8Array, at: number): number {
    if (this.#runVersion[first] !== version) return NO_REFERENCE;
    const bytes = this.#runBytes;
    const from = first * RUN_BYTES_PER_LINE;
    const length = this.#runLength[first]!;
    if (at + length > into.length) return NO_REFERENCE;
    for (let i = 0; i < length; i++) into[at + i] = bytes[from + i]!;
    return at + length;
  }

  /** The run that begins with line `first` was written as `into[start, end)`, all of it by reference, with the table at `version` throughout. */
  keepRun(first: number, version: number, into: Uint8Array, start: number, end: number): void {
    if (end - start > (this.runEnd[first]! - first) * RUN_BYTES_PER_LINE) return;
    copyBytes(this.#runBytes, first * RUN_BYTES_PER_LINE, into, start, end);
    this.#runLength[first] = end - start;
    this.#runVersion[first] = version;
  }

  /**
   * After a head that the template did not fit whole: lines that turned out to change leave their runs, since what is noted of
   * them is about other bytes than those kept here. What turned out to stay joins a run when its bytes are taken over.
   */
  part(): void {
    this.#runVersion.fill(UNKNOWN);
    let runEnd = 0;
    for (let i = this.count - 1; i >= 0; i--) {
      if (this.runEnd[i] === 0 || this.#isStable[i] === 0) runEnd = 0;
      else if (runEnd === 0) runEnd = i + 1;
      this.runEnd[i] = runEnd;
    }
  }

  /** Starts over with a head of other lines; `reference`, `name` and `isPlainName` are those of its lines already. False when it is too large to be one. */
  begin(buf: Uint8Array, start: number, end: number, line: HeadLine): boolean {
    this.#isStable.fill(0);
    this.#streak.fill(0);
    this.#demotions.fill(0);
    this.misses = 0;
    return this.lay(buf, start, end, line);
  }

  /** Takes the lines `buf[start, end)`, which were accepted just now, for its own; their number must be known to be the same, or new. */
  lay(buf: Uint8Array, start: number, end: number, line: HeadLine): boolean {
    this.isDirty = false;
    this.#runVersion.fill(UNKNOWN);
    this.count = 0;
    if (end - start > TEMPLATE_BYTES_MAX) return false;
    let at = start;
    let count = 0;
    while (at < end) {
      if (count === TEMPLATE_LINES_MAX) return false;
      const next = scanLine(buf, at, end, line);
      if (next < 0) return false;
      this.start[count] = at - start;
      this.end[count] = next - start;
      this.nameBytes[count] = line.nameEnd - at;
      at = next;
      count++;
    }
    if (this.bytes.length < end - start) this.bytes = new Uint8Array(end - start);
    copyBytes(this.bytes, 0, buf, start, end);
    let runEnd = 0;
    for (let i = count - 1; i >= 0; i--) {
      if (this.#isStable[i] === 0) runEnd = 0;
      else if (runEnd === 0) runEnd = i + 1;
      this.runEnd[i] = runEnd;
    }
    this.count = count;
    return true;
  }
}
