/** Reads header blocks (RFC 7541), strictly: whatever is not exactly a block breaks the connection. */
import { copyText } from "./bytes.ts";
import { DecoderMemos } from "./decoder-memos.ts";
import { DynamicTable } from "./dynamic-table.ts";
import type { FieldList } from "./field-list.ts";
import { fieldTraits, nameTraits } from "./field-traits.ts";
import { decodeHuffman } from "./huffman.ts";
import { CONSUMED_BITS, CONSUMED_MASK, readInteger } from "./integers.ts";
import {
  ENTRY_OVERHEAD_BYTES,
  MEMO_FIELDS_MIN,
  REFERENCE_FACTOR_MAX,
  SIZE_UPDATES_MAX,
  TABLE_BYTES_DEFAULT,
} from "./limits.ts";
import type { ListBounds } from "./list-bounds.ts";
import { STATIC_ENTRIES, STATIC_LINES, STATIC_NAME_BYTES } from "./static-table.ts";

/** Why a block was not read; always COMPRESSION_ERROR for the connection, because the two tables may differ from now on. */
export const BLOCK_ERROR = {
  TRUNCATED: -1,
  BAD_INTEGER: -2,
  BAD_INDEX: -3,
  BAD_HUFFMAN: -4,
  /** A size update in the middle, too many of them, one above what was announced, or none where one was due. */
  BAD_SIZE_UPDATE: -5,
} as const;

const STATIC_TRAITS: Int32Array = Int32Array.from(STATIC_LINES, (line, i) => {
  const nameBytes = STATIC_NAME_BYTES[i]!;
  return i === 0 ? 0 : fieldTraits(nameTraits(line, 0, nameBytes), line, nameBytes + 2, line.length - 2);
});

const COLON = 0x3a;
const SP = 0x20;
const CR = 0x0d;
const LF = 0x0a;

/** One direction of one connection. Owns its table. */
export class HpackDecoder {
  readonly table: DynamicTable;
  /** Made when the first run comes: most connections of a node carry few streams, or none for long. */
  #memos: DecoderMemos | undefined = undefined;
  /** Largest size that the peer may set. */
  #limitMax: number;
  /** Largest size that the next block must set before anything else; -1 where none is due. */
  #dueLimit = -1;
  /** Bytes of dynamic entries that the block under way refers to. */
  #referencedBytes = 0;

  readonly #bounds: ListBounds | undefined;
  /** Bytes of dynamic entries that a block may refer to, at least. */
  readonly #referencesMin: number;

  /**
   * @param limitMax size of the dynamic table that our settings announce, in bytes.
   * @param bounds of the lists; `undefined`: those of the list that they are read into. Where they are given, a list may be made of
   * references alone: whoever gives them knows his peer.
   */
  constructor(limitMax: number, bounds?: ListBounds) {
    this.#bounds = bounds;
    this.#referencesMin = bounds?.listBytes ?? 0;
    // Until the peer has seen our settings it may use the default.
    this.#limitMax = Math.max(limitMax, TABLE_BYTES_DEFAULT);
    this.table = new DynamicTable(this.#limitMax);
    this.table.setLimit(TABLE_BYTES_DEFAULT);
  }

  /** The peer has acknowledged settings with this table size; where it is smaller than in use, its next block must say so (RFC 7541 4.2). */
  announce(limit: number): void {
    this.#limitMax = limit;
    if (limit < this.table.limit) this.#dueLimit = limit;
  }

  /**
   * Reads the complete block `buf[start, end)` into `fields`, which is begun here. Answers 0, or a BLOCK_ERROR
   * after which the decoder cannot be used. What is wrong with the list itself stands in `fields`.
   */
  decode(buf: Uint8Array, start: number, end: number, fields: FieldList): number {
    fields.begin(this.#bounds);
    this.#referencedBytes = 0;
    let at = this.#readSizeUpdates(buf, start, end);
    while (at >= 0 && at < end) {
      const byte = buf[at]!;
      if (byte >= 0x80) at = this.#readIndexed(buf, at, end, fields);
      else if (byte >= 0x40) at = this.#readLiteral(buf, at, end, 6, fields);
      else if (byte >= 0x20) return BLOCK_ERROR.BAD_SIZE_UPDATE;
      else at = this.#readLiteral(buf, at, end, 4, fields);
    }
    if (at < 0) return at;
    return 0;
  }

  #readSizeUpdates(buf: Uint8Array, start: number, end: number): number {
    let at = start;
    for (let updates = 0; at < end && (buf[at]! & 0xe0) === 0x20; updates++) {
      const read = readInteger(buf, at, end, 5);
      if (read < 0) return BLOCK_ERROR.BAD_INTEGER;
      const limit = read >>> CONSUMED_BITS;
      if (updates === SIZE_UPDATES_MAX || limit > this.#limitMax) return BLOCK_ERROR.BAD_SIZE_UPDATE;
      if (limit <= this.#dueLimit) this.#dueLimit = -1;
      this.table.setLimit(limit);
      at += read & CONSUMED_MASK;
    }
    return this.#dueLimit >= 0 ? BLOCK_ERROR.BAD_SIZE_UPDATE : at;
  }

  #readIndexed(buf: Uint8Array, start: number, end: number, fields: FieldList): number {
    let runEnd = start;
    while (runEnd < end && buf[runEnd]! > 0x80 && buf[runEnd]! < 0xff) runEnd++;
    if (runEnd === start) {
      const read = readInteger(buf, start, end, 7);
      if (read < 0) return BLOCK_ERROR.BAD_INTEGER;
      return this.#addIndexed(read >>> CONSUMED_BITS, fields) ? start + (read & CONSUMED_MASK) : BLOCK_ERROR.BAD_INDEX;
    }
    const isRun = runEnd - start >= MEMO_FIELDS_MIN;
    if (isRun) {
      this.#memos ??= new DecoderMemos();
      const referenced = this.#memos.replay(buf, start, runEnd, this.table.version, fields);
      if (referenced >= 0) {
        this.#countReferences(referenced, fields);
        return runEnd;
      }
    }
    const referencedBefore = this.#referencedBytes;
    for (let at = start; at < runEnd; at++) {
      if (!this.#addIndexed(buf[at]! & 0x7f, fields)) return BLOCK_ERROR.BAD_INDEX;
    }
    if (isRun) this.#memos?.learn(fields, this.#referencedBytes - referencedBefore);
    return runEnd;
  }

  #addIndexed(index: number, fields: FieldList): boolean {
    if (index <= STATIC_ENTRIES) {
      if (index === 0) return false;
      const line = STATIC_LINES[index]!;
      const nameBytes = STATIC_NAME_BYTES[index]!;
      fields.addCopy(line, 0, nameBytes, line.length - nameBytes - 4, STATIC_TRAITS[index]!);
      return true;
    }
    const table = this.table;
    const id = table.insertedCount - (index - STATIC_ENTRIES);
    if (!table.has(id)) return false;
    const nameBytes = table.nameBytesOf(id);
    const valueBytes = table.valueBytesOf(id);
    this.#countReferences(nameBytes + valueBytes + ENTRY_OVERHEAD_BYTES, fields);
    fields.addCopy(table.ring, table.startOf(id), nameBytes, valueBytes, table.traitsOf(id));
    return true;
  }

  #countReferences(bytes: number, fields: FieldList): void {
    this.#referencedBytes += bytes;
    const { limit } = this.table;
    if (this.#referencedBytes > Math.max(limit * REFERENCE_FACTOR_MAX, this.#referencesMin)) fields.giveUp();
  }

  /** RFC 7541 6.2: with a prefix of 6 bits the field enters the table, with 4 it does not. */
  #readLiteral(buf: Uint8Array, start: number, end: number, prefixBits: number, fields: FieldList): number {
    const read = readInteger(buf, start, end, prefixBits);
    if (read < 0) return BLOCK_ERROR.BAD_INTEGER;
    const nameIndex = read >>> CONSUMED_BITS;
    let at = start + (read & CONSUMED_MASK);
    const into = fields.bytes;
    const nameStart = fields.length;
    let nameEnd: number;
    let traits: number;
    if (nameIndex === 0) {
      at = readString(buf, at, end, into, nameStart);
      if (at < 0) return at;
      nameEnd = nameStart + stringBytes;
      traits = nameTraits(into, nameStart, nameEnd);
    } else {
      nameEnd = this.#copyName(nameIndex, into, nameStart);
      if (nameEnd < 0) return BLOCK_ERROR.BAD_INDEX;
      traits = this.#traitsOf(nameIndex);
    }
    const valueStart = nameEnd + 2;
    at = readString(buf, at, end, into, valueStart);
    if (at < 0) return at;
    const valueEnd = valueStart + stringBytes;
    into[nameEnd] = COLON;
    into[nameEnd + 1] = SP;
    into[valueEnd] = CR;
    into[valueEnd + 1] = LF;
    traits = fieldTraits(traits, into, valueStart, valueEnd);
    const nameBytes = nameEnd - nameStart;
    const valueBytes = valueEnd - valueStart;
    if (prefixBits === 6 && this.table.makeRoom(nameBytes, valueBytes)) {
      this.table.add(into, nameStart, nameBytes, into, valueStart, valueBytes, traits);
    }
    fields.addInPlace(nameBytes, valueBytes, traits, prefixBits === 4 && (buf[start]! & 0x10) !== 0);
    return at;
  }

  #traitsOf(index: number): number {
    if (index <= STATIC_ENTRIES) return STATIC_TRAITS[index]!;
    return this.table.traitsOf(this.table.insertedCount - (index - STATIC_ENTRIES));
  }

  #copyName(index: number, into: Uint8Array, at: number): number {
    if (index <= STATIC_ENTRIES) return copyText(into, at, STATIC_LINES[index]!, 0, STATIC_NAME_BYTES[index]!);
    const table = this.table;
    const id = table.insertedCount - (index - STATIC_ENTRIES);
    if (!table.has(id)) return -1;
    const start = table.startOf(id);
    return copyText(into, at, table.ring, start, start + table.nameBytesOf(id));
  }
}

/** Length of the text that `readString` wrote last; a second answer without an object for it. */
let stringBytes = 0;

/** Reads the string at `at` (RFC 7541 5.2) into `into` at `to`; answers the offset behind it in `buf`, or a BLOCK_ERROR. */
function readString(buf: Uint8Array, at: number, end: number, into: Uint8Array, to: number): number {
  if (at >= end) return BLOCK_ERROR.TRUNCATED;
  const isHuffman = (buf[at]! & 0x80) !== 0;
  const read = readInteger(buf, at, end, 7);
  if (read < 0) return BLOCK_ERROR.BAD_INTEGER;
  const start = at + (read & CONSUMED_MASK);
  const stringEnd = start + (read >>> CONSUMED_BITS);
  if (stringEnd > end) return BLOCK_ERROR.TRUNCATED;
  const textEnd = isHuffman
    ? decodeHuffman(buf, start, stringEnd, into, to)
    : copyText(into, to, buf, start, stringEnd);
  if (textEnd < 0) return BLOCK_ERROR.BAD_HUFFMAN;
  stringBytes = textEnd - to;
  return stringEnd;
}
