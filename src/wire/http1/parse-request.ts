/** One HTTP/1.x request head, from bytes to offsets and decisions (RFC 9112). */
import { AUTHORITY, authorityPort, isSameAuthority } from "./authority.ts";
import { asciiBytes, CR, equalsIgnoringCase, LF } from "./byte-classes.ts";
import { OPTION, readConnectionOptions } from "./connection-options.ts";
import { FRAMING, readFraming, readLength } from "./framing.ts";
import {
  BODY,
  FORM,
  HEAD_BYTES_MAX,
  HEADER,
  isRepeatedKind,
  METHOD,
  NEED_MORE,
  PARSE_ERROR,
  type RequestHead,
} from "./head.ts";
import { parseHeaderLines, UNDERSCORE } from "./header-lines.ts";
import { parseRequestLine } from "./request-line.ts";
import { websocketLine } from "./upgrade.ts";

const CONTINUE = asciiBytes("100-continue");

/**
 * Parses the request head at `start` of the bytes `buf[start, end)` into `head`. Answers the absolute offset of the first
 * byte after the head, NEED_MORE, or a PARSE_ERROR; `head` holds something only after an offset. Reads `buf` only inside
 * the range, allocates nothing, and keeps nothing: a call after NEED_MORE starts over with more bytes. So that a client
 * that drips bytes costs no more than a fast one, call again only when a line feed is among the new bytes or the head may
 * have passed HEAD_BYTES_MAX.
 *
 * The verdict does not depend on how the bytes were cut. One empty line before the request line is skipped (RFC 9112 2.2).
 * After an error the connection cannot be used any more: where the next request starts is unknown.
 */
export function parseRequestHead(buf: Uint8Array, start: number, end: number, head: RequestHead): number {
  const limit = Math.min(end, start + HEAD_BYTES_MAX);
  const offset = parseWithin(buf, start, limit, head);
  if (offset === NEED_MORE && end - start >= HEAD_BYTES_MAX) return PARSE_ERROR.HEAD_TOO_LARGE;
  return offset;
}

function parseWithin(buf: Uint8Array, start: number, limit: number, head: RequestHead): number {
  const lineStart = skipEmptyLine(buf, start, limit);
  if (lineStart < 0) return lineStart;
  if (lineStart >= limit) return NEED_MORE;
  const linesStart = parseRequestLine(buf, lineStart, limit, head);
  if (linesStart <= 0) return linesStart;
  const offset = parseHeaderLines(buf, linesStart, limit, head.lines, UNDERSCORE.REFUSE_ALL);
  if (offset <= 0) return offset;
  head.end = offset;
  return decide(buf, head) || offset;
}

/** Offset of the request line; `limit` while that cannot be known; PARSE_ERROR. */
function skipEmptyLine(buf: Uint8Array, start: number, limit: number): number {
  if (start >= limit || buf[start]! !== CR) return start;
  if (start + 1 >= limit) return limit;
  return buf[start + 1]! === LF ? start + 2 : PARSE_ERROR.BARE_CR;
}

/** Everything that takes the whole head; 0 or a PARSE_ERROR. */
function decide(buf: Uint8Array, head: RequestHead): number {
  return decideTarget(buf, head) || decideBody(buf, head) || decideConnection(buf, head);
}

function decideTarget(buf: Uint8Array, head: RequestHead): number {
  if (head.form === FORM.ASTERISK && head.method !== METHOD.OPTIONS) return PARSE_ERROR.BAD_TARGET;
  const lines = head.lines;
  const line = lines.hostLine;
  if (line < 0) return head.version >= 11 ? PARSE_ERROR.MISSING_HOST : 0;
  if (isRepeatedKind(lines, HEADER.HOST)) return PARSE_ERROR.DUPLICATE_HOST;
  const hostStart = lines.valueStart[line]!;
  const hostEnd = lines.valueEnd[line]!;
  if (authorityPort(buf, hostStart, hostEnd) === AUTHORITY.BAD) return PARSE_ERROR.BAD_HOST;
  if (head.form === FORM.ORIGIN || head.form === FORM.ASTERISK) {
    head.authorityStart = hostStart;
    head.authorityEnd = hostEnd;
    return 0;
  }
  const isConnect = head.form === FORM.AUTHORITY;
  const isSame = isSameAuthority(buf, head.authorityStart, head.authorityEnd, hostStart, hostEnd, isConnect);
  return isSame ? 0 : PARSE_ERROR.HOST_MISMATCH;
}

function decideBody(buf: Uint8Array, head: RequestHead): number {
  const framing = readFraming(buf, head.lines, head.version);
  if (framing < 0) return framing;
  head.contentLength = 0;
  head.body = BODY.NONE;
  if (framing === FRAMING.ABSENT) return 0;
  // RFC 9110 9.3.6 and 9.3.8: neither has content, and a reader that ignores the framing would see a second request.
  if (head.method === METHOD.CONNECT || head.method === METHOD.TRACE) return PARSE_ERROR.BODY_NOT_ALLOWED;
  head.body = framing === FRAMING.CHUNKED ? BODY.CHUNKED : BODY.LENGTH;
  if (framing === FRAMING.LENGTH) head.contentLength = readLength(buf, head.lines);
  return 0;
}

function decideConnection(buf: Uint8Array, head: RequestHead): number {
  const lines = head.lines;
  const options = readConnectionOptions(buf, lines);
  if (options < 0) return options;
  const isPersistent = head.version >= 11 || (options & OPTION.KEEP_ALIVE) !== 0;
  head.isKeepAlive = isPersistent && (options & OPTION.CLOSE) === 0;
  head.upgradeLine = -1;
  head.expectsContinue = false;
  const hasContent = head.body === BODY.CHUNKED || head.contentLength > 0;
  if (lines.upgradeLine >= 0 && (options & OPTION.UPGRADE) !== 0 && head.method === METHOD.GET && head.version >= 11) {
    head.upgradeLine = websocketLine(buf, lines);
    if (head.upgradeLine >= 0 && hasContent) return PARSE_ERROR.BAD_UPGRADE;
  }
  return lines.expectLine < 0 ? 0 : decideExpect(buf, head, hasContent);
}

/**
 * `100-continue` is the only expectation there is (RFC 9110 10.1.1); anything else is refused. It means nothing on
 * HTTP/1.0 and nothing where no content follows. Only for heads with such a line; 0 or a PARSE_ERROR.
 */
export function decideExpect(buf: Uint8Array, head: RequestHead, hasContent: boolean): number {
  const lines = head.lines;
  for (let line = lines.expectLine; line < lines.count; line++) {
    if (lines.kind[line]! !== HEADER.EXPECT) continue;
    const isContinue = equalsIgnoringCase(buf, lines.valueStart[line]!, lines.valueEnd[line]!, CONTINUE);
    if (!isContinue) return PARSE_ERROR.BAD_EXPECT;
  }
  head.expectsContinue = hasContent && head.version >= 11;
  return 0;
}
