/** The one form of a path that is routed, authorised and forwarded (RFC 3986 6.2.2). */
import { HEX_VALUE, NOT_HEX, PATH, PATH_PERCENT } from "./byte-classes.ts";

export interface NormalisePathOptions {
  /** Let `%2F` stand (a route asked for it); it stays encoded and is no separator here. */
  readonly allowEncodedSlash?: boolean;
}

const UNRESERVED = /[A-Za-z0-9._~-]/;
/** Escaped bytes that are refused: they mean a separator or an end to somebody further on. */
const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;

/**
 * Answers the normalised path, or `null` for one that must be refused with 400. `raw` is the path of a target, one
 * character per byte, without query; an empty one (absolute form) is `/`.
 *
 * Unreserved characters are decoded, once; what stays escaped has upper-case hexadecimal digits; empty and dot segments
 * are removed, a trailing slash is kept. Refused: bytes outside RFC 3986 `pchar` and `/` (so also `\`, `#`, controls and
 * non-ASCII), malformed escapes, `%2F`, `%5C`, `%00`, `%0A`, `%0D`, overlong UTF-8 of an ASCII character, `..` above the root, and a
 * segment that becomes a dot segment for a reader that cuts off `;parameters` or decodes `%2F`. Path parameters are part of
 * their segment: `/a;v=1` is not `/a`, and a policy on `/a` does not hold for it.
 *
 * Normalising the answer gives the answer.
 */
export function normalisePath(raw: string, options: NormalisePathOptions = {}): string | null {
  if (raw === "") return "/";
  if (raw.charCodeAt(0) !== SLASH) return null;
  const decoded = decodeUnreserved(raw, options.allowEncodedSlash === true);
  return decoded === null ? null : removeDotSegments(decoded);
}

function decodeUnreserved(raw: string, allowEncodedSlash: boolean): string | null {
  let decoded = "";
  let copied = 0;
  for (let at = 0; at < raw.length; at++) {
    const code = raw.charCodeAt(at);
    const entry = code < 256 ? PATH[code]! : 0;
    if (entry === 0) return null;
    if (entry !== PATH_PERCENT) continue;
    const byte = escapedByte(raw, at);
    if (isRefusedByte(byte, allowEncodedSlash) || isOverlong(byte, raw, at + 3)) return null;
    const character = String.fromCharCode(byte);
    const isPlain = byte < 0x80 && UNRESERVED.test(character);
    decoded += raw.slice(copied, at) + (isPlain ? character : raw.slice(at, at + 3).toUpperCase());
    at += 2;
    copied = at + 1;
  }
  return copied === 0 ? raw : decoded + raw.slice(copied);
}

/** The byte that the escape at `at` stands for, -1 where it is malformed or there is none. */
function escapedByte(raw: string, at: number): number {
  if (raw.charCodeAt(at) !== 0x25 || at + 2 >= raw.length) return -1;
  const high = hexValue(raw.charCodeAt(at + 1));
  const low = hexValue(raw.charCodeAt(at + 2));
  return high === NOT_HEX || low === NOT_HEX ? -1 : high * 16 + low;
}

function hexValue(code: number): number {
  return code < 256 ? HEX_VALUE[code]! : NOT_HEX;
}

function isRefusedByte(byte: number, allowEncodedSlash: boolean): boolean {
  if (byte === SLASH) return !allowEncodedSlash;
  return byte < 0 || byte === NUL || byte === LF || byte === CR || byte === BACKSLASH;
}

/** True where `lead` and the escape after it start a UTF-8 sequence longer than its character needs (RFC 3629 3). */
function isOverlong(lead: number, raw: string, next: number): boolean {
  if (lead === 0xc0 || lead === 0xc1) return true;
  if (lead !== 0xe0 && lead !== 0xf0) return false;
  const second = escapedByte(raw, next);
  return second >= 0x80 && second < (lead === 0xe0 ? 0xa0 : 0x90);
}

function removeDotSegments(path: string): string | null {
  const kept: string[] = [];
  let isOpen = false;
  for (const segment of path.slice(1).split("/")) {
    isOpen = segment === "" || segment === "." || segment === "..";
    if (segment === "..") {
      if (kept.length === 0) return null;
      kept.pop();
    } else if (!isOpen) {
      if (hidesDotSegment(segment)) return null;
      kept.push(segment);
    }
  }
  if (kept.length === 0) return "/";
  return `/${kept.join("/")}${isOpen ? "/" : ""}`;
}

/** True for `..;a`, `.;`, `x%2F..` and their like. */
function hidesDotSegment(segment: string): boolean {
  if (!segment.includes(".")) return false;
  return segment.split("%2F").some((part) => /^\.{1,2}(;|$)/.test(part));
}
