/** The two header values that say how long a body is (RFC 9112 6). Strict: a value is plain or it is refused. */
import { asciiBytes, equalsIgnoringCase, isWhitespace, TOKEN } from "./byte-classes.ts";
import { HEADER, type HeaderLines, isRepeatedKind, PARSE_ERROR } from "./head.ts";

/** Most digits of a Content-Length. Reason: 15 digits stay exact as a number (below 2^53), and 999 TB is enough. */
export const CONTENT_LENGTH_DIGITS_MAX = 15;

const CHUNKED = asciiBytes("chunked");
const COMMA = 0x2c;
const DIGIT_0 = 0x30;

/** What the framing lines of a head say; negative answers of `readFraming` are PARSE_ERRORs. */
export const FRAMING = { ABSENT: 0, LENGTH: 1, CHUNKED: 2 } as const;

/** Decides between the framing lines, whichever came; `version` is 10 or 11. */
export function readFraming(buf: Uint8Array, lines: HeaderLines, version: number): number {
  const lengthLine = lines.contentLengthLine;
  const codingLine = lines.transferEncodingLine;
  if (lengthLine < 0 && codingLine < 0) return FRAMING.ABSENT;
  if (isRepeatedKind(lines, HEADER.CONTENT_LENGTH)) return PARSE_ERROR.DUPLICATE_CONTENT_LENGTH;
  if (isRepeatedKind(lines, HEADER.TRANSFER_ENCODING)) return PARSE_ERROR.BAD_TRANSFER_ENCODING;
  if (codingLine < 0) return readLength(buf, lines) < 0 ? PARSE_ERROR.BAD_CONTENT_LENGTH : FRAMING.LENGTH;
  if (lengthLine >= 0) return PARSE_ERROR.LENGTH_AND_CHUNKED;
  if (version < 11) return PARSE_ERROR.TRANSFER_ENCODING_IN_1_0;
  return transferCoding(buf, lines.valueStart[codingLine]!, lines.valueEnd[codingLine]!);
}

/** The length on the Content-Length line, -1 where it is not 1 to 15 digits without a leading zero, or there is no line. */
export function readLength(buf: Uint8Array, lines: HeaderLines): number {
  const line = lines.contentLengthLine;
  return line < 0 ? -1 : contentLength(buf, lines.valueStart[line]!, lines.valueEnd[line]!);
}

function contentLength(buf: Uint8Array, start: number, end: number): number {
  const digits = end - start;
  if (digits < 1 || digits > CONTENT_LENGTH_DIGITS_MAX) return -1;
  if (digits > 1 && buf[start]! === DIGIT_0) return -1;
  let length = 0;
  for (let at = start; at < end; at++) {
    const digit = buf[at]! - DIGIT_0;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}

/**
 * CHUNKED for exactly `chunked` in any case. A well-formed list of other codings, with `chunked` last or not there at all,
 * is UNKNOWN_TRANSFER_CODING: understood, not supported. Everything else is BAD_TRANSFER_ENCODING: some reader may take it
 * for `chunked` and another not.
 */
function transferCoding(buf: Uint8Array, start: number, end: number): number {
  if (equalsIgnoringCase(buf, start, end, CHUNKED)) return FRAMING.CHUNKED;
  let at = start;
  for (;;) {
    const tokenStart = at;
    while (at < end && TOKEN[buf[at]!]! !== 0) at++;
    if (at === tokenStart) return PARSE_ERROR.BAD_TRANSFER_ENCODING;
    const isChunked = equalsIgnoringCase(buf, tokenStart, at, CHUNKED);
    while (at < end && isWhitespace(buf[at]!)) at++;
    if (at === end) return PARSE_ERROR.UNKNOWN_TRANSFER_CODING;
    if (isChunked || buf[at]! !== COMMA) return PARSE_ERROR.BAD_TRANSFER_ENCODING;
    at++;
    while (at < end && isWhitespace(buf[at]!)) at++;
  }
}
