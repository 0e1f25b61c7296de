/** The lines of a head into fields: by template where the head is like one before, else one by one. */
import { type EqualBytes, equalBytes, hashBytes } from "../hpack/bytes.ts";
import { BAD_FIELD, type HpackEncoder, NO_REFERENCE } from "../hpack/encoder.ts";
import { TEMPLATES_MAX } from "../hpack/limits.ts";
import { CR, LF } from "../http1/byte-classes.ts";
import { HEADER } from "../http1/head.ts";
import { headerKind } from "../http1/header-kind.ts";
import { HeadLine, scanLine, scanValue } from "./head-line.ts";
import { HeadTemplate } from "./head-template.ts";
import { isField } from "./line-rule.ts";

/** Reference of a line that has no place in HTTP/2. */
const DROPPED = -2;

/** Bytes of the first line by which a template is looked for. Reason: enough to tell clients apart, little to hash. */
export const TEMPLATE_KEY_BYTES = 24;

/** Up to here a loop compares faster than a native call. */
const LOOP_BYTES_MAX = 128;

/** Heads in a row that a template may miss before it is given up for them. */
const MISSES_MAX = 2;

/** What holds for all lines of a head. */
export interface LineContext {
  /** Whose credentials these are; as in HpackEncoder.writeField. */
  readonly owner: number;
  /** Lines of the HTTP/1.1 handshake of a WebSocket are left out. */
  readonly isWebsocket: boolean;
}

/** Where the hash begins by which a template is looked for. @param salt of the kind of head. */
export function templateSeed(salt: number, { owner, isWebsocket }: LineContext): number {
  return salt ^ Math.imul(owner, 0x9e3779b1) ^ (isWebsocket ? 1 : 0);
}

/** One per encoder. Makes each template on first use. */
export class LineEncoder {
  readonly #hpack: HpackEncoder;
  readonly #equal: EqualBytes;
  readonly #line = new HeadLine();
  readonly #templates: (HeadTemplate | undefined)[] = new Array(TEMPLATES_MAX).fill(undefined);
  readonly #keys = new Int32Array(TEMPLATES_MAX);
  /** Whose heads each template is of, and what kind: a hash of bytes that somebody chooses can be made to be any key. */
  readonly #owners = new Int32Array(TEMPLATES_MAX);
  readonly #seeds = new Int32Array(TEMPLATES_MAX);
  /** Offset behind the last line that was read. */
  #at = 0;

  /** @param equal for runs of many lines; single names are compared here. */
  constructor(hpack: HpackEncoder, equal: EqualBytes) {
    this.#hpack = hpack;
    this.#equal = equal;
  }

  /**
   * Encodes the lines from `start` and the empty line that must end `buf[start, end)`. Answers the offset behind the fields
   * in `into`, FULL or BAD_FIELD. Every byte is either compared with bytes that were accepted before, or looked at.
   */
  encode(
    buf: Uint8Array,
    start: number,
    end: number,
    into: Uint8Array,
    at: number,
    context: LineContext,
    salt: number,
  ): number {
    const linesEnd = end - 2;
    if (linesEnd < start || buf[linesEnd]! !== CR || buf[linesEnd + 1]! !== LF) return BAD_FIELD;
    const seed = templateSeed(salt, context);
    const key = hashBytes(buf, start, Math.min(linesEnd, start + TEMPLATE_KEY_BYTES), seed);
    const slot = key & (TEMPLATES_MAX - 1);
    const template = this.#templates[slot];
    this.#at = start;
    const isOfOwner = this.#owners[slot] === context.owner && this.#seeds[slot] === seed;
    if (template === undefined || this.#keys[slot] !== key || !isOfOwner) {
      this.#owners[slot] = context.owner;
      this.#seeds[slot] = seed;
      return this.#learn(slot, key, buf, start, linesEnd, into, at, context);
    }
    const to = this.#encodeLike(template, buf, linesEnd, into, at, context);
    if (to >= 0 && this.#at === linesEnd && this.#isComplete) {
      template.misses = 0;
      if (template.isDirty) template.lay(buf, start, linesEnd, this.#line);
      return to;
    }
    if (template.isDirty) template.part();
    if (to < 0) return to;
    if (++template.misses >= MISSES_MAX) this.#keys[slot] = ~key;
    return this.#encodeRest(buf, linesEnd, into, to, context, undefined);
  }

  /** All lines of the template were found in the head. */
  #isComplete = false;

  #encodeLike(
    template: HeadTemplate,
    buf: Uint8Array,
    end: number,
    into: Uint8Array,
    at: number,
    context: LineContext,
  ): number {
    const { count } = template;
    let to = at;
    let i = 0;
    this.#isComplete = false;
    while (i < count) {
      const runEnd = template.runEnd[i]!;
      if (runEnd > 0) {
        const from = template.start[i]!;
        const length = template.end[runEnd - 1]! - from;
        if (this.#at + length <= end && this.#isRun(buf, template.bytes, from, length)) {
          to = this.#writeRun(template, i, runEnd, buf, end, into, to, context);
          if (to < 0) return to;
          i = runEnd;
          continue;
        }
      }
      const nameBytes = template.nameBytes[i]!;
      const isSameName =
        this.#at + nameBytes < end && equalBytes(template.bytes, template.start[i]!, buf, this.#at, nameBytes + 1);
      if (!isSameName) return to;
      const lineStart = this.#at;
      const next = scanValue(buf, lineStart + nameBytes + 1, end, this.#line);
      if (next < 0) return BAD_FIELD;
      const name = template.name[i]!;
      if (name !== NO_REFERENCE && this.#hpack.holds(name)) {
        to = this.#hpack.writeChanging(into, to, name, buf, this.#line.valueStart, this.#line.valueEnd);
        if (to < 0) return to;
      } else {
        this.#line.nameEnd = lineStart + nameBytes;
        to = this.#writeLine(buf, lineStart, into, to, context, template.isPlainName[i] === 1);
        if (to < 0) return to;
        template.note(i, this.#reference);
        template.name[i] = this.#name;
      }
      this.#at = next;
      i++;
    }
    this.#isComplete = true;
    return to;
  }

  #isRun(buf: Uint8Array, known: Uint8Array, from: number, length: number): boolean {
    return length > LOOP_BYTES_MAX
      ? this.#equal(buf, this.#at, known, from, length)
      : equalBytes(buf, this.#at, known, from, length);
  }

  /** Lines known to be the same as the template's; only their entries may be gone. */
  #writeRun(
    template: HeadTemplate,
    first: number,
    runEnd: number,
    buf: Uint8Array,
    end: number,
    into: Uint8Array,
    at: number,
    context: LineContext,
  ): number {
    const base = this.#at - template.start[first]!;
    this.#at = base + template.end[runEnd - 1]!;
    const { version } = this.#hpack.table;
    const known = template.writeRun(first, version, into, at);
    if (known >= 0) return known;
    let isWhole = true;
    let to = at;
    for (let i = first; i < runEnd; i++) {
      const reference = template.reference[i]!;
      if (reference === DROPPED) continue;
      let next = this.#hpack.writeReference(into, to, reference);
      if (next === NO_REFERENCE && !this.#hpack.holds(reference)) {
        const lineStart = base + template.start[i]!;
        if (scanLine(buf, lineStart, end, this.#line) < 0) return BAD_FIELD;
        next = this.#writeLine(buf, lineStart, into, to, context, template.isPlainName[i] === 1);
        template.note(i, this.#reference);
        isWhole = false;
      }
      if (next < 0) return next;
      to = next;
    }
    if (isWhole) template.keepRun(first, version, into, at, to);
    return to;
  }

  #learn(
    slot: number,
    key: number,
    buf: Uint8Array,
    start: number,
    end: number,
    into: Uint8Array,
    at: number,
    context: LineContext,
  ): number {
    const template = this.#templates[slot] ?? new HeadTemplate();
    this.#keys[slot] = ~key;
    const to = this.#encodeRest(buf, end, into, at, context, template);
    if (to < 0) return to;
    this.#templates[slot] = template;
    this.#keys[slot] = template.begin(buf, start, end, this.#line) ? key : ~key;
    return to;
  }

  #encodeRest(
    buf: Uint8Array,
    end: number,
    into: Uint8Array,
    at: number,
    context: LineContext,
    learner: HeadTemplate | undefined,
  ): number {
    let to = at;
    for (let i = 0; this.#at < end; i++) {
      const lineStart = this.#at;
      const next = scanLine(buf, lineStart, end, this.#line);
      if (next < 0) return BAD_FIELD;
      if (learner !== undefined && i < learner.reference.length) {
        learner.isPlainName[i] = isPlain(buf, lineStart, this.#line.nameEnd, context) ? 1 : 0;
      }
      to = this.#writeLine(buf, lineStart, into, to, context, false);
      if (to < 0) return to;
      if (learner !== undefined && i < learner.reference.length) {
        learner.reference[i] = this.#reference;
        learner.name[i] = this.#name;
      }
      this.#at = next;
    }
    return to;
  }

  /** How the last line was written: whole, or its name. */
  #reference = NO_REFERENCE as number;
  #name = NO_REFERENCE as number;

  #writeLine(
    buf: Uint8Array,
    start: number,
    into: Uint8Array,
    at: number,
    context: LineContext,
    isPlainName: boolean,
  ): number {
    const line = this.#line;
    if (!isPlainName && !isField(buf, start, line, context.isWebsocket)) {
      this.#reference = DROPPED;
      this.#name = NO_REFERENCE;
      return at;
    }
    const to = this.#hpack.writeChecked(
      into,
      at,
      buf,
      start,
      line.nameEnd,
      buf,
      line.valueStart,
      line.valueEnd,
      context.owner,
    );
    this.#reference = this.#hpack.lastReference;
    this.#name = this.#hpack.lastName;
    return to;
  }
}

/** Of these names the value does not decide whether the line is a field. */
function isPlain(buf: Uint8Array, start: number, nameEnd: number, context: LineContext): boolean {
  const kind = headerKind(buf, start, nameEnd, false);
  return !context.isWebsocket && (kind === HEADER.OTHER || kind > HEADER.UPGRADE);
}
