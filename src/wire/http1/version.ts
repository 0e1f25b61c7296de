/** `HTTP/1.1` (RFC 9112 2.3). */
import { asciiBytes } from "./byte-classes.ts";
import { NEED_MORE, PARSE_ERROR } from "./head.ts";

const NAME = asciiBytes("HTTP/");
const DOT = 0x2e;
const DIGIT_0 = 0x30;
const MAJOR_AT = 5;
const DOT_AT = 6;
const MINOR_AT = 7;
/** Length of a version; it never varies. */
export const VERSION_BYTES = 8;

function isDigit(byte: number): boolean {
  return byte >= DIGIT_0 && byte <= DIGIT_0 + 9;
}

function fits(byte: number, i: number): boolean {
  if (i < MAJOR_AT) return byte === NAME[i]!;
  return i === DOT_AT ? byte === DOT : isDigit(byte);
}

/** Checks the form of the version at `start`; answers the offset behind it, NEED_MORE or BAD_VERSION. Case-sensitive. */
export function parseVersion(buf: Uint8Array, start: number, limit: number): number {
  for (let i = 0; i < VERSION_BYTES; i++) {
    if (start + i >= limit) return NEED_MORE;
    if (!fits(buf[start + i]!, i)) return PARSE_ERROR.BAD_VERSION;
  }
  return start + VERSION_BYTES;
}

/**
 * The version at `start`, whose form was checked: 10, 11 (also for a higher minor version, RFC 9110 2.5), or
 * UNSUPPORTED_VERSION for another major one.
 */
export function versionAt(buf: Uint8Array, start: number): number {
  if (buf[start + MAJOR_AT]! !== DIGIT_0 + 1) return PARSE_ERROR.UNSUPPORTED_VERSION;
  return buf[start + MINOR_AT]! === DIGIT_0 ? 10 : 11;
}
