/**
 * W3C Trace Context (Recommendation, level 1, with level 2's random flag) and the other ids a request carries.
 *
 * The mesh records no spans of its own, so a valid `traceparent` is passed on byte for byte: a new parent id would name a span
 * that no backend ever gets to see. Where there is none, or an invalid one, a trace is started here, and any `tracestate` is
 * dropped, as section 3.3 asks for.
 */
import { TRACE_ID_BYTES } from "./access-record.ts";
import type { ByteSource } from "./keystream.ts";

/** Length of a version 00 traceparent, and of the part that later versions share with it. */
export const TRACEPARENT_BYTES = 55;
/** Longest traceparent that is looked at. Reason: a later version may be longer, but no caller needs this much. */
export const TRACEPARENT_BYTES_MAX = 256;
/** Longest tracestate that is passed on. Reason: the Recommendation asks for 512; eight times that is somebody's mistake. */
export const TRACESTATE_BYTES_MAX = 4096;
/** Most members of a tracestate, section 3.3.1.1. */
export const TRACESTATE_MEMBERS_MAX = 32;
/** Length of a request id (UUID version 4, RFC 9562 5.4). */
export const REQUEST_ID_BYTES = 36;
/** Length of an `x-selvedge-id`. */
export const SELVEDGE_ID_BYTES = 16;

const DASH = 45;
const DIGITS = new TextEncoder().encode("0123456789abcdef");
/** Value of a lower-case hexadecimal digit, 255 for any other byte. */
const HEX = Uint8Array.from({ length: 256 }, (_, byte) => (DIGITS.includes(byte) ? DIGITS.indexOf(byte) : 255));

/** Whether all of `[start, end)` are lower-case hexadecimal digits, and not all of them `0`. */
function isNonZeroHex(bytes: Uint8Array, start: number, end: number): boolean {
  let any = 0;
  for (let at = start; at < end; at++) {
    const digit = HEX[bytes[at]!]!;
    if (digit === 255) return false;
    any |= digit;
  }
  return any !== 0;
}

/** Whether `bytes[start, end)` is a traceparent that may be passed on: sections 3.2.2 and 4.3 (later versions). */
export function isTraceparent(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length < TRACEPARENT_BYTES || length > TRACEPARENT_BYTES_MAX) return false;
  const high = HEX[bytes[start]!]!;
  const low = HEX[bytes[start + 1]!]!;
  if (high === 255 || low === 255 || (high === 15 && low === 15)) return false;
  if (length > TRACEPARENT_BYTES) {
    if (high === 0 && low === 0) return false;
    if (bytes[start + TRACEPARENT_BYTES] !== DASH) return false;
  }
  if (bytes[start + 2] !== DASH || bytes[start + 35] !== DASH || bytes[start + 52] !== DASH) return false;
  if (HEX[bytes[start + 53]!] === 255 || HEX[bytes[start + 54]!] === 255) return false;
  return isNonZeroHex(bytes, start + 3, start + 35) && isNonZeroHex(bytes, start + 36, start + 52);
}

/** Copies the trace id of a valid traceparent at `start` into 16 bytes. */
export function readTraceId(bytes: Uint8Array, start: number, into: Uint8Array): void {
  for (let i = 0; i < TRACE_ID_BYTES; i++) {
    into[i] = (HEX[bytes[start + 3 + 2 * i]!]! << 4) | HEX[bytes[start + 4 + 2 * i]!]!;
  }
}

/**
 * Starts a trace: writes a version 00 traceparent at `at`, TRACEPARENT_BYTES long, and answers the position after it.
 *
 * @param isSampled false asks instrumented services behind not to record, if they follow their parent; true keeps what their
 * default sampler would do.
 */
export function writeTraceparent(into: Uint8Array, at: number, source: ByteSource, isSampled = true): number {
  into[at] = 48;
  into[at + 1] = 48;
  into[at + 2] = DASH;
  writeRandomHex(into, at + 3, 16, source);
  into[at + 35] = DASH;
  writeRandomHex(into, at + 36, 8, source);
  into[at + 52] = DASH;
  into[at + 53] = 48;
  // 2: the trace id is random (level 2).
  into[at + 54] = isSampled ? 51 : 50;
  return at + TRACEPARENT_BYTES;
}

/** Writes `count` random bytes in hexadecimal, never all of them zero. */
function writeRandomHex(into: Uint8Array, at: number, count: number, source: ByteSource): void {
  let any = 0;
  for (let i = 0; i < count; i++) {
    let byte = source.byte();
    any |= byte;
    if (i === count - 1 && any === 0) byte = 1;
    into[at + 2 * i] = DIGITS[byte >>> 4]!;
    into[at + 2 * i + 1] = DIGITS[byte & 15]!;
  }
}

/** Writes a random request id (UUID version 4) at `at` and answers the position after it. */
export function writeRequestId(into: Uint8Array, at: number, source: ByteSource): number {
  let to = at;
  for (let i = 0; i < 16; i++) {
    let byte = source.byte();
    if (i === 6) byte = (byte & 0x0f) | 0x40;
    if (i === 8) byte = (byte & 0x3f) | 0x80;
    if (i === 4 || i === 6 || i === 8 || i === 10) into[to++] = DASH;
    into[to++] = DIGITS[byte >>> 4]!;
    into[to++] = DIGITS[byte & 15]!;
  }
  return to;
}

/** Writes the 16 digits of an `x-selvedge-id` made of two unsigned 32-bit halves, and answers the position after them. */
export function writeSelvedgeId(into: Uint8Array, at: number, high: number, low: number): number {
  for (let i = 0; i < 8; i++) {
    const shift = 28 - 4 * i;
    into[at + i] = DIGITS[(high >>> shift) & 15]!;
    into[at + 8 + i] = DIGITS[(low >>> shift) & 15]!;
  }
  return at + SELVEDGE_ID_BYTES;
}
