/** An answer by HTTP/2, read into the index that an HTTP/1.1 head is read into (RFC 9113 8.3.2). */
import type { FieldList } from "../hpack/field-list.ts";
import { FAULT, PSEUDO } from "../hpack/field-traits.ts";
import { FRAMING, readFraming, readLength } from "../http1/framing.ts";
import { BODY, METHOD, PARSE_ERROR, type ResponseHead } from "../http1/head.ts";
import { faultError } from "./fault-error.ts";
import { addUpgradeLine, endLines } from "./head-end.ts";
import { HTTP2_VERSION } from "./read-request.ts";

const DIGIT_0 = 0x30;
const STATUS_DIGITS = 3;
const STATUS_MIN = 100;
const STATUS_MAX = 599;
const SWITCHING_PROTOCOLS = 101;
const NO_CONTENT = 204;
const NOT_MODIFIED = 304;

/** What an answer is the answer to; the method as in METHOD. */
export interface AnsweredRequest {
  readonly method: number;
  /** It was an extended CONNECT that stands for a WebSocket. */
  readonly isWebsocket: boolean;
}

/**
 * As `readRequestFields`, for answers. A granted WebSocket (2xx) reads as 101 with its `upgradeLine`; the line
 * `sec-websocket-accept` is for whoever writes it as HTTP/1.1 to make. Names with `_` are let through as on HTTP/1.1,
 * unless they read like one the proxy acts on. An answer that ends with its head has a length of 0, so that it can be
 * written to a connection that needs one.
 */
export function readResponseFields(
  fields: FieldList,
  head: ResponseHead,
  request: AnsweredRequest,
  isEnd: boolean,
): number {
  const faults = fields.faults & ~FAULT.UNDERSCORE;
  if (faults !== 0) return faultError(faults);
  if (fields.isOversized) return PARSE_ERROR.HEAD_TOO_LARGE;
  if (fields.pseudoSeen !== 1 << PSEUDO.STATUS) return PARSE_ERROR.BAD_PSEUDO_HEADER;
  const status = readStatus(fields);
  // RFC 9113 8.6: there is no 101; an interim answer does not end the stream (8.1).
  if (status < 0 || status === SWITCHING_PROTOCOLS) return PARSE_ERROR.BAD_STATUS_LINE;
  if (status < 200 && isEnd) return PARSE_ERROR.LENGTH_MISMATCH;
  head.status = status;
  head.version = HTTP2_VERSION;
  head.reasonStart = 0;
  head.reasonEnd = 0;
  head.isKeepAlive = true;
  head.upgradeLine = -1;
  const error = decideBody(fields, head, request, isEnd);
  head.end = endLines(fields);
  return error;
}

function readStatus(fields: FieldList): number {
  const start = fields.pseudoStart[PSEUDO.STATUS]!;
  if (fields.pseudoEnd[PSEUDO.STATUS]! - start !== STATUS_DIGITS) return -1;
  let status = 0;
  for (let i = 0; i < STATUS_DIGITS; i++) {
    const digit = fields.bytes[start + i]! - DIGIT_0;
    if (digit < 0 || digit > 9) return -1;
    status = status * 10 + digit;
  }
  return status < STATUS_MIN || status > STATUS_MAX ? -1 : status;
}

function decideBody(fields: FieldList, head: ResponseHead, request: AnsweredRequest, isEnd: boolean): number {
  head.body = BODY.NONE;
  head.contentLength = 0;
  head.declaredLength = -1;
  const framing = readFraming(fields.bytes, head.lines, 11);
  if (framing < 0) return framing;
  const isSuccess = head.status >= 200 && head.status < 300;
  if (request.isWebsocket && isSuccess) return grantWebsocket(fields, head, framing, isEnd);
  if (request.method === METHOD.CONNECT && isSuccess) {
    return framing === FRAMING.ABSENT ? 0 : PARSE_ERROR.BODY_NOT_ALLOWED;
  }
  if (framing === FRAMING.LENGTH) head.declaredLength = readLength(fields.bytes, head.lines);
  if (head.status < 200 || head.status === NO_CONTENT) {
    return head.declaredLength > 0 ? PARSE_ERROR.BODY_NOT_ALLOWED : 0;
  }
  if (request.method === METHOD.HEAD || head.status === NOT_MODIFIED) return 0;
  if (framing === FRAMING.LENGTH) {
    if (isEnd && head.declaredLength > 0) return PARSE_ERROR.LENGTH_MISMATCH;
    head.body = BODY.LENGTH;
    head.contentLength = head.declaredLength;
  } else if (isEnd) {
    head.body = BODY.LENGTH;
    head.declaredLength = 0;
  } else head.body = BODY.CHUNKED;
  return 0;
}

function grantWebsocket(fields: FieldList, head: ResponseHead, framing: number, isEnd: boolean): number {
  if (framing !== FRAMING.ABSENT) return PARSE_ERROR.BODY_NOT_ALLOWED;
  if (isEnd) return PARSE_ERROR.BAD_UPGRADE;
  head.status = SWITCHING_PROTOCOLS;
  head.upgradeLine = addUpgradeLine(fields);
  return head.upgradeLine < 0 ? PARSE_ERROR.TOO_MANY_HEADERS : 0;
}
