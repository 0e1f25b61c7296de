/** Request lines of which only the target changes: method and `Host` that came before are written again by reference. */
import { equalBytes, hashBytes } from "../hpack/bytes.ts";
import { type HpackEncoder, NO_REFERENCE } from "../hpack/encoder.ts";
import { PROLOGUE_BYTES_MAX, PROLOGUE_SHAPES_MAX } from "../hpack/limits.ts";
import { SP } from "../http1/byte-classes.ts";
import { copyBytes } from "../http1/write-head.ts";

const SLASH = 0x2f;
/** Bytes of the version and `host: `, the same in all of them, and of the name behind by which a shape is looked for. */
const SKIPPED_BYTES = 17;
const KEY_BYTES = 16;

class Shape {
  /** The method with its space; behind it the space, the version and the line of `Host`. */
  bytes = new Uint8Array(0);
  methodLength = 0;
  length = 0;
  method = NO_REFERENCE as number;
  authority = NO_REFERENCE as number;
}

/** Holds for the exact bytes around the target, while both fields have entries, and for targets that begin with a slash. */
export class PrologueShapes {
  readonly #shapes: (Shape | undefined)[] = new Array(PROLOGUE_SHAPES_MAX).fill(undefined);
  #slot = 0;
  /** Of the prologue that was looked at last: where its target stands, and where it ends itself. */
  targetStart = 0;
  targetEnd = 0;
  end = 0;
  /** How its method and its authority are written. */
  method = NO_REFERENCE as number;
  authority = NO_REFERENCE as number;

  /** Looks at the prologue at the start of `buf[start, end)`; false where it has no known shape. */
  find(buf: Uint8Array, start: number, end: number, hpack: HpackEncoder): boolean {
    let at = start;
    while (at < end && buf[at]! > SP) at++;
    const targetStart = at + 1;
    at = targetStart;
    while (at < end && buf[at]! > SP) at++;
    this.targetStart = targetStart;
    this.targetEnd = at;
    const keyStart = Math.min(end, at + SKIPPED_BYTES);
    this.#slot = hashBytes(buf, keyStart, Math.min(end, keyStart + KEY_BYTES), buf[start]!) & (PROLOGUE_SHAPES_MAX - 1);
    const shape = this.#shapes[this.#slot];
    if (shape === undefined || targetStart - start !== shape.methodLength || targetStart >= end) return false;
    const tail = shape.length - shape.methodLength;
    if (buf[targetStart]! !== SLASH || at + tail > end) return false;
    if (!equalBytes(shape.bytes, 0, buf, start, shape.methodLength)) return false;
    if (!equalBytes(shape.bytes, shape.methodLength, buf, at, tail)) return false;
    this.end = at + tail;
    this.method = shape.method;
    this.authority = shape.authority;
    return hpack.holds(this.method) && hpack.holds(this.authority);
  }

  /** The prologue `buf[start, end)`, looked at last and of no known shape, was accepted: its method and authority were written so. */
  keep(buf: Uint8Array, start: number, end: number, method: number, authority: number): void {
    const methodLength = this.targetStart - start;
    const length = methodLength + end - this.targetEnd;
    if (method === NO_REFERENCE || authority === NO_REFERENCE || length > PROLOGUE_BYTES_MAX) return;
    const shape = this.#shapes[this.#slot] ?? new Shape();
    this.#shapes[this.#slot] = shape;
    if (shape.bytes.length < length) shape.bytes = new Uint8Array(length);
    copyBytes(shape.bytes, 0, buf, start, this.targetStart);
    copyBytes(shape.bytes, methodLength, buf, this.targetEnd, end);
    shape.methodLength = methodLength;
    shape.length = length;
    shape.method = method;
    shape.authority = authority;
  }
}
