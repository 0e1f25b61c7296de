/** The request target in its four forms (RFC 9112 3.2), read up to the space behind it. */
import { AUTHORITY, authorityPort } from "./authority.ts";
import {
  asciiBytes,
  CR,
  HOST_NAME,
  LF,
  PATH,
  PATH_DOT,
  PATH_PERCENT,
  PATH_PLAIN,
  PATH_SLASH,
  QUERY,
  SP,
} from "./byte-classes.ts";
import { FORM, METHOD, NEED_MORE, PARSE_ERROR, type RequestHead, TARGET_BYTES_MAX } from "./head.ts";

const SLASH = 0x2f;
const QUESTION_MARK = 0x3f;
const ASTERISK = 0x2a;
const COLON = 0x3a;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
/** The only scheme we are asked for in the clear; an `https` URI on a plain connection would be answered as something it is not. */
const HTTP_SCHEME = asciiBytes("http://");
const SCHEME_LETTERS = 4;

/**
 * Reads the target at `start` (its first byte) and answers the offset of the space that ends it, NEED_MORE or a
 * PARSE_ERROR. `head.method` must be known: CONNECT takes an authority and nothing else does.
 */
export function parseRequestTarget(buf: Uint8Array, start: number, limit: number, head: RequestHead): number {
  const window = Math.min(limit, start + TARGET_BYTES_MAX + 1);
  head.targetStart = start;
  head.queryStart = -1;
  head.queryEnd = -1;
  head.isPathPlain = true;
  head.authorityStart = 0;
  head.authorityEnd = 0;
  const at = parseForm(buf, start, window, head);
  if (at < 0) return at;
  if (at >= window) return window - start > TARGET_BYTES_MAX ? PARSE_ERROR.TARGET_TOO_LONG : NEED_MORE;
  if (buf[at]! !== SP) return targetError(buf, at, limit);
  head.targetEnd = at;
  return at;
}

/** Offset of the first byte that is not part of the target, or `window`; PARSE_ERROR. */
function parseForm(buf: Uint8Array, start: number, window: number, head: RequestHead): number {
  const first = buf[start]!;
  if (head.method === METHOD.CONNECT) return parseAuthorityForm(buf, start, window, head);
  if (first === SLASH) {
    head.form = FORM.ORIGIN;
    return parsePathAndQuery(buf, start, window, head);
  }
  if (first === ASTERISK) {
    head.form = FORM.ASTERISK;
    head.pathStart = start;
    head.pathEnd = start + 1;
    return start + 1;
  }
  return parseAbsoluteForm(buf, start, window, head);
}

function parsePathAndQuery(buf: Uint8Array, start: number, window: number, head: RequestHead): number {
  head.pathStart = start;
  let at = start;
  let isPlain = true;
  let previous = PATH_PLAIN;
  while (at < window) {
    const entry = PATH[buf[at]!]!;
    if (entry !== PATH_PLAIN) {
      if (entry === 0) break;
      // A slash or a dot after a slash, or any escape: normalising has to look at it.
      if (entry === PATH_PERCENT || (previous === PATH_SLASH && (entry === PATH_SLASH || entry === PATH_DOT)))
        isPlain = false;
    }
    previous = entry;
    at++;
  }
  head.pathEnd = at;
  head.isPathPlain = isPlain && at > start;
  if (at >= window || buf[at]! !== QUESTION_MARK) return at;
  at++;
  head.queryStart = at;
  while (at < window && QUERY[buf[at]!]! !== 0) at++;
  head.queryEnd = at;
  return at;
}

function parseAuthorityForm(buf: Uint8Array, start: number, window: number, head: RequestHead): number {
  head.form = FORM.AUTHORITY;
  const at = endOfAuthority(buf, start, window);
  if (at >= window || buf[at]! !== SP) return at;
  if (authorityPort(buf, start, at) <= AUTHORITY.NO_PORT) return PARSE_ERROR.BAD_TARGET;
  head.authorityStart = start;
  head.authorityEnd = at;
  head.pathStart = at;
  head.pathEnd = at;
  return at;
}

function parseAbsoluteForm(buf: Uint8Array, start: number, window: number, head: RequestHead): number {
  head.form = FORM.ABSOLUTE;
  const authorityStart = endOfScheme(buf, start, window);
  if (authorityStart < 0) return -authorityStart;
  const authorityEnd = endOfAuthority(buf, authorityStart, window);
  if (authorityEnd >= window) return window;
  const next = buf[authorityEnd]!;
  if (next !== SLASH && next !== QUESTION_MARK && next !== SP) return authorityEnd;
  if (authorityPort(buf, authorityStart, authorityEnd) === AUTHORITY.BAD) return PARSE_ERROR.BAD_TARGET;
  head.authorityStart = authorityStart;
  head.authorityEnd = authorityEnd;
  return parsePathAndQuery(buf, authorityEnd, window, head);
}

/** Offset after `http://`, or the negated offset of the first byte that differs (`window` where the bytes ran out). */
function endOfScheme(buf: Uint8Array, start: number, window: number): number {
  for (let i = 0; i < HTTP_SCHEME.length; i++) {
    const at = start + i;
    if (at >= window) return -window;
    const byte = i < SCHEME_LETTERS ? buf[at]! | 0x20 : buf[at]!;
    if (byte !== HTTP_SCHEME[i]!) return -at;
  }
  return start + HTTP_SCHEME.length;
}

function endOfAuthority(buf: Uint8Array, start: number, window: number): number {
  let at = start;
  while (at < window && isAuthorityByte(buf[at]!)) at++;
  return at;
}

function isAuthorityByte(byte: number): boolean {
  return HOST_NAME[byte]! !== 0 || byte === COLON || byte === BRACKET_OPEN || byte === BRACKET_CLOSE;
}

/** What is wrong with the byte at `at`, which neither belongs to the target nor ends it. */
function targetError(buf: Uint8Array, at: number, limit: number): number {
  const byte = buf[at]!;
  if (byte === LF) return PARSE_ERROR.BARE_LF;
  if (byte !== CR) return PARSE_ERROR.BAD_TARGET;
  if (at + 1 >= limit) return NEED_MORE;
  return buf[at + 1]! === LF ? PARSE_ERROR.BAD_REQUEST_LINE : PARSE_ERROR.BARE_CR;
}
