/** Request lines with their `Host` that came before, written again by reference. */
import { equalBytes, hashBytes } from "../hpack/bytes.ts";
import { type HpackEncoder, NO_REFERENCE } from "../hpack/encoder.ts";
import { PROLOGUE_BYTES_MAX, PROLOGUES_MAX } from "../hpack/limits.ts";
import { copyBytes } from "../http1/write-head.ts";

/** Method, scheme, path and authority. */
const REFERENCES = 4;

/** Bytes by which a memo is looked for: a method and most of a short path. */
const KEY_BYTES = 40;

class Memo {
  bytes = new Uint8Array(0);
  length = 0;
  readonly references = new Float64Array(REFERENCES);
}

/** Answer of `write` where there is nothing to write by. */
export const NO_MEMO = -3;

/** Holds for the exact bytes alone, and only while all four fields have entries. Makes each memo on first use. */
export class PrologueMemos {
  readonly #memos: (Memo | undefined)[] = new Array(PROLOGUES_MAX).fill(undefined);
  readonly #references = new Float64Array(REFERENCES);
  #count = 0;
  #slot = 0;
  /** Bytes of the prologue that `write` has just written. */
  length = 0;

  /** Writes the fields of the prologue at the start of `buf[start, end)` if it is known, and sets `length`; else NO_MEMO, and the fields are to be noted. */
  write(buf: Uint8Array, start: number, end: number, into: Uint8Array, at: number, hpack: HpackEncoder): number {
    this.#count = 0;
    this.#slot = hashBytes(buf, start, Math.min(end, start + KEY_BYTES), 0) & (PROLOGUES_MAX - 1);
    const memo = this.#memos[this.#slot];
    if (memo === undefined || memo.length > end - start || !equalBytes(memo.bytes, 0, buf, start, memo.length)) {
      return NO_MEMO;
    }
    let to = at;
    for (let i = 0; i < REFERENCES; i++) {
      if (!hpack.holds(memo.references[i]!)) return NO_MEMO;
      to = hpack.writeReference(into, to, memo.references[i]!);
    }
    this.length = memo.length;
    return to;
  }

  /** How the next of the four fields was written. */
  note(reference: number): void {
    if (reference !== NO_REFERENCE && this.#count < REFERENCES) this.#references[this.#count++] = reference;
  }

  /** The prologue `buf[start, end)` was accepted and written; it is kept if all its fields were references. */
  keep(buf: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#count < REFERENCES || length > PROLOGUE_BYTES_MAX) return;
    const memo = this.#memos[this.#slot] ?? new Memo();
    this.#memos[this.#slot] = memo;
    if (memo.bytes.length < length) memo.bytes = new Uint8Array(length);
    copyBytes(memo.bytes, 0, buf, start, end);
    memo.length = length;
    memo.references.set(this.#references);
  }
}
