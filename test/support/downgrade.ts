/** A request by HTTP/2 as the HTTP/1.1 that goes on from it, the way the exchange writes it: for tests of what may pass. */

import { HpackDecoder } from "../../src/wire/hpack/decoder.ts";
import { reasonOfParseError } from "../../src/wire/http1/error-status.ts";
import { BODY, HEADER, PARSE_ERROR, RequestHead } from "../../src/wire/http1/head.ts";
import { parseRequestHead } from "../../src/wire/http1/parse-request.ts";
import { readRequestFields } from "../../src/wire/translation/read-request.ts";
import { block } from "./http2-frames.ts";
import { headScratch } from "./http2-scratch.ts";

export type Fields = readonly (readonly [name: string, value: string])[];

const FRAMING_KINDS: ReadonlySet<number> = new Set([
  HEADER.HOST,
  HEADER.CONTENT_LENGTH,
  HEADER.TRANSFER_ENCODING,
  HEADER.CONNECTION,
  HEADER.HOP_BY_HOP,
  HEADER.UPGRADE,
  HEADER.EXPECT,
]);

const scratch = headScratch();
const latin1 = (bytes: Uint8Array, start: number, end: number) =>
  Buffer.from(bytes.subarray(start, end)).toString("latin1");

/** The word of the refusal, or the head as HTTP/1.1. The strict HTTP/1.1 reader must take that head for the same request. */
export function downgrade(fields: Fields, isEnd: boolean): string {
  const bytes = Uint8Array.from(block(fields));
  if (new HpackDecoder(4096).decode(bytes, 0, bytes.length, scratch.requestFields) !== 0) throw new Error("no block");
  const error = readRequestFields(scratch.requestFields, scratch.request, isEnd, true);
  if (error !== 0) return reasonOfParseError(error);
  const written = writtenHead(scratch.requestFields.bytes, scratch.request);
  requireSame(written, scratch.requestFields.bytes, scratch.request);
  return written;
}

function writtenHead(buf: Uint8Array, head: RequestHead): string {
  const { lines } = head;
  let text = `${latin1(buf, head.methodStart, head.methodEnd)} ${latin1(buf, head.targetStart, head.targetEnd)} HTTP/1.1\r\n`;
  text += `host: ${latin1(buf, head.authorityStart, head.authorityEnd)}\r\n`;
  for (let i = 0; i < lines.count; i++) {
    if (FRAMING_KINDS.has(lines.kind[i]!)) continue;
    // Exactly the bytes that runs are copied from: up to the next name, or to the empty line.
    text += latin1(buf, lines.nameStart[i]!, i + 1 < lines.count ? lines.nameStart[i + 1]! : head.end - 2);
  }
  if (head.body === BODY.LENGTH) text += `content-length: ${head.contentLength}\r\n`;
  if (head.body === BODY.CHUNKED) text += "transfer-encoding: chunked\r\n";
  if (head.expectsContinue) text += "expect: 100-continue\r\n";
  if (head.upgradeLine >= 0) text += "connection: upgrade\r\nupgrade: websocket\r\n";
  return `${text}\r\n`;
}

function requireSame(written: string, buf: Uint8Array, head: RequestHead): void {
  const bytes = Buffer.from(written, "latin1");
  const read = new RequestHead();
  const end = parseRequestHead(bytes, 0, bytes.length, read);
  if (end !== bytes.length) throw new Error(`HTTP/1.1 reads ${end < 0 ? reasonOfParseError(end) : end}: ${written}`);
  const facts = (of: RequestHead, from: Uint8Array) => [
    of.method,
    of.form,
    of.isPathPlain,
    latin1(from, of.pathStart, of.pathEnd),
    of.queryStart < 0 ? null : latin1(from, of.queryStart, of.queryEnd),
    latin1(from, of.authorityStart, of.authorityEnd),
    of.body,
    of.contentLength,
    of.expectsContinue,
    of.upgradeLine >= 0,
  ];
  const [mine, theirs] = [JSON.stringify(facts(head, buf)), JSON.stringify(facts(read, bytes))];
  if (mine !== theirs) throw new Error(`read differently: ${mine} ${theirs}`);
  if (head.end <= PARSE_ERROR.BAD_METHOD) throw new Error("no end");
}
