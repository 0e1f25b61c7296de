/** The dynamic table (RFC 7541 2.3.2): a ring of bytes in which every entry stands ready to be written. */
import { copyBytes } from "../http1/write-head.ts";
import { ENTRY_OVERHEAD_BYTES } from "./limits.ts";

/** Bytes of `: ` and CRLF, which an entry takes in the ring besides name and value. */
export const LINE_OVERHEAD_BYTES = 4;

/** Stand for what is not there yet; nothing is ever written to them. */
const NO_BYTES = new Uint8Array(0);
const NO_SLOTS = new Int32Array(0);

const COLON = 0x3a;
const SP = 0x20;
const CR = 0x0d;
const LF = 0x0a;

/**
 * Entries as `name: value` CRLF. An entry is known by its number, counted from 0 for the life of the table; those from
 * `firstId` up to `insertedCount` are there, the newest last. Owns its ring, twice the bound of the table: entries count 32
 * bytes more than they hold, and one that does not fit before the end of the ring starts again at its beginning.
 *
 * A reader gets offsets into `ring` that hold until the next insertion.
 */
export class DynamicTable {
  /** Made on first use: most connections of a node never fill a table. */
  ring = NO_BYTES;
  firstId = 0;
  insertedCount = 0;
  /** Sum of entry sizes as RFC 7541 4.1 counts them. */
  bytes = 0;
  /** Changes whenever any entry comes or goes, so that what was derived from a state can be known to be stale. */
  version = 0;
  #limit: number;
  readonly #limitMax: number;
  #slotMask = -1;
  #start = NO_SLOTS;
  #nameBytes = NO_SLOTS;
  #valueBytes = NO_SLOTS;
  #traits = NO_SLOTS;
  #writeAt = 0;

  /** @param limitMax largest limit that can ever be set, in bytes; it is also the first one. */
  constructor(limitMax: number) {
    this.#limitMax = limitMax;
    this.#limit = limitMax;
  }

  /** The size that entries together may have now. */
  get limit(): number {
    return this.#limit;
  }

  /** Number of entries. */
  get count(): number {
    return this.insertedCount - this.firstId;
  }

  /** Sets the limit (0 to the bound) and evicts what does not fit any more (RFC 7541 4.3). */
  setLimit(limit: number): void {
    this.#limit = limit;
    this.#evictDownTo(limit);
  }

  /** Offset of entry `id` in `ring`. */
  startOf(id: number): number {
    return this.#start[id & this.#slotMask]!;
  }
  nameBytesOf(id: number): number {
    return this.#nameBytes[id & this.#slotMask]!;
  }
  valueBytesOf(id: number): number {
    return this.#valueBytes[id & this.#slotMask]!;
  }
  /** What its owner noted about entry `id` when it was added. */
  traitsOf(id: number): number {
    return this.#traits[id & this.#slotMask]!;
  }

  /** True when entry `id` is still there. */
  has(id: number): boolean {
    return id >= this.firstId && id < this.insertedCount;
  }

  /** Evicts until an entry of this name and value fits; false when it never will, and the table is then empty (RFC 7541 4.4). */
  makeRoom(nameBytes: number, valueBytes: number): boolean {
    const size = nameBytes + valueBytes + ENTRY_OVERHEAD_BYTES;
    this.#evictDownTo(Math.max(0, this.#limit - size));
    return size <= this.#limit;
  }

  /**
   * Adds an entry for which `makeRoom` answered true, and answers its number. Name and value are copied; they must not
   * stand in `ring`, because making room may have overwritten them.
   */
  add(
    nameFrom: Uint8Array,
    nameStart: number,
    nameBytes: number,
    valueFrom: Uint8Array,
    valueStart: number,
    valueBytes: number,
    traits: number,
  ): number {
    if (this.#slotMask < 0) this.#allocate();
    const length = nameBytes + valueBytes + LINE_OVERHEAD_BYTES;
    if (this.#writeAt + length > this.ring.length) this.#writeAt = 0;
    const at = this.#writeAt;
    const ring = this.ring;
    copyBytes(ring, at, nameFrom, nameStart, nameStart + nameBytes);
    let to = at + nameBytes;
    ring[to++] = COLON;
    ring[to++] = SP;
    to = copyBytes(ring, to, valueFrom, valueStart, valueStart + valueBytes);
    ring[to++] = CR;
    ring[to++] = LF;
    this.#writeAt = to;
    const id = this.insertedCount++;
    const slot = id & this.#slotMask;
    this.#start[slot] = at;
    this.#nameBytes[slot] = nameBytes;
    this.#valueBytes[slot] = valueBytes;
    this.#traits[slot] = traits;
    this.bytes += nameBytes + valueBytes + ENTRY_OVERHEAD_BYTES;
    this.version++;
    return id;
  }

  #evictDownTo(limit: number): void {
    while (this.bytes > limit) {
      const slot = this.firstId & this.#slotMask;
      this.bytes -= this.#nameBytes[slot]! + this.#valueBytes[slot]! + ENTRY_OVERHEAD_BYTES;
      this.firstId++;
      this.version++;
    }
  }

  #allocate(): void {
    let slots = 1;
    while (slots * ENTRY_OVERHEAD_BYTES < this.#limitMax) slots *= 2;
    this.#slotMask = slots - 1;
    this.#start = new Int32Array(slots);
    this.#nameBytes = new Int32Array(slots);
    this.#valueBytes = new Int32Array(slots);
    this.#traits = new Int32Array(slots);
    this.ring = new Uint8Array(this.#limitMax * 2);
  }
}
