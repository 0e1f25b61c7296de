/**
 * Writing heads and chunk framing into a buffer that is there already.
 *
 * Each function writes at `at` and answers the offset behind what it wrote, or FULL when that does not fit; writing at
 * FULL answers FULL. So a whole head is written without a look at the answers, and one test at the end tells.
 */

/** The buffer was too small; nothing past its end was written, and what is in it is no complete head. */
export const FULL = -1;

/** Up to so many bytes a loop is quicker than `set`, which makes a view of the source. */
const LOOP_BYTES_MAX = 64;
/** And than any call. */
const SHORT_BYTES_MAX = 24;

/** Where the runtime has one: copies without a view of the source, which costs more than the copy, and has to be collected. */
export interface SelfCopying {
  readonly copy?: (target: Uint8Array, at: number, start: number, end: number) => number;
}
const DIGIT_0 = 0x30;
const LETTER_A_MINUS_10 = 0x57;
const CR = 0x0d;
const LF = 0x0a;

/** Copies `source[start, end)`. */
export function copyBytes(target: Uint8Array, at: number, source: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (at < 0 || at + length > target.length) return FULL;
  const own: Uint8Array & SelfCopying = source;
  if (length > SHORT_BYTES_MAX && own.copy !== undefined) own.copy(target, at, start, end);
  else if (length <= LOOP_BYTES_MAX) for (let i = 0; i < length; i++) target[at + i] = source[start + i]!;
  else target.set(source.subarray(start, end), at);
  return at + length;
}

/** Copies a constant made by `asciiBytes` at module load. */
export function writeAscii(target: Uint8Array, at: number, bytes: Uint8Array): number {
  return copyBytes(target, at, bytes, 0, bytes.length);
}

/**
 * Writes a string that was made elsewhere (an id, a configured value), one byte per character. Throws a RangeError where it
 * has a control character other than HTAB or one above 0xFF: such a string would write lines of its own.
 */
export function writeText(target: Uint8Array, at: number, text: string): number {
  const length = text.length;
  if (at < 0 || at + length > target.length) return FULL;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) throw new RangeError("not a field value");
    target[at + i] = code;
  }
  return at + length;
}

/** Writes a whole number from 0 to 2^53 - 1 in decimal. */
export function writeDecimal(target: Uint8Array, at: number, value: number): number {
  let digits = 1;
  for (let bound = 10; value >= bound; bound *= 10) digits++;
  if (at < 0 || at + digits > target.length) return FULL;
  let left = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const next = Math.floor(left / 10);
    target[i] = DIGIT_0 + (left - next * 10);
    left = next;
  }
  return at + digits;
}

/** Writes the line before a chunk: the size (1 to 2^31 - 1) in hexadecimal and CRLF. A chunk of 0 would end the body. */
export function writeHexChunkSize(target: Uint8Array, at: number, size: number): number {
  let digits = 1;
  while (size >>> (digits * 4) !== 0 && digits < 8) digits++;
  if (at < 0 || at + digits + 2 > target.length) return FULL;
  for (let i = digits - 1; i >= 0; i--) {
    const value = (size >>> (i * 4)) & 15;
    target[at + digits - 1 - i] = value < 10 ? DIGIT_0 + value : LETTER_A_MINUS_10 + value;
  }
  target[at + digits] = CR;
  target[at + digits + 1] = LF;
  return at + digits + 2;
}
