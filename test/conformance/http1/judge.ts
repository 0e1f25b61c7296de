/** What our parsers make of the bytes of one connection, however they are cut. */
import { ChunkedDecoder } from "../../../src/wire/http1/chunked.ts";
import { reasonOfParseError, statusOfParseError } from "../../../src/wire/http1/error-status.ts";
import {
  BODY,
  FORM,
  HEADER,
  type HeaderLines,
  METHOD,
  METHODS,
  NEED_MORE,
  RequestHead,
  ResponseHead,
} from "../../../src/wire/http1/head.ts";
import { normalisePath } from "../../../src/wire/http1/normalise-path.ts";
import { parseRequestHead } from "../../../src/wire/http1/parse-request.ts";
import { parseResponseHead } from "../../../src/wire/http1/parse-response.ts";
import type { End, Forwarded } from "./vector.ts";

export interface SeenRequest extends Forwarded {
  readonly isKeepAlive: boolean;
  /** One of BODY. */
  readonly framing: number;
}

export interface SeenConnection {
  readonly requests: readonly SeenRequest[];
  readonly end: End;
  /** The reason word where `end` is a status, else `""`. */
  readonly reason: string;
}

export interface SeenResponse {
  readonly outcome: "complete" | "wait" | "refused";
  readonly reason: string;
  readonly status: number;
  readonly body: string;
  readonly extraBytes: number;
}

/** One byte per character. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** One character per byte. */
export function textOf(buf: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at++) text += String.fromCharCode(buf[at]!);
  return text;
}

const DROPPED_KINDS: ReadonlySet<number> = new Set([
  HEADER.HOST,
  HEADER.CONTENT_LENGTH,
  HEADER.TRANSFER_ENCODING,
  HEADER.CONNECTION,
  HEADER.HOP_BY_HOP,
  HEADER.UPGRADE,
  HEADER.EXPECT,
  HEADER.PROXY_AUTH,
  HEADER.FORWARDED_FOR,
  HEADER.MESH_OWNED,
]);

function forwardedLines(buf: Uint8Array, lines: HeaderLines): string[] {
  const forwarded: string[] = [];
  for (let line = 0; line < lines.count; line++) {
    if (DROPPED_KINDS.has(lines.kind[line]!) || lines.nominated[line]! === 1) continue;
    const name = textOf(buf, lines.nameStart[line]!, lines.nameEnd[line]!).toLowerCase();
    forwarded.push(`${name}: ${textOf(buf, lines.valueStart[line]!, lines.valueEnd[line]!)}`);
  }
  return forwarded;
}

/** Bytes that cannot be read: before and behind what was received, so that a look outside the range changes the verdict. */
const FENCE = 0;
const FENCE_BYTES = 5;

/** A body under way. */
interface BodyReader {
  /** Answers the offset it consumed up to, or an error; `isDone` tells whether the body is over. */
  readonly take: (buf: Uint8Array, at: number, end: number) => number;
  readonly isDone: () => boolean;
  readonly body: () => string;
  readonly trailers: () => string;
}

function lengthReader(length: number): BodyReader {
  let body = "";
  return {
    take: (buf, at, end) => {
      const taken = Math.min(end - at, length - body.length);
      body += textOf(buf, at, at + taken);
      return at + taken;
    },
    isDone: () => body.length === length,
    body: () => body,
    trailers: () => "",
  };
}

function chunkedReader(): BodyReader {
  const decoder = new ChunkedDecoder();
  let body = "";
  return {
    take: (buf, at, end) => {
      const offset = decoder.feed(buf, at, end);
      for (let i = 0; i < decoder.rangeCount; i++) {
        body += textOf(buf, decoder.ranges[i * 2]!, decoder.ranges[i * 2 + 1]!);
      }
      return offset;
    },
    isDone: () => decoder.isDone,
    body: () => body,
    trailers: () => textOf(decoder.trailerBytes, 0, decoder.trailerLength),
  };
}

function readerFor(body: number, length: number): BodyReader {
  if (body === BODY.CHUNKED) return chunkedReader();
  return lengthReader(body === BODY.LENGTH ? length : body === BODY.UNTIL_CLOSE ? Number.POSITIVE_INFINITY : 0);
}

/** Everything received so far, fenced in a buffer of its own that is made anew each time. */
class Received {
  private text = "";
  buf: Uint8Array = new Uint8Array(FENCE_BYTES * 2);
  start = FENCE_BYTES;
  end = FENCE_BYTES;
  add(piece: string): void {
    this.text += piece;
    this.buf = new Uint8Array(this.text.length + FENCE_BYTES * 2).fill(FENCE);
    this.buf.set(bytesOf(this.text), FENCE_BYTES);
    this.end = FENCE_BYTES + this.text.length;
  }
}

type RequestDraft = Omit<SeenRequest, "body" | "trailers">;

function draftOf(buf: Uint8Array, head: RequestHead, path: string): RequestDraft {
  return {
    method: head.method === METHOD.OTHER ? textOf(buf, head.methodStart, head.methodEnd) : METHODS[head.method]!,
    authority: textOf(buf, head.authorityStart, head.authorityEnd),
    path,
    query: head.queryStart < 0 ? "" : textOf(buf, head.queryStart, head.queryEnd),
    headers: forwardedLines(buf, head.lines),
    isUpgrade: head.upgradeLine >= 0,
    expectsContinue: head.expectsContinue,
    isKeepAlive: head.isKeepAlive,
    framing: head.body,
  };
}

function pathOf(buf: Uint8Array, head: RequestHead): string | null {
  const raw = textOf(buf, head.pathStart, head.pathEnd);
  if (head.form === FORM.AUTHORITY || head.form === FORM.ASTERISK) return head.form === FORM.ASTERISK ? raw : "";
  return head.isPathPlain ? raw : normalisePath(raw);
}

/** Reads requests from pieces of one connection until it ends, turns into a tunnel, or is refused. */
export function judgeRequests(pieces: readonly string[]): SeenConnection {
  const received = new Received();
  const head = new RequestHead();
  const requests: SeenRequest[] = [];
  let draft: RequestDraft | null = null;
  let reader: BodyReader | null = null;
  for (const piece of pieces) {
    received.add(piece);
    for (;;) {
      if (reader === null) {
        const offset = parseRequestHead(received.buf, received.start, received.end, head);
        if (offset === NEED_MORE) break;
        if (offset < 0) return { requests, end: statusOfParseError(offset), reason: reasonOfParseError(offset) };
        const path = pathOf(received.buf, head);
        if (path === null) return { requests, end: 400, reason: "bad-path" };
        draft = draftOf(received.buf, head, path);
        reader = readerFor(head.body, head.contentLength);
        received.start = offset;
      }
      const offset: number = reader.take(received.buf, received.start, received.end);
      if (offset < 0) return { requests, end: statusOfParseError(offset), reason: reasonOfParseError(offset) };
      const isStuck: boolean = offset === received.start;
      received.start = offset;
      if (!reader.isDone()) {
        if (isStuck) break;
        continue;
      }
      const request: SeenRequest = { ...draft!, body: reader.body(), trailers: reader.trailers() };
      requests.push(request);
      reader = null;
      if (request.isUpgrade || request.method === "CONNECT") return { requests, end: "tunnel", reason: "" };
      if (!request.isKeepAlive) return { requests, end: "complete", reason: "" };
    }
  }
  const isWaiting = reader !== null || received.start < received.end || requests.length === 0;
  return { requests, end: isWaiting ? "wait" : "complete", reason: "" };
}

/** Reads the final response to one request; interim ones before it are skipped. */
export function judgeResponse(pieces: readonly string[], requestMethod: string): SeenResponse {
  const method = Math.max(0, METHODS.indexOf(requestMethod as (typeof METHODS)[number]));
  const received = new Received();
  const head = new ResponseHead();
  let reader: BodyReader | null = null;
  const refused = (error: number): SeenResponse => ({
    outcome: "refused",
    reason: reasonOfParseError(error),
    status: 502,
    body: "",
    extraBytes: 0,
  });
  for (const piece of pieces) {
    received.add(piece);
    while (reader === null) {
      const offset = parseResponseHead(received.buf, received.start, received.end, head, method);
      if (offset === NEED_MORE) break;
      if (offset < 0) return refused(offset);
      received.start = offset;
      if (head.status >= 200 || head.status === 101) reader = readerFor(head.body, head.contentLength);
    }
    while (reader !== null && !reader.isDone() && received.start < received.end) {
      const offset: number = reader.take(received.buf, received.start, received.end);
      if (offset < 0) return refused(offset);
      received.start = offset;
    }
  }
  const isComplete = reader !== null && (reader.isDone() || head.body === BODY.UNTIL_CLOSE);
  return {
    outcome: isComplete ? "complete" : "wait",
    reason: "",
    status: head.status,
    body: reader === null ? "" : reader.body(),
    extraBytes: isComplete ? received.end - received.start : 0,
  };
}
