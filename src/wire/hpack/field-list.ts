/** One decoded header list: bytes that can be written as HTTP/1.1 lines, and the index of offsets over them. */
import { asciiBytes, SP } from "../http1/byte-classes.ts";
import { HEADER_LINES_MAX, type HeaderLines } from "../http1/head.ts";
import { addLine, resetLines } from "../http1/header-lines.ts";
import { writeAscii } from "../http1/write-head.ts";
import { copyText } from "./bytes.ts";
import { LINE_OVERHEAD_BYTES } from "./dynamic-table.ts";
import { FAULT, FAULTS, KIND_MASK, PSEUDO, PSEUDO_MASK, PSEUDO_SHIFT, TRAIT } from "./field-traits.ts";
import { ENTRY_OVERHEAD_BYTES, FIELDS_MAX, HEADER_BLOCK_BYTES_MAX, HUFFMAN_GROWTH_MAX } from "./limits.ts";
import type { ListBounds } from "./list-bounds.ts";

const CRUMB_SEPARATOR = asciiBytes("; ");

/** Room that one field may need while it is decoded, however little of it is kept. */
const FIELD_BYTES_MAX = Math.ceil(HEADER_BLOCK_BYTES_MAX * HUFFMAN_GROWTH_MAX) + LINE_OVERHEAD_BYTES;

/**
 * Filled by one decoder at a time and read before the next block. Pseudo-header fields stand first in `bytes`, each value
 * followed by a space so that the HTTP/1.1 readers of targets can be used on it; then the regular lines without a gap, each
 * `name: value` CRLF, all crumbs of a cookie joined into the line of the first. Owns its buffer; meant to be shared by all
 * connections of a worker.
 */
export class FieldList {
  readonly bytes: Uint8Array;
  /** Bytes written. */
  length = 0;
  readonly lines: HeaderLines;
  /** 1 for a line that came as never-indexed and must leave as such (RFC 7541 6.2.3). */
  readonly neverIndexed: Uint8Array;
  /** Bits of FAULT; anything but 0 is a malformed message. */
  faults = 0;
  /** Bit `1 << PSEUDO` for each that was there. */
  pseudoSeen = 0;
  readonly pseudoStart = new Int32Array(PSEUDO_MASK + 1);
  readonly pseudoEnd = new Int32Array(PSEUDO_MASK + 1);
  /** Fields read, crumbs and pseudo-header fields included. */
  count = 0;
  /** Size of the list as RFC 9113 6.5.2 counts it. */
  listBytes = 0;
  /** The list was larger, or had more fields or lines, than is taken; nothing of it was kept. */
  isOversized = false;
  /** Index of the one cookie line, -1 where there is none. */
  cookieLine = -1;
  /** What is taken of the list that was begun last: numbers of their own, since every field is held against them. */
  listBytesMax: number;
  linesMax: number;
  fieldsMax: number;
  /** What is taken where a connection says nothing else. */
  readonly ownBounds: ListBounds;

  /**
   * @param lines where to index; a RequestHead's own, for instance, with room for as many as any connection takes.
   * @param listBytesMax largest list that is taken where a connection says nothing else, in bytes.
   * @param roomBytes the same of any connection.
   */
  constructor(lines: HeaderLines, listBytesMax: number, roomBytes: number = listBytesMax) {
    this.lines = lines;
    this.neverIndexed = new Uint8Array(lines.kind.length);
    this.ownBounds = { listBytes: listBytesMax, lines: HEADER_LINES_MAX, fields: FIELDS_MAX };
    this.listBytesMax = listBytesMax;
    this.linesMax = HEADER_LINES_MAX;
    this.fieldsMax = FIELDS_MAX;
    this.bytes = new Uint8Array(Math.max(roomBytes + FIELD_BYTES_MAX, 4 * roomBytes));
  }

  /** @param bounds of the connection, within the room that there is; `undefined`: the list's own. */
  begin(bounds: ListBounds = this.ownBounds): void {
    this.listBytesMax = bounds.listBytes;
    this.linesMax = bounds.lines;
    this.fieldsMax = bounds.fields;
    this.length = 0;
    this.faults = 0;
    this.pseudoSeen = 0;
    this.count = 0;
    this.listBytes = 0;
    this.isOversized = false;
    this.cookieLine = -1;
    resetLines(this.lines);
  }

  /** True when a regular field came already, so that no pseudo-header field may follow. */
  get hasRegular(): boolean {
    return this.lines.count > 0;
  }

  /** Gives the list up; the rest of the block is read for the sake of the dynamic table only. */
  giveUp(): void {
    this.isOversized = true;
    this.length = 0;
    this.cookieLine = -1;
    resetLines(this.lines);
  }

  /** Adds a field that stands in `from` at `start` as `name: value` CRLF. */
  addCopy(from: Uint8Array, start: number, nameBytes: number, valueBytes: number, traits: number): void {
    if (!this.isOversized) {
      copyText(this.bytes, this.length, from, start, start + nameBytes + valueBytes + LINE_OVERHEAD_BYTES);
    }
    this.addInPlace(nameBytes, valueBytes, traits, false);
  }

  /** Adds a field that was written into `bytes` at `length` as `name: value` CRLF. */
  addInPlace(nameBytes: number, valueBytes: number, traits: number, isNeverIndexed: boolean): void {
    if (!this.#isTaken(nameBytes + valueBytes + ENTRY_OVERHEAD_BYTES)) return;
    this.faults |= traits & FAULTS;
    const nameStart = this.length;
    const nameEnd = nameStart + nameBytes;
    const valueStart = nameEnd + 2;
    const valueEnd = valueStart + valueBytes;
    const pseudo = (traits >>> PSEUDO_SHIFT) & PSEUDO_MASK;
    if (pseudo !== PSEUDO.NONE) this.#addPseudo(pseudo, valueStart, valueEnd);
    else if ((traits & TRAIT.COOKIE) !== 0 && this.cookieLine >= 0)
      this.#joinCrumb(valueStart, valueEnd, isNeverIndexed);
    else if (this.lines.count >= this.linesMax) this.giveUp();
    else {
      if ((traits & TRAIT.COOKIE) !== 0) this.cookieLine = this.lines.count;
      this.neverIndexed[this.lines.count] = isNeverIndexed ? 1 : 0;
      addLine(this.lines, traits & KIND_MASK, nameStart, nameEnd, valueStart, valueEnd);
      this.length = valueEnd + 2;
    }
  }

  #isTaken(size: number): boolean {
    this.listBytes += size;
    this.count++;
    if (!this.isOversized && (this.listBytes > this.listBytesMax || this.count > this.fieldsMax)) this.giveUp();
    return !this.isOversized;
  }

  #addPseudo(pseudo: number, valueStart: number, valueEnd: number): void {
    if (this.hasRegular) this.faults |= FAULT.PSEUDO_ORDER;
    if ((this.pseudoSeen & (1 << pseudo)) !== 0) this.faults |= FAULT.PSEUDO_REPEATED;
    this.pseudoSeen |= 1 << pseudo;
    this.pseudoStart[pseudo] = valueStart;
    this.pseudoEnd[pseudo] = valueEnd;
    this.bytes[valueEnd] = SP;
    this.length = valueEnd + 2;
  }

  /** RFC 9113 8.2.3. The crumb stands behind all lines; those behind the cookie's move to make room for it. */
  #joinCrumb(valueStart: number, valueEnd: number, isNeverIndexed: boolean): void {
    const { bytes, lines, cookieLine } = this;
    if (isNeverIndexed) this.neverIndexed[cookieLine] = 1;
    if (valueStart === valueEnd) return;
    const grownBytes = CRUMB_SEPARATOR.length + valueEnd - valueStart;
    const at = lines.valueEnd[cookieLine]!;
    // Out of the way of what moves. There is room: two lists of the largest size fit behind this one.
    const aside = valueEnd + grownBytes;
    bytes.copyWithin(aside, valueStart, valueEnd);
    bytes.copyWithin(at + grownBytes, at, this.length);
    const to = writeAscii(bytes, at, CRUMB_SEPARATOR);
    bytes.copyWithin(to, aside, aside + valueEnd - valueStart);
    this.length += grownBytes;
    lines.valueEnd[cookieLine] = at + grownBytes;
    for (let line = cookieLine + 1; line < lines.count; line++) {
      lines.nameStart[line]! += grownBytes;
      lines.nameEnd[line]! += grownBytes;
      lines.valueStart[line]! += grownBytes;
      lines.valueEnd[line]! += grownBytes;
    }
  }
}
