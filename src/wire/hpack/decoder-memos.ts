/** Runs of indexed fields that came before: copied in one go instead of field by field. */
import { HEADER } from "../http1/head.ts";
import { noteLine } from "../http1/header-lines.ts";
import { copyBytes } from "../http1/write-head.ts";
import { equalBytes, hashBytes } from "./bytes.ts";
import type { FieldList } from "./field-list.ts";
import { PSEUDO_MASK } from "./field-traits.ts";
import { DECODER_MEMOS_MAX, MEMO_BYTES_MAX, MEMO_FIELDS_MAX } from "./limits.ts";

/** What the list held before a run; a memo is the difference that the run makes. */
interface Before {
  length: number;
  lines: number;
  count: number;
  listBytes: number;
  cookieLine: number;
  pseudoSeen: number;
}

class Memo {
  /** Of the table when the run was read; -1 while nothing is known. */
  version = -1;
  readonly run = new Uint8Array(MEMO_FIELDS_MAX);
  runLength = 0;
  isLearnt = false;
  text = new Uint8Array(0);
  fields = 0;
  listBytes = 0;
  referencedBytes = 0;
  /** Which of its lines is the cookie, -1 for none. */
  cookieLine = -1;
  pseudoSeen = 0;
  readonly pseudoStart = new Int16Array(PSEUDO_MASK + 1);
  readonly pseudoEnd = new Int16Array(PSEUDO_MASK + 1);
  lines = 0;
  /** Some of its lines decide about the message. */
  hasDeciding = false;
  readonly kind = new Uint8Array(MEMO_FIELDS_MAX);
  readonly nameStart = new Int16Array(MEMO_FIELDS_MAX);
  readonly nameEnd = new Int16Array(MEMO_FIELDS_MAX);
  readonly valueEnd = new Int16Array(MEMO_FIELDS_MAX);
}

/**
 * A memo holds only for the exact bytes of the run and the exact state of the table, and only for runs without any fault
 * and with at most one cookie crumb. It is made on second sight. Makes each memo on first use.
 */
export class DecoderMemos {
  readonly #memos: (Memo | undefined)[] = new Array(DECODER_MEMOS_MAX).fill(undefined);
  readonly #before: Before = {
    length: 0,
    lines: 0,
    count: 0,
    listBytes: 0,
    cookieLine: -1,
    pseudoSeen: 0,
  };
  #memo: Memo | undefined = undefined;

  /**
   * Replays the run `buf[start, end)`, all one-byte indexed fields, into `fields`. Answers the bytes of dynamic entries it
   * refers to, or -1 when it has to be read field by field; `learn` afterwards.
   */
  replay(buf: Uint8Array, start: number, end: number, version: number, fields: FieldList): number {
    const slot = hashBytes(buf, start, end, 0) & (DECODER_MEMOS_MAX - 1);
    const length = end - start;
    this.#memo = undefined;
    if (length > MEMO_FIELDS_MAX || fields.isOversized) return -1;
    let memo = this.#memos[slot];
    if (memo === undefined) {
      memo = new Memo();
      this.#memos[slot] = memo;
    }
    const isSame = memo.version === version && memo.runLength === length && equalBytes(memo.run, 0, buf, start, length);
    if (isSame && memo.isLearnt) {
      if (!fits(memo, fields)) return -1;
      apply(memo, fields);
      return memo.referencedBytes;
    }
    if (isSame) this.#notice(memo, fields);
    else {
      memo.version = version;
      memo.isLearnt = false;
      memo.runLength = copyBytes(memo.run, 0, buf, start, end);
    }
    return -1;
  }

  /** After a run that `replay` did not know was read: keeps what it made of `fields`, if it was seen before. */
  learn(fields: FieldList, referencedBytes: number): void {
    const memo = this.#memo;
    if (memo === undefined) return;
    this.#memo = undefined;
    const before = this.#before;
    const text = fields.length - before.length;
    if (fields.isOversized || fields.faults !== 0) return;
    // A crumb that was joined changed a line before the run, or moved those inside it.
    const isCookieInside = fields.cookieLine >= before.lines;
    const added = fields.lines.count - before.lines + bitCount(fields.pseudoSeen & ~before.pseudoSeen);
    if (added !== fields.count - before.count) return;
    // A pseudo-header field of the same name before the run would have been a fault, one behind a line as well.
    if (text > MEMO_BYTES_MAX) return;
    memo.text = Uint8Array.from(fields.bytes.subarray(before.length, fields.length));
    memo.fields = fields.count - before.count;
    memo.listBytes = fields.listBytes - before.listBytes;
    memo.referencedBytes = referencedBytes;
    memo.pseudoSeen = fields.pseudoSeen & ~before.pseudoSeen;
    for (let i = 0; i <= PSEUDO_MASK; i++) {
      memo.pseudoStart[i] = fields.pseudoStart[i]! - before.length;
      memo.pseudoEnd[i] = fields.pseudoEnd[i]! - before.length;
    }
    const lines = fields.lines;
    memo.lines = lines.count - before.lines;
    memo.hasDeciding = false;
    for (let i = 0; i < memo.lines; i++) {
      const line = before.lines + i;
      memo.kind[i] = lines.kind[line]!;
      memo.hasDeciding ||= decides(lines.kind[line]!);
      memo.nameStart[i] = lines.nameStart[line]! - before.length;
      memo.nameEnd[i] = lines.nameEnd[line]! - before.length;
      memo.valueEnd[i] = lines.valueEnd[line]! - before.length;
    }
    memo.cookieLine = isCookieInside ? fields.cookieLine - before.lines : -1;
    memo.isLearnt = true;
  }

  #notice(memo: Memo, fields: FieldList): void {
    const before = this.#before;
    before.length = fields.length;
    before.lines = fields.lines.count;
    before.count = fields.count;
    before.listBytes = fields.listBytes;
    before.cookieLine = fields.cookieLine;
    before.pseudoSeen = fields.pseudoSeen;
    this.#memo = memo;
  }
}

/** False where the run would make a fault or cross a limit here that it did not where it was learnt. */
function fits(memo: Memo, fields: FieldList): boolean {
  if (memo.pseudoSeen !== 0 && ((memo.pseudoSeen & fields.pseudoSeen) !== 0 || fields.hasRegular)) return false;
  if (memo.cookieLine >= 0 && fields.cookieLine >= 0) return false;
  return (
    fields.listBytes + memo.listBytes <= fields.listBytesMax &&
    fields.count + memo.fields <= fields.fieldsMax &&
    fields.lines.count + memo.lines <= fields.linesMax
  );
}

function apply(memo: Memo, fields: FieldList): void {
  const base = fields.length;
  const lines = fields.lines;
  // Within the list's limit, hence within the buffer.
  fields.bytes.set(memo.text, base);
  fields.length = base + memo.text.length;
  fields.count += memo.fields;
  fields.listBytes += memo.listBytes;
  if (memo.pseudoSeen !== 0) {
    fields.pseudoSeen |= memo.pseudoSeen;
    for (let i = 1; i < PSEUDO_MASK; i++) {
      if ((memo.pseudoSeen & (1 << i)) === 0) continue;
      fields.pseudoStart[i] = base + memo.pseudoStart[i]!;
      fields.pseudoEnd[i] = base + memo.pseudoEnd[i]!;
    }
  }
  if (memo.cookieLine >= 0) fields.cookieLine = lines.count + memo.cookieLine;
  const { kind, nameStart, nameEnd, valueStart, valueEnd, count } = lines;
  const { neverIndexed } = fields;
  const { lines: added, kind: kinds, nameStart: nameStarts, nameEnd: nameEnds, valueEnd: valueEnds } = memo;
  // As `addLine` would, without looking everything up for each.
  for (let i = 0; i < added; i++) {
    const line = count + i;
    const end = base + nameEnds[i]!;
    neverIndexed[line] = 0;
    kind[line] = kinds[i]!;
    nameStart[line] = base + nameStarts[i]!;
    nameEnd[line] = end;
    valueStart[line] = end + 2;
    valueEnd[line] = base + valueEnds[i]!;
  }
  lines.count = count + added;
  if (!memo.hasDeciding) return;
  for (let i = 0; i < added; i++) if (decides(kinds[i]!)) noteLine(lines, kinds[i]!, count + i);
}

/** The first line of such a kind is remembered. */
function decides(kind: number): boolean {
  return kind !== HEADER.OTHER && kind <= HEADER.EXPECT;
}

function bitCount(bits: number): number {
  let count = 0;
  for (let left = bits; left !== 0; left &= left - 1) count++;
  return count;
}
