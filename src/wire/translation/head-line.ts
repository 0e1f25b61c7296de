/** One line of an HTTP/1.1 head that we wrote ourselves; checked all the same, for its bytes came from outside. */
import { CR, FIELD_VALUE, isWhitespace, LF, TOKEN } from "../http1/byte-classes.ts";

const COLON = 0x3a;

/** Where the parts of a line stand; reused. */
export class HeadLine {
  nameEnd = 0;
  /** Value without whitespace around it. */
  valueStart = 0;
  valueEnd = 0;
}

/**
 * Reads the line at `buf[start, end)` into `line`; answers the offset behind its CRLF, or -1 for anything that is no
 * `name: value` CRLF: a bare CR or LF, a control byte, a name that is no token, bytes that run out.
 */
export function scanLine(buf: Uint8Array, start: number, end: number, line: HeadLine): number {
  let at = start;
  while (at < end && TOKEN[buf[at]!]! !== 0) at++;
  if (at === start || at >= end || buf[at]! !== COLON) return -1;
  line.nameEnd = at;
  return scanValue(buf, at + 1, end, line);
}

/** The same from behind the colon on. */
export function scanValue(buf: Uint8Array, start: number, end: number, line: HeadLine): number {
  let at = start;
  while (at < end && isWhitespace(buf[at]!)) at++;
  line.valueStart = at;
  while (
    at < end - 4 &&
    (FIELD_VALUE[buf[at]!]! & FIELD_VALUE[buf[at + 1]!]! & FIELD_VALUE[buf[at + 2]!]! & FIELD_VALUE[buf[at + 3]!]!) !==
      0
  )
    at += 4;
  while (at < end && FIELD_VALUE[buf[at]!]! !== 0) at++;
  if (at + 1 >= end || buf[at]! !== CR || buf[at + 1]! !== LF) return -1;
  let valueEnd = at;
  while (valueEnd > line.valueStart && isWhitespace(buf[valueEnd - 1]!)) valueEnd--;
  line.valueEnd = valueEnd;
  return at + 2;
}
