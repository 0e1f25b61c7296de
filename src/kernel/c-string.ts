/** Memory for C functions that take strings. */

import { ptr } from "bun:ffi";

const encoder = new TextEncoder();

/** The text with a closing NUL. The caller keeps the array alive while C reads it. Throws where the text holds a NUL. */
export function cString(text: string): Uint8Array {
  if (text.includes("\0")) throw new RangeError("a string for C cannot hold a NUL");
  return encoder.encode(`${text}\0`);
}

/** A NULL-terminated `char *[]`; `strings` are the memory it points into and must be kept as long. */
export interface CStringArray {
  readonly pointers: BigUint64Array;
  readonly strings: readonly Uint8Array[];
}

/** The array of the texts, as execve(2) takes it. */
export function cStringArray(texts: readonly string[]): CStringArray {
  const strings = texts.map(cString);
  const pointers = new BigUint64Array(texts.length + 1);
  for (const [index, bytes] of strings.entries()) pointers[index] = BigInt(ptr(bytes));
  return { pointers, strings };
}
