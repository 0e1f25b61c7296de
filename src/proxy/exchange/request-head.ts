/** The head of a request as the endpoint gets it: written anew from the index of offsets, nothing about framing copied. */
import type { HeaderEdits } from "../../model/route/header-edits.ts";
import { type IdSeries, NUMBER_BYTES, SERIES_BYTES, writeIdNumber } from "../../telemetry/id-series.ts";
import type { RandomPool } from "../../telemetry/random-pool.ts";
import {
  isTraceparent,
  REQUEST_ID_BYTES,
  TRACEPARENT_BYTES,
  writeRequestId,
  writeTraceparent,
} from "../../telemetry/trace-context.ts";
import { isTracestate } from "../../telemetry/tracestate.ts";
import { asciiBytes, equalsIgnoringCase } from "../../wire/http1/byte-classes.ts";
import { BODY, FORM, HEADER, type HeaderLines, METHOD, type RequestHead } from "../../wire/http1/head.ts";
import { FULL, writeAscii, writeDecimal, writeText } from "../../wire/http1/write-head.ts";
import { copyRun, latin1 } from "../bytes.ts";
import { droppedBy } from "./dropped-names.ts";
import { WEBSOCKET_KEY } from "./websocket-key.ts";

/** To another node: which series the ids made here are of. */
export const SERIES_LINE = "x-selvedge-ids";
/** And their number in it. */
export const NUMBER_LINE = "x-selvedge-ids-at";

const VERSION_LINE = asciiBytes(" HTTP/1.1\r\n");
const CRLF = asciiBytes("\r\n");
const COLON = asciiBytes(": ");
const HOST = asciiBytes("host: ");
const CONTENT_LENGTH = asciiBytes("content-length: ");
const CHUNKED = asciiBytes("transfer-encoding: chunked\r\n");
const EXPECT = asciiBytes("expect: 100-continue\r\n");
const UPGRADE = asciiBytes("connection: upgrade\r\nupgrade: websocket\r\n");
const TE = asciiBytes("te: trailers\r\n");
const KEY = asciiBytes("sec-websocket-key: ");
const TRACEPARENT = asciiBytes("traceparent: ");
const REQUEST_ID = asciiBytes("x-request-id: ");
const FORWARDED_FOR = asciiBytes("x-forwarded-for: ");
const OUR_PREFIX = asciiBytes("x-selvedge-");
const CLIENT_CERT = asciiBytes("x-forwarded-client-cert");
const FORWARDED_PROTO = asciiBytes("x-forwarded-proto: http\r\n");
const SERIES = asciiBytes(`${SERIES_LINE}: `);
const NUMBER = asciiBytes(`${NUMBER_LINE}: `);

/** Longest `x-request-id` that is passed on; a longer one is replaced. */
export const REQUEST_ID_PASSED_BYTES_MAX = 128;

/** What there is to know besides the head itself. Reused from request to request. */
export class RequestHeadPlan {
  /** Path and query to write in place of the received target; `null`: as received. */
  target: string | null = null;
  /** Authority to write in place of the received one; `null`: as received. */
  host: string | null = null;
  edits: HeaderEdits | null = null;
  /** Line that tells the endpoint who calls, ready made; `null` for callers without identity. */
  certLine: Buffer | null = null;
  /** The caller is inside the mesh: what it says of clients before it is passed on. */
  trustsForwarded = false;
  /** Address to announce in `x-forwarded-for`; `""`: none. */
  clientIp = "";
  /** The endpoint speaks HTTP/2: whether the caller takes trailers is passed on to it (gRPC asks for that). */
  keepsTe = false;
  /** `sec-websocket-key` to write in place of the received one; `""`: as received. */
  websocketKey = "";
  /** After writing: where the received traceparent and request id stand in the head; -1 = made here, see `generated`. */
  traceparentAt = -1;
  requestIdStart = -1;
  requestIdEnd = -1;
  /** Where those that were made here were written. */
  writtenTraceparentAt = 0;
  writtenRequestIdAt = 0;
  /** The endpoint is on another node, which works out by itself the ids that would be made here. */
  numbersIds = false;
  /** After writing: the series that ids made here are of, their number in it, and where both were written; `null`: of none. */
  series: IdSeries | null = null;
  idNumber = 0;
  writtenSeriesAt = 0;
  readonly #generated = Buffer.alloc(TRACEPARENT_BYTES + REQUEST_ID_BYTES);

  /** A traceparent followed by a request id, as far as they were made here. */
  get generated(): Buffer {
    this.series?.write(this.idNumber, this.#generated, 0, TRACEPARENT_BYTES);
    return this.#generated;
  }
}

/** Writes the head at `at` and answers the offset after it, or FULL. */
export function writeRequestHead(
  into: Buffer,
  at: number,
  bytes: Buffer,
  head: RequestHead,
  plan: RequestHeadPlan,
  pool: RandomPool,
): number {
  let to = copyRun(into, at, bytes, head.methodStart, head.methodEnd);
  if (to >= 0 && to < into.length) into[to++] = 32;
  to = writeTarget(into, to, bytes, head, plan);
  to = writeAscii(into, to, VERSION_LINE);
  to = writeHost(into, to, bytes, head, plan);
  to = copyLines(into, to, bytes, head, plan);
  if (head.body === BODY.LENGTH) {
    to = writeAscii(into, to, CONTENT_LENGTH);
    to = writeDecimal(into, to, head.contentLength);
    to = writeAscii(into, to, CRLF);
  } else if (head.body === BODY.CHUNKED) to = writeAscii(into, to, CHUNKED);
  if (head.expectsContinue) to = writeAscii(into, to, EXPECT);
  if (plan.keepsTe && takesTrailers(bytes, head.lines)) to = writeAscii(into, to, TE);
  if (head.upgradeLine >= 0) to = writeAscii(into, to, UPGRADE);
  if (plan.websocketKey !== "") to = writeNamed(into, to, KEY, plan.websocketKey);
  to = writeOwn(into, to, plan, pool, head.upgradeLine >= 0);
  if (plan.edits) to = writeEdits(into, to, plan.edits);
  return writeAscii(into, to, CRLF);
}

/** Writes one line. @param name with its colon and space. */
export function writeNamed(into: Buffer, at: number, name: Uint8Array, value: string): number {
  return writeAscii(into, writeText(into, writeAscii(into, at, name), value), CRLF);
}

/** Writes the lines that edits add; used for both kinds of head. */
export function writeEdits(into: Buffer, at: number, edits: HeaderEdits): number {
  let to = at;
  for (const line of edits.lines) {
    to = writeText(into, to, line.name);
    to = writeAscii(into, to, COLON);
    to = writeText(into, to, line.value);
    to = writeAscii(into, to, CRLF);
  }
  return to;
}

function writeTarget(into: Buffer, at: number, bytes: Buffer, head: RequestHead, plan: RequestHeadPlan): number {
  if (plan.target !== null) return writeText(into, at, plan.target);
  if (head.form === FORM.ORIGIN) return copyRun(into, at, bytes, head.targetStart, head.targetEnd);
  if (head.form === FORM.ASTERISK) return copyRun(into, at, bytes, head.targetStart, head.targetEnd);
  // Absolute form: the authority goes into Host, the rest is the target (RFC 9112 3.2.2).
  let to = at;
  if (head.pathEnd === head.pathStart) {
    // RFC 9112 3.2.4: OPTIONS of a whole server.
    const isWholeServer = head.method === METHOD.OPTIONS && head.queryStart < 0;
    if (to >= 0 && to < into.length) into[to++] = isWholeServer ? 42 : 47;
  } else to = copyRun(into, to, bytes, head.pathStart, head.pathEnd);
  if (head.queryStart < 0) return to;
  if (to >= 0 && to < into.length) into[to++] = 63;
  return copyRun(into, to, bytes, head.queryStart, head.queryEnd);
}

function writeHost(into: Buffer, at: number, bytes: Buffer, head: RequestHead, plan: RequestHeadPlan): number {
  let to = writeAscii(into, at, HOST);
  to =
    plan.host === null
      ? copyRun(into, to, bytes, head.authorityStart, head.authorityEnd)
      : writeText(into, to, plan.host);
  return writeAscii(into, to, CRLF);
}

/** Copies the lines that are the caller's business, neighbours in one go. */
function copyLines(into: Buffer, at: number, bytes: Buffer, head: RequestHead, plan: RequestHeadPlan): number {
  const lines = head.lines;
  const { count, kind, nominated, nameStart } = lines;
  const linesEnd = head.end - 2;
  const dropped = droppedBy(plan.edits);
  let to = at;
  let runStart = -1;
  plan.traceparentAt = -1;
  plan.requestIdStart = -1;
  for (let i = 0; i < count; i++) {
    let keep = true;
    switch (kind[i]) {
      case HEADER.HOST:
      case HEADER.CONTENT_LENGTH:
      case HEADER.TRANSFER_ENCODING:
      case HEADER.CONNECTION:
      case HEADER.HOP_BY_HOP:
      case HEADER.UPGRADE:
      case HEADER.EXPECT:
      case HEADER.PROXY_AUTH:
        keep = false;
        break;
      case HEADER.FORWARDED_FOR:
        keep = plan.trustsForwarded;
        break;
      case HEADER.MESH_OWNED:
        keep = plan.trustsForwarded && isPassedOn(bytes, nameStart[i]!, lines.nameEnd[i]!);
        break;
      case HEADER.TRACEPARENT:
        keep = plan.traceparentAt < 0 && isTraceparent(bytes, lines.valueStart[i]!, lines.valueEnd[i]!);
        if (keep) plan.traceparentAt = lines.valueStart[i]!;
        break;
      case HEADER.TRACESTATE:
        keep = hasTraceparent(bytes, lines) && isTracestate(bytes, lines.valueStart[i]!, lines.valueEnd[i]!);
        break;
      case HEADER.REQUEST_ID:
        keep =
          plan.requestIdStart < 0 &&
          lines.valueEnd[i]! > lines.valueStart[i]! &&
          lines.valueEnd[i]! - lines.valueStart[i]! <= REQUEST_ID_PASSED_BYTES_MAX;
        if (keep) {
          plan.requestIdStart = lines.valueStart[i]!;
          plan.requestIdEnd = lines.valueEnd[i]!;
        }
        break;
      default:
        if (plan.websocketKey !== "") keep = !isNamed(bytes, nameStart[i]!, lines.nameEnd[i]!, WEBSOCKET_KEY);
    }
    if (keep && nominated[i] === 1) keep = false;
    if (keep && dropped !== null) keep = !dropped.has(bytes, nameStart[i]!, lines.nameEnd[i]!);
    if (keep) {
      if (runStart < 0) runStart = nameStart[i]!;
    } else if (runStart >= 0) {
      to = copyRun(into, to, bytes, runStart, nameStart[i]!);
      runStart = -1;
    }
  }
  if (runStart >= 0) to = copyRun(into, to, bytes, runStart, linesEnd);
  return to;
}

/** A tracestate means nothing without the traceparent it belongs to. */
function hasTraceparent(bytes: Buffer, lines: HeaderLines): boolean {
  for (let i = 0; i < lines.count; i++) {
    if (lines.kind[i] === HEADER.TRACEPARENT) return isTraceparent(bytes, lines.valueStart[i]!, lines.valueEnd[i]!);
  }
  return false;
}

function isNamed(bytes: Buffer, start: number, end: number, name: string): boolean {
  return end - start === name.length && latin1(bytes, start, end).toLowerCase() === name;
}

/** `te` names trailers: the caller reads them (RFC 9110 10.1.4). */
function takesTrailers(bytes: Buffer, lines: HeaderLines): boolean {
  for (let i = 0; i < lines.count; i++) {
    if (lines.kind[i] !== HEADER.HOP_BY_HOP || !isNamed(bytes, lines.nameStart[i]!, lines.nameEnd[i]!, "te")) continue;
    if (/(?:^|,)[ \t]*trailers[ \t]*(?:$|,)/i.test(latin1(bytes, lines.valueStart[i]!, lines.valueEnd[i]!)))
      return true;
  }
  return false;
}

/** Of the headers that the mesh owns, those that say something of clients in front of the caller. */
function isPassedOn(bytes: Buffer, start: number, end: number): boolean {
  if (end - start >= OUR_PREFIX.length && equalsIgnoringCase(bytes, start, start + OUR_PREFIX.length, OUR_PREFIX)) {
    return false;
  }
  return !equalsIgnoringCase(bytes, start, end, CLIENT_CERT);
}

/** What the mesh itself adds. */
function writeOwn(into: Buffer, at: number, plan: RequestHeadPlan, pool: RandomPool, isUpgrade: boolean): number {
  let to = at;
  if (plan.certLine) to = copyRun(into, to, plan.certLine, 0, plan.certLine.length);
  if (plan.clientIp !== "") {
    to = writeAscii(into, to, FORWARDED_FOR);
    to = writeText(into, to, plan.clientIp);
    to = writeAscii(into, to, CRLF);
    to = writeAscii(into, to, FORWARDED_PROTO);
  }
  plan.series = null;
  if (plan.numbersIds && !isUpgrade && plan.traceparentAt < 0 && plan.requestIdStart < 0) {
    return writeNumber(into, to, plan, pool);
  }
  const { generated } = plan;
  if (plan.traceparentAt < 0) {
    writeTraceparent(generated, 0, pool);
    to = writeAscii(into, to, TRACEPARENT);
    plan.writtenTraceparentAt = to;
    to = copyRun(into, to, generated, 0, TRACEPARENT_BYTES);
    to = writeAscii(into, to, CRLF);
  }
  if (plan.requestIdStart < 0) {
    writeRequestId(generated, TRACEPARENT_BYTES, pool);
    to = writeAscii(into, to, REQUEST_ID);
    plan.writtenRequestIdAt = to;
    to = copyRun(into, to, generated, TRACEPARENT_BYTES, generated.length);
    to = writeAscii(into, to, CRLF);
  }
  return to;
}

/** Two short lines in place of the ids, which only who asks for them has made. */
function writeNumber(into: Buffer, at: number, plan: RequestHeadPlan, pool: RandomPool): number {
  let to = writeAscii(into, at, SERIES);
  plan.writtenSeriesAt = to;
  const end = to + SERIES_BYTES + CRLF.length + NUMBER.length + NUMBER_BYTES;
  if (to < 0 || end > into.length) return FULL;
  writeAscii(into, to + SERIES_BYTES, CRLF);
  to = writeAscii(into, to + SERIES_BYTES + CRLF.length, NUMBER);
  takeNumber(into, plan, pool);
  return writeAscii(into, to + NUMBER_BYTES, CRLF);
}

/** Takes a number for the request, and writes it and the name of its series where they belong. */
export function takeNumber(into: Buffer, plan: RequestHeadPlan, pool: RandomPool): void {
  const { numbers } = pool;
  plan.idNumber = numbers.take();
  const at = plan.writtenSeriesAt;
  if (plan.series !== numbers.series) {
    plan.series = numbers.series;
    writeAscii(into, at, plan.series.text);
  }
  writeIdNumber(into, at + SERIES_BYTES + CRLF.length + NUMBER.length, plan.idNumber);
}
