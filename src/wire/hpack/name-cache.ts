/** What the encoder knows of a field name, found by the bytes it comes in. */
import { asciiBytes, equalsIgnoringCase, TOKEN } from "../http1/byte-classes.ts";
import { copyBytes } from "../http1/write-head.ts";
import { equalBytes } from "./bytes.ts";
import { NAME_BYTES_MAX } from "./limits.ts";
import { STATIC_ENTRIES, STATIC_LINES, STATIC_NAME_BYTES } from "./static-table.ts";

/** How lines of a name are treated. */
export const NAME_RULE = {
  NONE: 0,
  /** The value must not be found out by its size (RFC 7541 7.1): an entry only for the workload that made it. */
  CREDENTIAL: 1,
  /** The value changes each time: the name may have an entry, the values never get one. */
  VOLATILE: 2,
} as const;

const CREDENTIALS: readonly Uint8Array[] = ["authorization", "cookie", "set-cookie", "proxy-authorization"].map(
  asciiBytes,
);
const VOLATILES: readonly Uint8Array[] = ["traceparent", "x-request-id", "x-selvedge-ids-at"].map(asciiBytes);

const COLON = 0x3a;

/** Slots that a name may stand in. Reason: with one, two names of every head that share it would be learnt anew each time. */
const WAYS = 4;

/** Names by bytes, verified; those that share their slots take turns. Owns its arrays. */
export class NameCache {
  /** By slot: first index of the name in the static table, 0 where it is not there. */
  readonly staticIndex: Uint8Array;
  /** By slot: one of NAME_RULE. */
  readonly rule: Uint8Array;
  /** By slot: number of the newest dynamic entry with this name, -1 for none. */
  readonly entryId: Float64Array;
  #turn = 0;
  readonly #max: number;
  readonly #hash: Int32Array;
  readonly #length: Uint8Array;
  readonly #bytes: Uint8Array;

  /** @param max how many names to remember: a power of two, at least four; one slot more is for a name that is too long. */
  constructor(max: number) {
    this.#max = max;
    this.staticIndex = new Uint8Array(max + 1);
    this.rule = new Uint8Array(max + 1);
    this.entryId = new Float64Array(max + 1);
    this.#hash = new Int32Array(max);
    this.#length = new Uint8Array(max);
    this.#bytes = new Uint8Array(max * NAME_BYTES_MAX);
  }

  /**
   * Slot of the name at `buf[start, end)` with this hash, learnt if need be; valid until the next call. -1 when it is no
   * field name: empty, or a byte outside a token (a leading colon is let through, for pseudo-header fields).
   */
  find(buf: Uint8Array, start: number, end: number, hash: number): number {
    const first = hash & (this.#max - WAYS);
    const length = end - start;
    for (let slot = first; slot < first + WAYS; slot++) {
      if (this.#hash[slot] !== hash || this.#length[slot] !== length || length === 0) continue;
      if (equalBytes(this.#bytes, slot * NAME_BYTES_MAX, buf, start, length)) return slot;
    }
    if (!isName(buf, start, end)) return -1;
    if (length > NAME_BYTES_MAX) return this.#fill(this.#max, buf, start, end);
    const slot = first + (this.#turn++ & (WAYS - 1));
    this.#hash[slot] = hash;
    this.#length[slot] = length;
    copyBytes(this.#bytes, slot * NAME_BYTES_MAX, buf, start, end);
    return this.#fill(slot, buf, start, end);
  }

  #fill(slot: number, buf: Uint8Array, start: number, end: number): number {
    this.staticIndex[slot] = staticNameIndex(buf, start, end);
    this.entryId[slot] = -1;
    this.rule[slot] = isAnyOf(buf, start, end, CREDENTIALS)
      ? NAME_RULE.CREDENTIAL
      : isAnyOf(buf, start, end, VOLATILES)
        ? NAME_RULE.VOLATILE
        : NAME_RULE.NONE;
    return slot;
  }
}

function isName(buf: Uint8Array, start: number, end: number): boolean {
  let at = start < end && buf[start]! === COLON ? start + 1 : start;
  if (at >= end) return false;
  while (at < end && TOKEN[buf[at]!]! !== 0) at++;
  return at === end;
}

function isAnyOf(buf: Uint8Array, start: number, end: number, names: readonly Uint8Array[]): boolean {
  return names.some((name) => equalsIgnoringCase(buf, start, end, name));
}

function staticNameIndex(buf: Uint8Array, start: number, end: number): number {
  for (let index = 1; index <= STATIC_ENTRIES; index++) {
    const line = STATIC_LINES[index]!;
    if (STATIC_NAME_BYTES[index] !== end - start) continue;
    let i = 0;
    // Letters may come in upper case; a colon or hyphen has no other form that could stand in a name.
    while (i < end - start && lowerCase(buf[start + i]!) === line[i]!) i++;
    if (i === end - start) return index;
  }
  return 0;
}

/** ASCII lower case of one byte. */
export function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}
