/** Writes header blocks (RFC 7541). A line that came before costs a hash and a compare; nothing is turned into a string. */
import { FIELD_VALUE } from "../http1/byte-classes.ts";
import { FULL } from "../http1/write-head.ts";
import { copyText, equalBytes, hashBytes } from "./bytes.ts";
import { Doorkeeper } from "./doorkeeper.ts";
import { DynamicTable } from "./dynamic-table.ts";
import { encodeHuffman, huffmanBytes } from "./huffman.ts";
import { INTEGER_BYTES_MAX, writeInteger } from "./integers.ts";
import {
  BYTES_PER_NAME,
  CHAIN_STEPS_MAX,
  ENTRY_OVERHEAD_BYTES,
  ENTRY_SHARE_MAX,
  HUFFMAN_SAVING_SHARE,
  TABLE_BYTES_DEFAULT,
  TABLE_BYTES_MAX,
} from "./limits.ts";
import { lowerCase, NAME_RULE, NameCache } from "./name-cache.ts";
import { STATIC_ENTRIES, STATIC_LINES, STATIC_NAME_BYTES } from "./static-table.ts";

/** Answer of a write besides an offset and FULL: a name or value that may not stand in a field. */
export const BAD_FIELD = -2;

/** How a field may be kept: by anybody, by nobody (and it says so to all further hops), or by one workload. */
export const OWNER = { NEVER_INDEXED: -1, NOBODY: 0 } as const;

/** The last field was no reference to an entry. */
export const NO_REFERENCE = -1;

/** First bits of a literal: it enters the table, it does not, it must never (RFC 7541 6.2). */
const LITERAL = { INDEXED: 0x40, PLAIN: 0x00, NEVER: 0x10 } as const;

/** Bytes that a field takes at most besides its name and value. */
const FIELD_FRAME_BYTES = 1 + 3 * INTEGER_BYTES_MAX;

/**
 * One direction of one connection. Between `begin` and `end` the fields of one block are written in order; the block must
 * then be sent, before any other. A block that was begun and not ended (refused bytes, no room) leaves the tables of both
 * sides apart; the next `begin` then empties both.
 */
export class HpackEncoder {
  readonly table: DynamicTable;
  /**
   * How the last field was written: an index of the static table, STATIC_ENTRIES + 1 + the number of a dynamic entry, or
   * NO_REFERENCE. `writeReference` writes the same again.
   */
  lastReference: number = NO_REFERENCE;
  /** Where the last field's value is never kept, but its name can be referred to: that reference, for `writeChanging`; else NO_REFERENCE. */
  lastName: number = NO_REFERENCE;
  readonly #names: NameCache;
  readonly #limitMax: number;
  readonly #doorkeeper: Doorkeeper;
  /** Sizes to announce at the start of the next block; -1 for none. */
  #lowestLimit = -1;
  #isOpen = false;
  /** Entries by hash: `bucket` holds slot + 1 of the newest, `next` leads to older ones. */
  readonly #mask: number;
  readonly #bucket: Int32Array;
  readonly #next: Int32Array;
  readonly #hash: Int32Array;
  readonly #owner: Int32Array;
  readonly #id: Float64Array;
  readonly #isUsed: Uint8Array;

  /** @param limitMax most bytes of dynamic table that are used, however many the peer offers; up to TABLE_BYTES_MAX. */
  constructor(limitMax: number) {
    this.#limitMax = Math.min(limitMax, TABLE_BYTES_MAX);
    this.table = new DynamicTable(Math.max(this.#limitMax, 1));
    let slots = 16;
    while (slots * ENTRY_OVERHEAD_BYTES < this.#limitMax) slots *= 2;
    this.#mask = slots - 1;
    this.#bucket = new Int32Array(slots);
    this.#next = new Int32Array(slots);
    this.#hash = new Int32Array(slots);
    this.#owner = new Int32Array(slots);
    this.#id = new Float64Array(slots);
    this.#isUsed = new Uint8Array(slots);
    this.#doorkeeper = new Doorkeeper(slots * 2);
    this.#names = new NameCache((slots * ENTRY_OVERHEAD_BYTES) / BYTES_PER_NAME);
    // RFC 9113 6.5.2: the peer's decoder starts with the default, ours may want less.
    this.table.setLimit(Math.min(this.#limitMax, TABLE_BYTES_DEFAULT));
    if (this.#limitMax < TABLE_BYTES_DEFAULT) this.#lowestLimit = this.#limitMax;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. The next block tells it what is used of that. */
  setPeerLimit(peerLimit: number): void {
    const limit = Math.min(peerLimit, this.#limitMax);
    if (limit === this.table.limit) return;
    this.#lowestLimit = this.#lowestLimit < 0 ? Math.min(limit, this.table.limit) : Math.min(limit, this.#lowestLimit);
    this.#setLimit(limit);
  }

  /** Begins a block at `at`; answers the offset behind what has to stand first, or FULL. */
  begin(into: Uint8Array, at: number): number {
    if (this.#isOpen) this.#startAnew();
    if (at < 0 || at + 2 * INTEGER_BYTES_MAX > into.length) return FULL;
    this.#isOpen = true;
    if (this.#lowestLimit < 0) return at;
    let to = at;
    if (this.#lowestLimit < this.table.limit) to = writeInteger(into, to, 0x20, 5, this.#lowestLimit);
    this.#lowestLimit = -1;
    return writeInteger(into, to, 0x20, 5, this.table.limit);
  }

  /** The block is complete and will be sent. */
  end(): void {
    this.#isOpen = false;
  }

  /** Writes what `lastReference` answered; FULL, or NO_REFERENCE where that entry is gone by now. */
  writeReference(into: Uint8Array, at: number, reference: number): number {
    if (at < 0 || at + INTEGER_BYTES_MAX > into.length) return FULL;
    if (reference <= STATIC_ENTRIES) {
      into[at] = 0x80 | reference;
      return at + 1;
    }
    const id = reference - STATIC_ENTRIES - 1;
    if (id < this.table.firstId) return NO_REFERENCE;
    this.#isUsed[id & this.#mask] = 1;
    return writeInteger(into, at, 0x80, 7, STATIC_ENTRIES + this.table.insertedCount - id);
  }

  /** True while `reference` can be written. */
  holds(reference: number): boolean {
    return reference <= STATIC_ENTRIES || reference - STATIC_ENTRIES - 1 >= this.table.firstId;
  }

  /**
   * Writes one field: the name at `nameFrom[nameStart, nameEnd)` in any case, the value at `from[start, end)` without
   * whitespace around it. `owner` is that of credentials: a workload's number from 1, or one of OWNER. Answers the offset
   * behind it, FULL or BAD_FIELD; after these two the block is lost.
   */
  writeField(
    into: Uint8Array,
    at: number,
    nameFrom: Uint8Array,
    nameStart: number,
    nameEnd: number,
    from: Uint8Array,
    start: number,
    end: number,
    owner: number,
  ): number {
    if (!isFieldValue(from, start, end)) return BAD_FIELD;
    return this.writeChecked(into, at, nameFrom, nameStart, nameEnd, from, start, end, owner);
  }

  /** The same for a value whose bytes the caller has looked at. */
  writeChecked(
    into: Uint8Array,
    at: number,
    nameFrom: Uint8Array,
    nameStart: number,
    nameEnd: number,
    from: Uint8Array,
    start: number,
    end: number,
    owner: number,
  ): number {
    this.lastReference = NO_REFERENCE;
    this.lastName = NO_REFERENCE;
    const nameBytes = nameEnd - nameStart;
    const bytes = nameBytes + end - start;
    if (at < 0 || at + bytes + FIELD_FRAME_BYTES > into.length) return FULL;
    const nameHash = hashBytes(nameFrom, nameStart, nameEnd, 0);
    const name = this.#names.find(nameFrom, nameStart, nameEnd, nameHash);
    if (name < 0) return BAD_FIELD;
    const rule = this.#names.rule[name]!;
    if (owner === OWNER.NEVER_INDEXED || (rule === NAME_RULE.CREDENTIAL && owner === OWNER.NOBODY)) {
      return this.#writeLiteral(into, at, LITERAL.NEVER, name, nameFrom, nameStart, nameEnd, from, start, end);
    }
    const keeper = rule === NAME_RULE.CREDENTIAL ? owner : OWNER.NOBODY;
    let hash = 0;
    if (rule !== NAME_RULE.VOLATILE) {
      hash = hashBytes(from, start, end, nameHash ^ Math.imul(keeper, 0x9e3779b1));
      const reference = this.#findReference(name, hash, keeper, nameFrom, nameStart, nameBytes, from, start, end);
      if (reference !== NO_REFERENCE) {
        this.lastReference = reference;
        return this.writeReference(into, at, reference);
      }
    }
    if (!this.#isWorthAnEntry(name, rule, nameHash, hash, bytes + ENTRY_OVERHEAD_BYTES)) {
      const form = rule === NAME_RULE.CREDENTIAL ? LITERAL.NEVER : LITERAL.PLAIN;
      if (rule === NAME_RULE.VOLATILE) this.lastName = this.#nameReference(name);
      return this.#writeLiteral(into, at, form, name, nameFrom, nameStart, nameEnd, from, start, end);
    }
    const to = this.#writeLiteral(into, at, LITERAL.INDEXED, name, nameFrom, nameStart, nameEnd, from, start, end);
    if (to < 0) return to;
    this.#addEntry(name, hash, keeper, nameFrom, nameStart, nameBytes, from, start, end);
    return to;
  }

  /**
   * Writes a field like one that left a `lastName`, which must still be held: another value of the same name. The caller has
   * looked at every byte of it. Answers as `writeField`.
   */
  writeChanging(into: Uint8Array, at: number, name: number, from: Uint8Array, start: number, end: number): number {
    if (at < 0 || at + end - start + FIELD_FRAME_BYTES > into.length) return FULL;
    let index = name;
    if (name > STATIC_ENTRIES) {
      const id = name - STATIC_ENTRIES - 1;
      this.#isUsed[id & this.#mask] = 1;
      index = STATIC_ENTRIES + this.table.insertedCount - id;
    }
    const to = writeInteger(into, writeInteger(into, at, LITERAL.PLAIN, 4, index), 0, 7, end - start);
    return copyText(into, to, from, start, end);
  }

  #nameReference(name: number): number {
    const id = this.#names.entryId[name]!;
    if (this.#names.staticIndex[name] !== 0) return this.#names.staticIndex[name]!;
    return this.table.has(id) ? STATIC_ENTRIES + 1 + id : NO_REFERENCE;
  }

  /** A line that comes back gets an entry; so does a name that comes back, if no entry has it, with whatever value it has. */
  #isWorthAnEntry(name: number, rule: number, nameHash: number, hash: number, size: number): boolean {
    const limit = this.table.limit;
    if (size * ENTRY_SHARE_MAX > limit) return false;
    if (rule !== NAME_RULE.VOLATILE && this.#doorkeeper.isBack(hash, size, limit)) return true;
    if (this.#names.staticIndex[name] !== 0 || this.table.has(this.#names.entryId[name]!)) return false;
    return this.#doorkeeper.isBack(nameHash, ENTRY_OVERHEAD_BYTES, limit);
  }

  #findReference(
    name: number,
    hash: number,
    owner: number,
    nameFrom: Uint8Array,
    nameStart: number,
    nameBytes: number,
    from: Uint8Array,
    start: number,
    end: number,
  ): number {
    const row = this.#staticRow(name, from, start, end);
    if (row > 0) return row;
    const slot = this.#findEntry(hash, owner, nameFrom, nameStart, nameBytes, from, start, end);
    return slot < 0 ? NO_REFERENCE : STATIC_ENTRIES + 1 + this.#id[slot]!;
  }

  /** Index of the entry of the static table that is this whole field, 0 where there is none. */
  #staticRow(name: number, from: Uint8Array, start: number, end: number): number {
    const first = this.#names.staticIndex[name]!;
    if (first === 0) return 0;
    const nameBytes = STATIC_NAME_BYTES[first]!;
    for (let row = first; row <= STATIC_ENTRIES && STATIC_NAME_BYTES[row] === nameBytes; row++) {
      const line = STATIC_LINES[row]!;
      if (line.length - nameBytes - 4 !== end - start || end === start) continue;
      if (!equalBytes(line, nameBytes + 2, from, start, end - start)) continue;
      // A neighbour's name may be as long: `:scheme` stands before `:status`.
      if (equalBytes(line, 0, STATIC_LINES[first]!, 0, nameBytes)) return row;
    }
    return 0;
  }

  #findEntry(
    hash: number,
    owner: number,
    nameFrom: Uint8Array,
    nameStart: number,
    nameBytes: number,
    from: Uint8Array,
    start: number,
    end: number,
  ): number {
    const table = this.table;
    let slot = this.#bucket[hash & this.#mask]! - 1;
    for (let step = 0; slot >= 0 && step < CHAIN_STEPS_MAX; step++) {
      if (this.#hash[slot] === hash && this.#owner[slot] === owner) {
        const id = this.#id[slot]!;
        const at = table.startOf(id);
        if (
          table.nameBytesOf(id) === nameBytes &&
          table.valueBytesOf(id) === end - start &&
          equalBytes(table.ring, at, nameFrom, nameStart, nameBytes) &&
          equalBytes(table.ring, at + nameBytes + 2, from, start, end - start)
        ) {
          return slot;
        }
      }
      slot = this.#next[slot]! - 1;
    }
    return -1;
  }

  #addEntry(
    name: number,
    hash: number,
    owner: number,
    nameFrom: Uint8Array,
    nameStart: number,
    nameBytes: number,
    from: Uint8Array,
    start: number,
    end: number,
  ): void {
    const table = this.table;
    const oldest = table.firstId;
    table.makeRoom(nameBytes, end - start);
    this.#unlink(oldest, table.firstId);
    const id = table.add(nameFrom, nameStart, nameBytes, from, start, end - start, 0);
    const slot = id & this.#mask;
    const bucket = hash & this.#mask;
    this.#id[slot] = id;
    this.#hash[slot] = hash;
    this.#owner[slot] = owner;
    this.#isUsed[slot] = 0;
    this.#next[slot] = this.#bucket[bucket]!;
    this.#bucket[bucket] = slot + 1;
    this.#names.entryId[name] = id;
  }

  /** Takes entries `from` up to `to`, just evicted, out of the index. The oldest stands last in its chain. */
  #unlink(from: number, to: number): void {
    for (let id = from; id < to; id++) {
      const slot = id & this.#mask;
      if (this.#isUsed[slot] === 1) this.#doorkeeper.note(this.#hash[slot]!);
      const bucket = this.#hash[slot]! & this.#mask;
      let before = this.#bucket[bucket]! - 1;
      if (before === slot) {
        this.#bucket[bucket] = this.#next[slot]!;
        continue;
      }
      while (before >= 0 && this.#next[before]! - 1 !== slot) before = this.#next[before]! - 1;
      if (before >= 0) this.#next[before] = this.#next[slot]!;
    }
  }

  #setLimit(limit: number): void {
    const oldest = this.table.firstId;
    this.table.setLimit(limit);
    this.#unlink(oldest, this.table.firstId);
  }

  /** RFC 7541 4.2: a size of 0 and back empties the table of the other side too. */
  #startAnew(): void {
    const limit = this.table.limit;
    this.#setLimit(0);
    this.#setLimit(limit);
    this.#lowestLimit = 0;
  }

  #writeLiteral(
    into: Uint8Array,
    at: number,
    form: number,
    name: number,
    nameFrom: Uint8Array,
    nameStart: number,
    nameEnd: number,
    from: Uint8Array,
    start: number,
    end: number,
  ): number {
    const prefixBits = form === LITERAL.INDEXED ? 6 : 4;
    let index = this.#names.staticIndex[name]!;
    if (index === 0) {
      const id = this.#names.entryId[name]!;
      if (id >= 0 && this.table.has(id)) {
        index = STATIC_ENTRIES + this.table.insertedCount - id;
        this.#isUsed[id & this.#mask] = 1;
      }
    }
    let to = writeInteger(into, at, form, prefixBits, index);
    if (index === 0) {
      to = writeInteger(into, to, 0, 7, nameEnd - nameStart);
      for (let i = nameStart; i < nameEnd; i++) into[to++] = lowerCase(nameFrom[i]!);
    }
    // What is written out with every head costs both ends more to pack than its bytes are worth.
    const isPackable = form === LITERAL.INDEXED && this.#names.rule[name] === NAME_RULE.NONE;
    if (isPackable) return writeString(into, to, from, start, end);
    return copyText(into, writeInteger(into, to, 0, 7, end - start), from, start, end);
  }
}

function isFieldValue(buf: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (
    at < end - 4 &&
    (FIELD_VALUE[buf[at]!]! & FIELD_VALUE[buf[at + 1]!]! & FIELD_VALUE[buf[at + 2]!]! & FIELD_VALUE[buf[at + 3]!]!) !==
      0
  )
    at += 4;
  while (at < end && FIELD_VALUE[buf[at]!]! !== 0) at++;
  return at === end;
}

function writeString(into: Uint8Array, at: number, buf: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const packed = huffmanBytes(buf, start, end);
  if (length - packed < length / HUFFMAN_SAVING_SHARE || length === 0) {
    return copyText(into, writeInteger(into, at, 0, 7, length), buf, start, end);
  }
  return encodeHuffman(buf, start, end, into, writeInteger(into, at, 0x80, 7, packed));
}
