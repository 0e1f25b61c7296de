/** Integers with a prefix (RFC 7541 5.1). */
import { INTEGER_MAX } from "./limits.ts";

/** Answers of `readInteger` that are no integer: the bytes end too early; it is longer or larger than is read. */
export const INTEGER = { TRUNCATED: -1, TOO_LARGE: -2 } as const;

/** Bits of a `readInteger` answer that hold how many bytes were read; the value stands above them. */
export const CONSUMED_BITS = 3;
export const CONSUMED_MASK = 7;

/**
 * Reads the integer whose prefix is the low `prefixBits` (1 to 8) of the byte at `at`, which must lie before `end`. Answers
 * `value << CONSUMED_BITS | bytes`, or one of INTEGER: one number, so that nothing is allocated. The value may need 31 bits,
 * so take it out with `>>> CONSUMED_BITS`.
 */
export function readInteger(buf: Uint8Array, at: number, end: number, prefixBits: number): number {
  const prefixMax = (1 << prefixBits) - 1;
  const prefix = buf[at]! & prefixMax;
  if (prefix < prefixMax) return (prefix << CONSUMED_BITS) | 1;
  let value = prefixMax;
  for (let i = 1; i <= 4; i++) {
    if (at + i >= end) return INTEGER.TRUNCATED;
    const byte = buf[at + i]!;
    value += (byte & 0x7f) << (7 * (i - 1));
    if ((byte & 0x80) !== 0) continue;
    return value <= INTEGER_MAX ? value * 8 + i + 1 : INTEGER.TOO_LARGE;
  }
  return INTEGER.TOO_LARGE;
}

/** Most bytes that `writeInteger` writes for a value up to INTEGER_MAX. */
export const INTEGER_BYTES_MAX = 5;

/**
 * Writes `value` (0 to INTEGER_MAX) with the bits of `first` above the prefix; answers the offset behind it. The caller made
 * sure of INTEGER_BYTES_MAX bytes.
 */
export function writeInteger(into: Uint8Array, at: number, first: number, prefixBits: number, value: number): number {
  const prefixMax = (1 << prefixBits) - 1;
  if (value < prefixMax) {
    into[at] = first | value;
    return at + 1;
  }
  into[at] = first | prefixMax;
  let left = value - prefixMax;
  let to = at + 1;
  while (left >= 0x80) {
    into[to++] = (left & 0x7f) | 0x80;
    left >>>= 7;
  }
  into[to] = left;
  return to + 1;
}
