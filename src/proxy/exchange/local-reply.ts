/** Answers that the mesh makes itself: problem+json without internals, and the id by which `selvedge why` explains them. */
import { RESPONSE_FLAGS } from "../../model/response-flags.ts";
import type { HeaderLine } from "../../model/route/header-edits.ts";
import { REASON_PHRASES } from "../../wire/http1/reason-phrases.ts";
import { grpcStatusFor } from "./grpc.ts";

export interface LocalReply {
  readonly status: number;
  /** Position in RESPONSE_FLAGS; 0 for answers that are no failure (redirects, preflights). */
  readonly flag: number;
  /** 16 hexadecimal digits; `""` where nothing is explained. */
  readonly id: string;
  readonly closes: boolean;
  readonly isHead: boolean;
  /** The caller speaks gRPC: a failure is a 200 with a status of its own. */
  readonly isGrpc: boolean;
  readonly lines?: readonly HeaderLine[];
}

/** The whole answer. Not on the path of a request that is forwarded, so plain strings. */
export function renderLocalReply(reply: LocalReply): Buffer {
  if (reply.isGrpc && reply.flag !== 0) return renderGrpcReply(reply);
  const phrase = REASON_PHRASES[reply.status] ?? "Error";
  const reason = RESPONSE_FLAGS[reply.flag] ?? "-";
  const isProblem = reply.flag !== 0;
  const body = isProblem
    ? `${JSON.stringify({ type: "about:blank", title: phrase, status: reply.status, reason, id: reply.id })}\n`
    : "";
  let head = `HTTP/1.1 ${reply.status} ${phrase}\r\n`;
  for (const line of reply.lines ?? []) head += `${line.name}: ${line.value}\r\n`;
  if (isProblem) {
    head += `content-type: application/problem+json\r\nx-selvedge-id: ${reply.id}\r\nx-selvedge-reason: ${reason}\r\n`;
  }
  // RFC 9110 8.6: no Content-Length in a 204.
  if (reply.status !== 204) head += `content-length: ${body.length}\r\n`;
  if (reply.closes) head += "connection: close\r\n";
  return Buffer.from(`${head}\r\n${reply.isHead ? "" : body}`, "latin1");
}

/** An answer without content, whose head is all there is ("trailers-only"). */
function renderGrpcReply(reply: LocalReply): Buffer {
  const reason = RESPONSE_FLAGS[reply.flag] ?? "-";
  const status = grpcStatusFor(reply.status, reply.flag);
  return Buffer.from(
    "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\n" +
      `grpc-status: ${status}\r\ngrpc-message: ${reason} ${reply.id}\r\n` +
      `x-selvedge-id: ${reply.id}\r\nx-selvedge-reason: ${reason}\r\ncontent-length: 0\r\n` +
      `${reply.closes ? "connection: close\r\n" : ""}\r\n`,
    "latin1",
  );
}

/** Where the content of a rendered answer begins. */
export function headBytesOf(reply: Buffer): number {
  return reply.indexOf("\r\n\r\n") + 4;
}
