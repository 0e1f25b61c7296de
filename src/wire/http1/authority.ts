/** `host[:port]` as it stands in Host, in a CONNECT target and in an absolute target (RFC 3986 3.2, RFC 9110 7.2). */
import { HEX_VALUE, HOST_NAME, NOT_HEX } from "./byte-classes.ts";

/** Longest host, without port. Reason: a DNS name has at most 253 bytes in text. */
export const HOST_BYTES_MAX = 255;
const PORT_DIGITS_MAX = 5;
const PORT_MAX = 65535;
const HTTP_PORT = 80;

const COLON = 0x3a;
const DOT = 0x2e;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
const DIGIT_0 = 0x30;

/** Answers of `authorityPort` besides a port. */
export const AUTHORITY = { NO_PORT: 0, BAD: -1 } as const;

/**
 * The port of the authority at `buf[start, end)`: 1 to 65535, NO_PORT where it names none, or BAD where it is not an
 * authority we take: empty, user information, percent-encoding, empty labels, an unclosed or misplaced bracket, a port that
 * is empty, zero, signed, too long or too large.
 */
export function authorityPort(buf: Uint8Array, start: number, end: number): number {
  const hostEnd = authorityHostEnd(buf, start, end);
  if (hostEnd < 0) return AUTHORITY.BAD;
  if (hostEnd === end) return AUTHORITY.NO_PORT;
  return buf[hostEnd]! === COLON ? portNumber(buf, hostEnd + 1, end) : AUTHORITY.BAD;
}

/** Where the host of the authority at `buf[start, end)` ends (at the colon or at `end`); -1 when it is not a host. */
export function authorityHostEnd(buf: Uint8Array, start: number, end: number): number {
  if (start >= end) return -1;
  return buf[start]! === BRACKET_OPEN ? literalEnd(buf, start, end) : nameEnd(buf, start, end);
}

function nameEnd(buf: Uint8Array, start: number, end: number): number {
  let at = start;
  let labelBytes = 0;
  while (at < end && HOST_NAME[buf[at]!]! !== 0) {
    if (buf[at]! === DOT) {
      if (labelBytes === 0) return -1;
      labelBytes = 0;
    } else labelBytes++;
    at++;
  }
  return at > start && at - start <= HOST_BYTES_MAX ? at : -1;
}

function literalEnd(buf: Uint8Array, start: number, end: number): number {
  let at = start + 1;
  while (at < end && buf[at]! !== BRACKET_CLOSE) at++;
  return at < end && isIpv6(buf, start + 1, at) ? at + 1 : -1;
}

/** RFC 3986 3.2.2 `IPv6address`; no zone, because that only means something on the machine that wrote it. */
function isIpv6(buf: Uint8Array, start: number, end: number): boolean {
  let groups = 0;
  let isCompressed = false;
  let at = start;
  if (end - start >= 2 && buf[at]! === COLON && buf[at + 1]! !== COLON) return false;
  while (at < end) {
    if (buf[at]! === COLON) {
      // Only `::` gets here: a single colon is stepped over after its group.
      if (isCompressed || at + 1 >= end || buf[at + 1]! !== COLON) return false;
      isCompressed = true;
      at += 2;
      continue;
    }
    const groupStart = at;
    while (at < end && HEX_VALUE[buf[at]!]! !== NOT_HEX) at++;
    if (at < end && buf[at]! === DOT) {
      if (!isIpv4(buf, groupStart, end)) return false;
      groups += 2;
      at = end;
      break;
    }
    if (at === groupStart || at - groupStart > 4) return false;
    groups++;
    if (at === end) break;
    if (buf[at]! !== COLON || at + 1 === end) return false;
    if (buf[at + 1]! !== COLON) at++;
  }
  return isCompressed ? groups <= 7 : groups === 8;
}

function isIpv4(buf: Uint8Array, start: number, end: number): boolean {
  let octets = 0;
  let value = -1;
  let digits = 0;
  for (let at = start; at <= end; at++) {
    const digit = at < end ? buf[at]! - DIGIT_0 : -1;
    if (digit >= 0 && digit <= 9) {
      if (value === 0) return false;
      value = value < 0 ? digit : value * 10 + digit;
      if (++digits > 3) return false;
      continue;
    }
    if (at < end && buf[at]! !== DOT) return false;
    if (value < 0 || value > 255) return false;
    octets++;
    value = -1;
    digits = 0;
  }
  return octets === 4;
}

function portNumber(buf: Uint8Array, start: number, end: number): number {
  if (end - start > PORT_DIGITS_MAX) return AUTHORITY.BAD;
  let port = 0;
  for (let at = start; at < end; at++) {
    const digit = buf[at]! - DIGIT_0;
    if (digit < 0 || digit > 9) return AUTHORITY.BAD;
    port = port * 10 + digit;
  }
  return port >= 1 && port <= PORT_MAX ? port : AUTHORITY.BAD;
}

/**
 * True when two authorities, both accepted by `authorityPort`, name the same host and port; letters in any case. An
 * absent port means 80 (plain `http`), or with `isConnect` whatever the first one says, because clients
 * leave the port of a CONNECT out of `Host`.
 */
export function isSameAuthority(
  buf: Uint8Array,
  start: number,
  end: number,
  hostStart: number,
  hostEnd: number,
  isConnect: boolean,
): boolean {
  const nameEndA = authorityHostEnd(buf, start, end);
  const nameEndB = authorityHostEnd(buf, hostStart, hostEnd);
  if (!isSameHost(buf, start, nameEndA, hostStart, nameEndB)) return false;
  const portA = authorityPort(buf, start, end) || HTTP_PORT;
  const portB = authorityPort(buf, hostStart, hostEnd) || (isConnect ? portA : HTTP_PORT);
  return portA === portB;
}

function isSameHost(buf: Uint8Array, startA: number, endA: number, startB: number, endB: number): boolean {
  if (endA - startA !== endB - startB) return false;
  for (let i = 0; i < endA - startA; i++) {
    if (lowerCase(buf[startA + i]!) !== lowerCase(buf[startB + i]!)) return false;
  }
  return true;
}

function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}
