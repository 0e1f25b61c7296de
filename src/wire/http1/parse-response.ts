/** One HTTP/1.x response head, from bytes to offsets and decisions (RFC 9112). */
import { CR, FIELD_VALUE, LF, SP } from "./byte-classes.ts";
import { OPTION, readConnectionOptions } from "./connection-options.ts";
import { FRAMING, readFraming, readLength } from "./framing.ts";
import { BODY, HEAD_BYTES_MAX, METHOD, NEED_MORE, PARSE_ERROR, type ResponseHead } from "./head.ts";
import { parseHeaderLines, UNDERSCORE } from "./header-lines.ts";
import { websocketLine } from "./upgrade.ts";
import { parseVersion, VERSION_BYTES, versionAt } from "./version.ts";

const DIGIT_0 = 0x30;
const STATUS_DIGITS = 3;
const STATUS_MIN = 100;
const STATUS_MAX = 599;
const SWITCHING_PROTOCOLS = 101;
const NO_CONTENT = 204;
const NOT_MODIFIED = 304;

/**
 * Parses the response head at `start` of `buf[start, end)` into `head`; same answers and promises as `parseRequestHead`.
 * `requestMethod` (one of METHOD) is that of the request it answers, because that decides about the body (RFC 9112 6.3).
 * Nothing may stand before the status line. A missing space before an empty reason is accepted; it changes nothing.
 */
export function parseResponseHead(
  buf: Uint8Array,
  start: number,
  end: number,
  head: ResponseHead,
  requestMethod: number,
): number {
  const limit = Math.min(end, start + HEAD_BYTES_MAX);
  const offset = parseWithin(buf, start, limit, head, requestMethod);
  if (offset === NEED_MORE && end - start >= HEAD_BYTES_MAX) return PARSE_ERROR.HEAD_TOO_LARGE;
  return offset;
}

function parseWithin(buf: Uint8Array, start: number, limit: number, head: ResponseHead, requestMethod: number): number {
  const linesStart = parseStatusLine(buf, start, limit, head);
  if (linesStart <= 0) return linesStart;
  const offset = parseHeaderLines(buf, linesStart, limit, head.lines, UNDERSCORE.REFUSE_COLLIDING);
  if (offset <= 0) return offset;
  head.end = offset;
  return decideConnection(buf, head) || decideBody(buf, head, requestMethod) || offset;
}

/** `version SP status [SP reason] CRLF` (RFC 9112 4). */
function parseStatusLine(buf: Uint8Array, start: number, limit: number, head: ResponseHead): number {
  const versionEnd = parseVersion(buf, start, limit);
  if (versionEnd <= 0) return versionEnd;
  const version = versionAt(buf, versionEnd - VERSION_BYTES);
  if (version < 0) return version;
  if (versionEnd >= limit) return NEED_MORE;
  if (buf[versionEnd]! !== SP) return PARSE_ERROR.BAD_STATUS_LINE;
  const statusEnd = parseStatus(buf, versionEnd + 1, limit, head);
  if (statusEnd <= 0) return statusEnd;
  head.version = version;
  return parseReason(buf, statusEnd, limit, head);
}

function parseStatus(buf: Uint8Array, start: number, limit: number, head: ResponseHead): number {
  let status = 0;
  for (let i = 0; i < STATUS_DIGITS; i++) {
    if (start + i >= limit) return NEED_MORE;
    const digit = buf[start + i]! - DIGIT_0;
    if (digit < 0 || digit > 9) return PARSE_ERROR.BAD_STATUS_LINE;
    status = status * 10 + digit;
  }
  if (status < STATUS_MIN || status > STATUS_MAX) return PARSE_ERROR.BAD_STATUS_LINE;
  head.status = status;
  return start + STATUS_DIGITS;
}

function parseReason(buf: Uint8Array, statusEnd: number, limit: number, head: ResponseHead): number {
  if (statusEnd >= limit) return NEED_MORE;
  let at = statusEnd;
  if (buf[at]! === SP) at++;
  else if (buf[at]! !== CR && buf[at]! !== LF) return PARSE_ERROR.BAD_STATUS_LINE;
  head.reasonStart = at;
  while (at < limit && FIELD_VALUE[buf[at]!]! !== 0) at++;
  head.reasonEnd = at;
  if (at >= limit) return NEED_MORE;
  if (buf[at]! !== CR) return buf[at]! === LF ? PARSE_ERROR.BARE_LF : PARSE_ERROR.BAD_STATUS_LINE;
  if (at + 1 >= limit) return NEED_MORE;
  return buf[at + 1]! === LF ? at + 2 : PARSE_ERROR.BARE_CR;
}

function decideConnection(buf: Uint8Array, head: ResponseHead): number {
  const options = readConnectionOptions(buf, head.lines);
  if (options < 0) return options;
  const isPersistent = head.version >= 11 || (options & OPTION.KEEP_ALIVE) !== 0;
  head.isKeepAlive = isPersistent && (options & OPTION.CLOSE) === 0;
  const isGranted = head.status === SWITCHING_PROTOCOLS && (options & OPTION.UPGRADE) !== 0;
  head.upgradeLine = isGranted ? websocketLine(buf, head.lines) : -1;
  return 0;
}

function decideBody(buf: Uint8Array, head: ResponseHead, requestMethod: number): number {
  head.body = BODY.NONE;
  head.contentLength = 0;
  head.declaredLength = -1;
  // RFC 9112 6.3: a tunnel starts here, and framing fields on this answer are to be ignored.
  if (requestMethod === METHOD.CONNECT && head.status >= 200 && head.status < 300) return 0;
  const framing = readFraming(buf, head.lines, head.version);
  if (framing < 0) return framing;
  if (framing === FRAMING.LENGTH) head.declaredLength = readLength(buf, head.lines);
  if (head.status < 200 || head.status === NO_CONTENT) {
    // RFC 9110 8.6, RFC 9112 6.1: must not be there. Who sends it may well send the content too, as the next answer.
    const isContentDeclared = framing === FRAMING.CHUNKED || head.declaredLength > 0;
    return isContentDeclared ? PARSE_ERROR.BODY_NOT_ALLOWED : 0;
  }
  if (requestMethod === METHOD.HEAD || head.status === NOT_MODIFIED) return 0;
  if (framing === FRAMING.CHUNKED) head.body = BODY.CHUNKED;
  else if (framing === FRAMING.LENGTH) {
    head.body = BODY.LENGTH;
    head.contentLength = head.declaredLength;
  } else {
    head.body = BODY.UNTIL_CLOSE;
    head.isKeepAlive = false;
  }
  return 0;
}
