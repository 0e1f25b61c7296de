import {
  HEADER_AT,
  SECTION_AT,
  STRING_BYTES_MAX,
  STRING_ENTRY_BYTES,
  STRING_POOL_BYTES,
  STRINGS_MAX,
} from "./layout.ts";

/**
 * The reader's side of the string table. Each text is read once, on first use, and kept: what the worker does to it afterwards
 * changes nothing. In all at most STRING_POOL_BYTES are decoded in the life of a reader, whatever the directory claims.
 */
export class StringTableReader {
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #texts = new Map<number, string>();
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  readonly #scratch = new Uint8Array(STRING_BYTES_MAX);
  #decoded = 0;

  /** Both views cover the same region. */
  constructor(bytes: Uint8Array, words: Int32Array) {
    this.#bytes = bytes;
    this.#words = words;
  }

  /** The text of an id, or `undefined` where the id, its entry or its bytes make no sense. */
  text(id: number): string | undefined {
    const known = this.#texts.get(id);
    if (known !== undefined) return known;
    const used = Atomics.load(this.#words, HEADER_AT.stringsUsed / 4);
    if (!(id >= 0 && id < used && id < STRINGS_MAX)) return undefined;
    const text = this.#decode(id);
    if (text !== undefined) this.#texts.set(id, text);
    return text;
  }

  #decode(id: number): string | undefined {
    const entry = (SECTION_AT.strings + id * STRING_ENTRY_BYTES) / 4;
    const start = this.#words[entry]!;
    const length = this.#words[entry + 1]!;
    if (start < 0 || length < 0 || length > STRING_BYTES_MAX || start > STRING_POOL_BYTES - length) return undefined;
    if (this.#decoded + length > STRING_POOL_BYTES) return undefined;
    this.#decoded += length;
    // Decoded from a copy: a decoder may look at its input twice, and the worker can change it in between.
    const from = SECTION_AT.pool + start;
    this.#scratch.set(this.#bytes.subarray(from, from + length));
    try {
      return this.#decoder.decode(this.#scratch.subarray(0, length));
    } catch {
      return undefined;
    }
  }
}
