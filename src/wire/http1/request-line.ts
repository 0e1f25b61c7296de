/** `method SP target SP version CRLF` (RFC 9112 3), with exactly one space and nothing around. */
import { asciiBytes, CR, LF, SP, TOKEN } from "./byte-classes.ts";
import { METHOD, METHODS, NEED_MORE, PARSE_ERROR, type RequestHead } from "./head.ts";
import { parseRequestTarget } from "./request-target.ts";
import { parseVersion, VERSION_BYTES, versionAt } from "./version.ts";

/** Longest method. Reason: the longest registered one has 17 letters (UPDATEREDIRECTREF). */
export const METHOD_BYTES_MAX = 32;

const METHOD_NAMES: readonly Uint8Array[] = METHODS.map(asciiBytes);
/** METHODS have at most this many letters. */
const KNOWN_METHOD_BYTES_MAX = Math.max(...METHODS.map((name) => name.length));

/** Reads the request line into `head`; answers the offset after its CRLF, NEED_MORE or a PARSE_ERROR. */
export function parseRequestLine(buf: Uint8Array, start: number, limit: number, head: RequestHead): number {
  const methodEnd = endOfMethod(buf, start, limit);
  if (methodEnd <= 0) return methodEnd;
  head.methodStart = start;
  head.methodEnd = methodEnd;
  head.method = methodOf(buf, start, methodEnd);
  const targetStart = methodEnd + 1;
  if (targetStart >= limit) return NEED_MORE;
  if (buf[targetStart]! === SP) return PARSE_ERROR.BAD_REQUEST_LINE;
  const targetEnd = parseRequestTarget(buf, targetStart, limit, head);
  if (targetEnd <= 0) return targetEnd;
  const versionEnd = parseVersion(buf, targetEnd + 1, limit);
  if (versionEnd <= 0) return versionEnd;
  return endOfLine(buf, versionEnd, limit, head);
}

function endOfMethod(buf: Uint8Array, start: number, limit: number): number {
  let at = start;
  while (at < limit && TOKEN[buf[at]!]! !== 0) at++;
  if (at - start > METHOD_BYTES_MAX) return PARSE_ERROR.BAD_METHOD;
  if (at >= limit) return NEED_MORE;
  const byte = buf[at]!;
  if (byte === SP && at > start) return at;
  if (byte === LF) return PARSE_ERROR.BARE_LF;
  return PARSE_ERROR.BAD_METHOD;
}

/** One of METHOD for a token at `buf[start, end)`; methods are case-sensitive (RFC 9110 9.1). */
export function methodOf(buf: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length > KNOWN_METHOD_BYTES_MAX) return METHOD.OTHER;
  for (let method = 1; method < METHOD_NAMES.length; method++) {
    const name = METHOD_NAMES[method]!;
    if (name.length !== length || name[0]! !== buf[start]! || name[1]! !== buf[start + 1]!) continue;
    let i = 2;
    while (i < length && name[i]! === buf[start + i]!) i++;
    if (i === length) return method;
  }
  return METHOD.OTHER;
}

function endOfLine(buf: Uint8Array, versionEnd: number, limit: number, head: RequestHead): number {
  if (versionEnd >= limit) return NEED_MORE;
  const byte = buf[versionEnd]!;
  if (byte === LF) return PARSE_ERROR.BARE_LF;
  if (byte !== CR) return byte === SP ? PARSE_ERROR.BAD_REQUEST_LINE : PARSE_ERROR.BAD_VERSION;
  if (versionEnd + 1 >= limit) return NEED_MORE;
  if (buf[versionEnd + 1]! !== LF) return PARSE_ERROR.BARE_CR;
  const version = versionAt(buf, versionEnd - VERSION_BYTES);
  if (version < 0) return version;
  head.version = version;
  return versionEnd + 2;
}
