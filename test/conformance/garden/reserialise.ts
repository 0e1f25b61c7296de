/**
 * What is forwarded of the first request on a connection, as a pure function over the codec: method and normalised target
 * as decided, end-to-end headers as they came, framing written anew, one chunk per body.
 */
import { asciiBytes } from "../../../src/wire/http1/byte-classes.ts";
import { BODY } from "../../../src/wire/http1/head.ts";
import { FULL, writeAscii, writeDecimal, writeHexChunkSize, writeText } from "../../../src/wire/http1/write-head.ts";
import { bytesOf, judgeRequests, type SeenRequest } from "../http1/judge.ts";

/** Larger than any head and body a vector has. */
const FORWARDED_BYTES_MAX = 256 * 1024;

export type Reserialised =
  | {
      readonly kind: "forwarded";
      readonly bytes: Uint8Array;
      readonly request: SeenRequest;
      /**
       * False after trailers: some origins (Bun 1.4.5) answer at the last chunk and then take the trailers for another
       * request, so that the connection carries an answer nobody asked for and must not be used again.
       */
      readonly isReusable: boolean;
    }
  | { readonly kind: "refused"; readonly status: number; readonly reason: string }
  /** Not all there yet: nothing is decided. */
  | { readonly kind: "unfinished" }
  /** CONNECT or an upgrade: bytes behind the head are no HTTP. */
  | { readonly kind: "tunnel"; readonly request: SeenRequest };

const SPACE = asciiBytes(" ");
const VERSION = asciiBytes(" HTTP/1.1\r\nhost: ");
const CRLF = asciiBytes("\r\n");
const LENGTH = asciiBytes("content-length: ");
const CHUNKED = asciiBytes("transfer-encoding: chunked\r\n");
const LAST_CHUNK = asciiBytes("0\r\n");

/** The host that HTTP/1.0 requests without one are sent to. */
const DEFAULT_HOST = "shop";

function writeHead(target: Uint8Array, request: SeenRequest): number {
  let at = writeText(target, 0, request.method);
  at = writeAscii(target, at, SPACE);
  at = writeText(target, at, request.query === "" ? request.path : `${request.path}?${request.query}`);
  at = writeAscii(target, at, VERSION);
  at = writeAscii(target, writeText(target, at, request.authority || DEFAULT_HOST), CRLF);
  for (const line of request.headers) at = writeAscii(target, writeText(target, at, line), CRLF);
  if (request.framing === BODY.LENGTH) {
    at = writeAscii(target, writeDecimal(target, writeAscii(target, at, LENGTH), request.body.length), CRLF);
  } else if (request.framing === BODY.CHUNKED) at = writeAscii(target, at, CHUNKED);
  return writeAscii(target, at, CRLF);
}

function writeBody(target: Uint8Array, start: number, request: SeenRequest): number {
  const body = bytesOf(request.body);
  if (request.framing !== BODY.CHUNKED) return writeAscii(target, start, body);
  let at = start;
  if (body.length > 0) {
    at = writeAscii(target, writeHexChunkSize(target, at, body.length), body);
    at = writeAscii(target, at, CRLF);
  }
  at = writeAscii(target, at, LAST_CHUNK);
  return writeAscii(target, writeAscii(target, at, bytesOf(request.trailers)), CRLF);
}

/** `bytes` has one character per byte. Throws a RangeError if the forwarded request outgrows the buffer. */
export function reserialise(bytes: string): Reserialised {
  const seen = judgeRequests([bytes]);
  const request = seen.requests[0];
  if (request === undefined) {
    return typeof seen.end === "number"
      ? { kind: "refused", status: seen.end, reason: seen.reason }
      : { kind: "unfinished" };
  }
  if (request.isUpgrade || request.method === "CONNECT") return { kind: "tunnel", request };
  const target = new Uint8Array(FORWARDED_BYTES_MAX);
  const end = writeBody(target, writeHead(target, request), request);
  if (end === FULL) throw new RangeError("the forwarded request does not fit");
  return { kind: "forwarded", bytes: target.subarray(0, end), request, isReusable: request.trailers === "" };
}
