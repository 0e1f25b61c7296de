/** The head of an answer as the caller gets it. */
import type { HeaderEdits } from "../../model/route/header-edits.ts";
import { asciiBytes } from "../../wire/http1/byte-classes.ts";
import { BODY, HEADER, type RequestHead, type ResponseHead } from "../../wire/http1/head.ts";
import { statusLineOf } from "../../wire/http1/reason-phrases.ts";
import { writeAscii, writeDecimal } from "../../wire/http1/write-head.ts";
import { HTTP2_VERSION } from "../../wire/translation/read-request.ts";
import { copyRun, latin1 } from "../bytes.ts";
import { droppedBy } from "./dropped-names.ts";
import { writeEdits, writeNamed } from "./request-head.ts";

const VERSION = asciiBytes("HTTP/1.1 ");
const CRLF = asciiBytes("\r\n");
const CONTENT_LENGTH = asciiBytes("content-length: ");
const CHUNKED = asciiBytes("transfer-encoding: chunked\r\n");
const CLOSE = asciiBytes("connection: close\r\n");
const KEEP_ALIVE = asciiBytes("connection: keep-alive\r\n");
const ACCEPT = asciiBytes("sec-websocket-accept: ");
const UPGRADE = asciiBytes("connection: upgrade\r\nupgrade: websocket\r\n");

export interface ResponseHeadPlan {
  readonly edits: HeaderEdits | null;
  /** How the body will be delimited towards the caller: one of BODY. */
  readonly body: number;
  readonly closes: boolean;
  /** An HTTP/1.0 caller has to be told that the connection stays. */
  readonly saysKeepAlive: boolean;
  readonly isUpgrade: boolean;
  /** Says that the WebSocket is granted, where the endpoint could not; `""`: nothing. */
  readonly websocketAccept: string;
  /** Another node's mesh passes it on: what only the mesh may say is its word, not the endpoint's. */
  readonly isFromNode: boolean;
}

/** A head without a body after which the connection goes on: interim answers and upgrades. */
export const BODILESS: ResponseHeadPlan = {
  edits: null,
  body: BODY.NONE,
  closes: false,
  saysKeepAlive: false,
  isUpgrade: false,
  websocketAccept: "",
  isFromNode: false,
};

/** The plans of nearly all answers, made once: without edits, to a caller of HTTP/1.1 or HTTP/2. See `plainIndex`. */
const PLAIN: readonly ResponseHeadPlan[] = Object.values(BODY).flatMap((body) =>
  [false, true].flatMap((closes) => [false, true].map((isFromNode) => ({ ...BODILESS, body, closes, isFromNode }))),
);

function plainIndex(body: number, closes: boolean, isFromNode: boolean): number {
  return body * 4 + (closes ? 2 : 0) + (isFromNode ? 1 : 0);
}

/**
 * How a final answer is passed on. @param mayKeep nothing on our side keeps the caller's connection from being used again.
 * @param isFromNode see `ResponseHeadPlan`.
 */
export function planResponse(
  head: ResponseHead,
  request: RequestHead,
  mayKeep: boolean,
  edits: HeaderEdits | null,
  isFromNode: boolean,
): ResponseHeadPlan {
  const isOld = request.version === 10;
  const isOpenEnded = head.body === BODY.CHUNKED || head.body === BODY.UNTIL_CLOSE;
  // HTTP/1.0 has no chunks: such a caller knows the end by the end of the connection.
  const body = isOpenEnded ? (isOld ? BODY.UNTIL_CLOSE : BODY.CHUNKED) : head.body;
  const keeps = mayKeep && request.isKeepAlive && body !== BODY.UNTIL_CLOSE;
  if (edits === null && !isOld) return PLAIN[plainIndex(body, !keeps, isFromNode)]!;
  const saysKeepAlive = isOld && keeps;
  return { edits, body, closes: !keeps, saysKeepAlive, isUpgrade: false, websocketAccept: "", isFromNode };
}

/** An answer that is its head alone gets no length between two that delimit messages by themselves: gRPC knows none. */
export function sayNoLength(head: ResponseHead): void {
  if (head.lines.contentLengthLine >= 0) return;
  head.body = BODY.NONE;
  head.declaredLength = -1;
}

/** Writes the head at `at` and answers the offset after it, or FULL. */
export function writeResponseHead(
  into: Buffer,
  at: number,
  bytes: Buffer,
  head: ResponseHead,
  plan: ResponseHeadPlan,
): number {
  let to = writeStatusLine(into, at, bytes, head);
  to = copyLines(into, to, bytes, head, plan.edits, plan.isFromNode);
  if (plan.body === BODY.LENGTH || (plan.body === BODY.NONE && head.declaredLength >= 0)) {
    to = writeAscii(into, to, CONTENT_LENGTH);
    to = writeDecimal(into, to, head.declaredLength);
    to = writeAscii(into, to, CRLF);
  } else if (plan.body === BODY.CHUNKED) to = writeAscii(into, to, CHUNKED);
  if (plan.isUpgrade) to = writeAscii(into, to, UPGRADE);
  else if (plan.closes) to = writeAscii(into, to, CLOSE);
  else if (plan.saysKeepAlive) to = writeAscii(into, to, KEEP_ALIVE);
  if (plan.websocketAccept !== "") to = writeNamed(into, to, ACCEPT, plan.websocketAccept);
  if (plan.edits) to = writeEdits(into, to, plan.edits);
  return writeAscii(into, to, CRLF);
}

/** HTTP/2 has no phrases: what came by it gets the usual one. On HTTP/1.1 the endpoint's own is passed on, be it empty. */
function writeStatusLine(into: Buffer, at: number, bytes: Buffer, head: ResponseHead): number {
  const usual = head.version === HTTP2_VERSION ? statusLineOf(head.status) : undefined;
  if (usual !== undefined) return writeAscii(into, at, usual);
  let to = writeAscii(into, at, VERSION);
  to = writeDecimal(into, to, head.status);
  if (to >= 0 && to < into.length) into[to++] = 32;
  to = copyRun(into, to, bytes, head.reasonStart, head.reasonEnd);
  return writeAscii(into, to, CRLF);
}

function copyLines(
  into: Buffer,
  at: number,
  bytes: Buffer,
  head: ResponseHead,
  edits: HeaderEdits | null,
  isFromNode: boolean,
): number {
  const lines = head.lines;
  const { count, kind, nominated, nameStart } = lines;
  const dropped = droppedBy(edits);
  let to = at;
  let runStart = -1;
  for (let i = 0; i < count; i++) {
    let keep = nominated[i] !== 1;
    switch (kind[i]) {
      case HEADER.CONTENT_LENGTH:
      case HEADER.TRANSFER_ENCODING:
      case HEADER.CONNECTION:
      case HEADER.HOP_BY_HOP:
      case HEADER.UPGRADE:
        keep = false;
        break;
      // What only the mesh may say must not come from an endpoint.
      case HEADER.MESH_OWNED:
        keep =
          keep &&
          (isFromNode || !latin1(bytes, nameStart[i]!, lines.nameEnd[i]!).toLowerCase().startsWith("x-selvedge-"));
        break;
      default:
    }
    if (keep && dropped !== null) keep = !dropped.has(bytes, nameStart[i]!, lines.nameEnd[i]!);
    if (keep) {
      if (runStart < 0) runStart = nameStart[i]!;
    } else if (runStart >= 0) {
      to = copyRun(into, to, bytes, runStart, nameStart[i]!);
      runStart = -1;
    }
  }
  return runStart >= 0 ? copyRun(into, to, bytes, runStart, head.end - 2) : to;
}
