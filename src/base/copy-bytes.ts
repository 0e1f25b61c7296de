/**
 * A copy of `bytes[start, end)`. Not `slice`: what the runtime hands out as a Uint8Array is mostly a Buffer, and `slice` of a
 * Buffer is a view of the same memory.
 */
export function copyOf(bytes: Uint8Array, start = 0, end = bytes.length): Uint8Array {
  const copy = new Uint8Array(end - start);
  copy.set(bytes.subarray(start, end));
  return copy;
}
