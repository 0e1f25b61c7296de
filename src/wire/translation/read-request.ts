/** A request by HTTP/2, read into the index that an HTTP/1.1 head is read into (RFC 9113 8.3.1, 8.5; RFC 8441 4). */
import type { FieldList } from "../hpack/field-list.ts";
import { PSEUDO } from "../hpack/field-traits.ts";
import { AUTHORITY, authorityPort, isSameAuthority } from "../http1/authority.ts";
import { asciiBytes, equalsIgnoringCase, TOKEN } from "../http1/byte-classes.ts";
import { FRAMING, readFraming, readLength } from "../http1/framing.ts";
import { BODY, FORM, HEADER, isRepeatedKind, METHOD, PARSE_ERROR, type RequestHead } from "../http1/head.ts";
import { decideExpect } from "../http1/parse-request.ts";
import { METHOD_BYTES_MAX, methodOf } from "../http1/request-line.ts";
import { parseRequestTarget } from "../http1/request-target.ts";
import { copyBytes } from "../http1/write-head.ts";
import { faultError } from "./fault-error.ts";
import { addUpgradeLine, EMPTY_LINE_BYTES, endLines } from "./head-end.ts";

/** Version of a head that came by HTTP/2. */
export const HTTP2_VERSION = 20;

const SLASH = 0x2f;
const ASTERISK = 0x2a;
const HTTP = asciiBytes("http");
const HTTPS = asciiBytes("https");
const WEBSOCKET = asciiBytes("websocket");
const GET = asciiBytes("GET");

const bit = (pseudo: number) => 1 << pseudo;
const REQUEST_PSEUDO =
  bit(PSEUDO.METHOD) | bit(PSEUDO.PATH) | bit(PSEUDO.SCHEME) | bit(PSEUDO.AUTHORITY) | bit(PSEUDO.PROTOCOL);

/**
 * Decides what the decoded list means, by the rules of the HTTP/1.1 reader: 0, or a PARSE_ERROR for a malformed request
 * (a stream error). `fields` must index into `head.lines`; offsets in `head` are offsets in `fields.bytes`. `isEnd`: no
 * content follows. `allowsWebsocket`: our settings offer extended CONNECT; such a request reads as the GET with `Upgrade:
 * websocket` that it stands for, `head.upgradeLine` set. Its `sec-websocket-key` is for whoever writes it as HTTP/1.1 to make.
 *
 * Without Content-Length the content is CHUNKED: its length is not known.
 */
export function readRequestFields(
  fields: FieldList,
  head: RequestHead,
  isEnd: boolean,
  allowsWebsocket: boolean,
): number {
  if (fields.faults !== 0) return faultError(fields.faults);
  if (fields.isOversized) return PARSE_ERROR.HEAD_TOO_LARGE;
  head.version = HTTP2_VERSION;
  head.isKeepAlive = true;
  head.expectsContinue = false;
  head.upgradeLine = -1;
  const error =
    decideMethod(fields, head) ||
    decideTarget(fields, head, allowsWebsocket) ||
    decideAuthority(fields, head) ||
    decideBody(fields, head, isEnd);
  head.end = endLines(fields);
  return error;
}

function has(fields: FieldList, pseudo: number): boolean {
  return (fields.pseudoSeen & bit(pseudo)) !== 0;
}

function isValue(fields: FieldList, pseudo: number, text: Uint8Array): boolean {
  return equalsIgnoringCase(fields.bytes, fields.pseudoStart[pseudo]!, fields.pseudoEnd[pseudo]!, text);
}

function decideMethod(fields: FieldList, head: RequestHead): number {
  if (!has(fields, PSEUDO.METHOD) || (fields.pseudoSeen & ~REQUEST_PSEUDO) !== 0) return PARSE_ERROR.BAD_PSEUDO_HEADER;
  const start = fields.pseudoStart[PSEUDO.METHOD]!;
  const end = fields.pseudoEnd[PSEUDO.METHOD]!;
  let at = start;
  while (at < end && TOKEN[fields.bytes[at]!]! !== 0) at++;
  if (at < end || start === end || end - start > METHOD_BYTES_MAX) return PARSE_ERROR.BAD_METHOD;
  head.methodStart = start;
  head.methodEnd = end;
  head.method = methodOf(fields.bytes, start, end);
  return 0;
}

/** RFC 9113 8.3.1: a scheme and a path; 8.5: neither with CONNECT, except the extended one. */
function decideTarget(fields: FieldList, head: RequestHead, allowsWebsocket: boolean): number {
  const isExtended = has(fields, PSEUDO.PROTOCOL);
  if (isExtended && (head.method !== METHOD.CONNECT || !allowsWebsocket)) return PARSE_ERROR.BAD_PSEUDO_HEADER;
  if (head.method === METHOD.CONNECT && !isExtended) {
    if (has(fields, PSEUDO.PATH) || has(fields, PSEUDO.SCHEME)) return PARSE_ERROR.BAD_PSEUDO_HEADER;
    return has(fields, PSEUDO.AUTHORITY) ? readTarget(fields, head, PSEUDO.AUTHORITY) : PARSE_ERROR.BAD_PSEUDO_HEADER;
  }
  if (!has(fields, PSEUDO.PATH) || !has(fields, PSEUDO.SCHEME)) return PARSE_ERROR.BAD_PSEUDO_HEADER;
  if (!isValue(fields, PSEUDO.SCHEME, HTTP) && !isValue(fields, PSEUDO.SCHEME, HTTPS))
    return PARSE_ERROR.BAD_PSEUDO_HEADER;
  if (isExtended) {
    const error = becomeWebsocket(fields, head);
    if (error !== 0) return error;
  }
  // Other forms of a target are for HTTP/1.1; here they would name a second authority.
  const first = fields.bytes[fields.pseudoStart[PSEUDO.PATH]!]!;
  const isAsterisk = first === ASTERISK && head.method === METHOD.OPTIONS;
  return first === SLASH || isAsterisk ? readTarget(fields, head, PSEUDO.PATH) : PARSE_ERROR.BAD_TARGET;
}

/** The strict reader of HTTP/1.1 targets, which wants the space that `fields` has put behind every such value. */
function readTarget(fields: FieldList, head: RequestHead, pseudo: number): number {
  const end = fields.pseudoEnd[pseudo]!;
  const read = parseRequestTarget(fields.bytes, fields.pseudoStart[pseudo]!, end + 1, head);
  if (read < 0) return read;
  return read === end ? 0 : PARSE_ERROR.BAD_TARGET;
}

function becomeWebsocket(fields: FieldList, head: RequestHead): number {
  if (!isValue(fields, PSEUDO.PROTOCOL, WEBSOCKET)) return PARSE_ERROR.BAD_UPGRADE;
  const line = addUpgradeLine(fields);
  if (line < 0) return PARSE_ERROR.TOO_MANY_HEADERS;
  head.upgradeLine = line;
  head.method = METHOD.GET;
  // Behind the empty line that ends the head.
  head.methodStart = fields.length + EMPTY_LINE_BYTES;
  head.methodEnd = copyBytes(fields.bytes, head.methodStart, GET, 0, GET.length);
  return 0;
}

/** Two names for the destination must be one: routing looks at one and a service behind may look at the other. */
function decideAuthority(fields: FieldList, head: RequestHead): number {
  const lines = head.lines;
  if (isRepeatedKind(lines, HEADER.HOST)) return PARSE_ERROR.DUPLICATE_HOST;
  const line = lines.hostLine;
  const hostStart = line < 0 ? 0 : lines.valueStart[line]!;
  const hostEnd = line < 0 ? 0 : lines.valueEnd[line]!;
  if (line >= 0 && authorityPort(fields.bytes, hostStart, hostEnd) === AUTHORITY.BAD) return PARSE_ERROR.BAD_HOST;
  if (!has(fields, PSEUDO.AUTHORITY)) {
    if (line < 0) return PARSE_ERROR.MISSING_HOST;
    head.authorityStart = hostStart;
    head.authorityEnd = hostEnd;
    return 0;
  }
  const start = fields.pseudoStart[PSEUDO.AUTHORITY]!;
  const end = fields.pseudoEnd[PSEUDO.AUTHORITY]!;
  if (authorityPort(fields.bytes, start, end) === AUTHORITY.BAD) return PARSE_ERROR.BAD_HOST;
  head.authorityStart = start;
  head.authorityEnd = end;
  if (line < 0) return 0;
  const isSame = isSameAuthority(fields.bytes, start, end, hostStart, hostEnd, head.form === FORM.AUTHORITY);
  return isSame ? 0 : PARSE_ERROR.HOST_MISMATCH;
}

function decideBody(fields: FieldList, head: RequestHead, isEnd: boolean): number {
  const framing = readFraming(fields.bytes, head.lines, 11);
  if (framing < 0) return framing;
  head.contentLength = framing === FRAMING.LENGTH ? readLength(fields.bytes, head.lines) : 0;
  if (head.method === METHOD.CONNECT || head.upgradeLine >= 0) {
    // What follows belongs to the tunnel.
    head.body = BODY.NONE;
    return framing === FRAMING.ABSENT ? 0 : PARSE_ERROR.BODY_NOT_ALLOWED;
  }
  if (framing === FRAMING.LENGTH) {
    head.body = BODY.LENGTH;
    if (isEnd && head.contentLength > 0) return PARSE_ERROR.LENGTH_MISMATCH;
  } else head.body = isEnd ? BODY.NONE : BODY.CHUNKED;
  if (head.method === METHOD.TRACE && head.body !== BODY.NONE) return PARSE_ERROR.BODY_NOT_ALLOWED;
  if (head.lines.expectLine < 0) return 0;
  return decideExpect(fields.bytes, head, head.body === BODY.CHUNKED || head.contentLength > 0);
}
