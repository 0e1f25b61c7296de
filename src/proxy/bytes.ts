import { FULL } from "../wire/http1/write-head.ts";

declare global {
  interface Buffer {
    /** In Bun and Node since the beginning, missing from their types; half the cost of `toString("latin1")` on short ranges. */
    latin1Slice(start: number, end: number): string;
  }
}

/** Below this many bytes a loop is quicker than the call. */
const LOOP_BYTES_MAX = 24;

/**
 * Copies `source[start, end)` to `at` and answers the offset after it; FULL where it does not fit or `at` is FULL. As
 * `copyBytes`, but by `Buffer.copy`, which makes no view of the source.
 */
export function copyRun(target: Buffer, at: number, source: Buffer, start: number, end: number): number {
  const length = end - start;
  if (at < 0 || at + length > target.length) return FULL;
  if (length > LOOP_BYTES_MAX) source.copy(target, at, start, end);
  else for (let i = 0; i < length; i++) target[at + i] = source[start + i]!;
  return at + length;
}

/** `bytes[start, end)` as a string of one character per byte. */
export function latin1(bytes: Buffer, start: number, end: number): string {
  return bytes.latin1Slice(start, end);
}
