import {
  HEADER_AT,
  SECTION_AT,
  STRING_BYTES_MAX,
  STRING_EMPTY,
  STRING_ENTRY_BYTES,
  STRING_OVERFLOW,
  STRING_POOL_BYTES,
  STRINGS_MAX,
} from "./layout.ts";
import { OVERFLOW } from "./stats-source.ts";

/**
 * The writer's side of the string table: each text is stored once and named by a number for the life of the region.
 * Append-only, so that a reader never sees a string change; when the table is full every new text is `STRING_OVERFLOW`.
 */
export class StringTableWriter {
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #ids = new Map<string, number>();
  readonly #encoder = new TextEncoder();
  #used = 0;
  #poolUsed = 0;

  /** @param bytes the region. @param words the same memory as 32-bit words. */
  constructor(bytes: Uint8Array, words: Int32Array) {
    this.#bytes = bytes;
    this.#words = words;
    this.intern("");
    this.intern(OVERFLOW);
  }

  /** The id of a text. Longer than STRING_BYTES_MAX: the id of as many whole characters as fit. Lone surrogates become U+FFFD. */
  intern(text: string): number {
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    if (text === "" && this.#used > 0) return STRING_EMPTY;
    const room = Math.min(STRING_BYTES_MAX, STRING_POOL_BYTES - this.#poolUsed);
    if (this.#used >= STRINGS_MAX || room < STRING_BYTES_MAX) return STRING_OVERFLOW;
    return this.#append(text);
  }

  #append(text: string): number {
    const id = this.#used;
    const start = SECTION_AT.pool + this.#poolUsed;
    const { written } = this.#encoder.encodeInto(text, this.#bytes.subarray(start, start + STRING_BYTES_MAX));
    const entry = (SECTION_AT.strings + id * STRING_ENTRY_BYTES) / 4;
    this.#words[entry] = this.#poolUsed;
    this.#words[entry + 1] = written;
    this.#poolUsed += written;
    this.#used++;
    this.#ids.set(text, id);
    Atomics.store(this.#words, HEADER_AT.stringsUsed / 4, this.#used);
    return id;
  }
}
