/** What a field means and what is wrong with it, found once when it is read and kept beside it in the dynamic table. */
import { asciiBytes, FIELD_VALUE, isWhitespace, TOKEN, TOKEN_UNDERSCORE } from "../http1/byte-classes.ts";
import { HEADER } from "../http1/head.ts";
import { headerKind } from "../http1/header-kind.ts";

/** Low bits of the traits: one of HEADER. */
export const KIND_MASK = 0x3f;
/** Above them: one of PSEUDO. */
export const PSEUDO_SHIFT = 6;
export const PSEUDO_MASK = 7;

/** Pseudo-header fields (RFC 9113 8.3, RFC 8441 4); UNKNOWN is any other name that begins with a colon. */
export const PSEUDO = {
  NONE: 0,
  METHOD: 1,
  PATH: 2,
  SCHEME: 3,
  AUTHORITY: 4,
  STATUS: 5,
  PROTOCOL: 6,
  UNKNOWN: 7,
} as const;

/** What a field is, besides its kind. */
export const TRAIT = {
  /** A cookie crumb, to be joined with the others (RFC 9113 8.2.3). */
  COOKIE: 1 << 9,
  /** `te`, whose only value is `trailers` (RFC 9113 8.2.2). */
  TE: 1 << 10,
} as const;

/** What is wrong: with one field, or with its place in the list. Any of them makes the message malformed (RFC 9113 8.1.1). */
export const FAULT = {
  /** Empty, not a token, or with an upper-case letter (RFC 9113 8.2.1). */
  NAME: 1 << 12,
  /** A byte that may not stand in a value, or whitespace around it. */
  VALUE: 1 << 13,
  /** A field about the connection, which HTTP/2 has none of (RFC 9113 8.2.2). */
  CONNECTION: 1 << 14,
  /** A name with `_`; refused in requests. */
  UNDERSCORE: 1 << 15,
  /** A name with `_` that reads like one the proxy acts on; refused everywhere. */
  DISGUISE: 1 << 16,
  PSEUDO_UNKNOWN: 1 << 17,
  /** A pseudo-header field behind a regular one, or a second time. */
  PSEUDO_ORDER: 1 << 18,
  PSEUDO_REPEATED: 1 << 19,
} as const;

/** All of FAULT. */
export const FAULTS: number = Object.values(FAULT).reduce((all, bit) => all | bit, 0);

/** What depends on the name alone, so that a literal whose name is an entry's can take it from there. */
const NAME_TRAITS =
  KIND_MASK |
  (PSEUDO_MASK << PSEUDO_SHIFT) |
  TRAIT.COOKIE |
  TRAIT.TE |
  FAULT.NAME |
  FAULT.UNDERSCORE |
  FAULT.DISGUISE |
  FAULT.PSEUDO_UNKNOWN |
  FAULT.CONNECTION;

const COLON = 0x3a;
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;
const COOKIE = asciiBytes("cookie");
const TE = asciiBytes("te");
const TRAILERS = asciiBytes("trailers");
/** Names of hop-by-hop kind that must not come at all; `te` and `trailer` may. */
const CONNECTION_NAMES: readonly Uint8Array[] = ["keep-alive", "proxy-connection", "http2-settings"].map(asciiBytes);
const PSEUDO_NAMES: readonly Uint8Array[] = [":method", ":path", ":scheme", ":authority", ":status", ":protocol"].map(
  asciiBytes,
);

/** True when `buf[start, end)` is exactly `bytes`. */
function isExactly(buf: Uint8Array, start: number, end: number, bytes: Uint8Array): boolean {
  if (end - start !== bytes.length) return false;
  for (let i = 0; i < bytes.length; i++) if (buf[start + i]! !== bytes[i]!) return false;
  return true;
}

function isAnyOf(buf: Uint8Array, start: number, end: number, names: readonly Uint8Array[]): boolean {
  for (let i = 0; i < names.length; i++) if (isExactly(buf, start, end, names[i]!)) return true;
  return false;
}

/** Traits of the name at `buf[start, end)`, any bytes. */
export function nameTraits(buf: Uint8Array, start: number, end: number): number {
  if (start >= end) return FAULT.NAME;
  if (buf[start]! === COLON) return pseudoTraits(buf, start, end);
  let seen = 0;
  for (let at = start; at < end; at++) {
    const byte = buf[at]!;
    const entry = TOKEN[byte]!;
    if (entry === 0 || (byte >= UPPER_A && byte <= UPPER_Z)) return FAULT.NAME;
    seen |= entry;
  }
  const kind = headerKind(buf, start, end, false);
  let traits: number = kind;
  if ((seen & TOKEN_UNDERSCORE) !== 0) {
    traits |= FAULT.UNDERSCORE;
    if (headerKind(buf, start, end, true) !== HEADER.OTHER) traits |= FAULT.DISGUISE;
  }
  if (kind === HEADER.OTHER) return isExactly(buf, start, end, COOKIE) ? traits | TRAIT.COOKIE : traits;
  if (kind === HEADER.CONNECTION || kind === HEADER.TRANSFER_ENCODING || kind === HEADER.UPGRADE) {
    return traits | FAULT.CONNECTION;
  }
  if (kind !== HEADER.HOP_BY_HOP) return traits;
  if (isAnyOf(buf, start, end, CONNECTION_NAMES)) return traits | FAULT.CONNECTION;
  return isExactly(buf, start, end, TE) ? traits | TRAIT.TE : traits;
}

function pseudoTraits(buf: Uint8Array, start: number, end: number): number {
  for (let i = 0; i < PSEUDO_NAMES.length; i++) {
    if (isExactly(buf, start, end, PSEUDO_NAMES[i]!)) return (i + 1) << PSEUDO_SHIFT;
  }
  return (PSEUDO.UNKNOWN << PSEUDO_SHIFT) | FAULT.PSEUDO_UNKNOWN;
}

/**
 * Traits of a field whose name has the traits `name` (of a name alone, or of a whole field with that name) and whose value
 * is `buf[start, end)`.
 */
export function fieldTraits(name: number, buf: Uint8Array, start: number, end: number): number {
  let traits = name & NAME_TRAITS;
  // For `te` the fault was that of another value.
  if ((traits & TRAIT.TE) !== 0) traits &= ~FAULT.CONNECTION;
  if (!isValue(buf, start, end)) traits |= FAULT.VALUE;
  if ((traits & TRAIT.TE) !== 0 && !isExactly(buf, start, end, TRAILERS)) traits |= FAULT.CONNECTION;
  return traits;
}

/** RFC 9113 8.2.1: no control bytes, and no whitespace at either end. */
function isValue(buf: Uint8Array, start: number, end: number): boolean {
  if (start >= end) return true;
  if (isWhitespace(buf[start]!) || isWhitespace(buf[end - 1]!)) return false;
  let at = start;
  while (
    at < end - 4 &&
    (FIELD_VALUE[buf[at]!]! & FIELD_VALUE[buf[at + 1]!]! & FIELD_VALUE[buf[at + 2]!]! & FIELD_VALUE[buf[at + 3]!]!) !==
      0
  )
    at += 4;
  while (at < end && FIELD_VALUE[buf[at]!]! !== 0) at++;
  return at >= end;
}
