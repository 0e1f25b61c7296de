/**
 * The parts of gRPC's interop service that are about compression, on node:http2 by hand: grpc-js servers can neither
 * compress nor tell a service whether a message came compressed. Accepts and sends gzip.
 */
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { gunzipSync, gzipSync } from "node:zlib";
import { CONTENT, INPUT_REQUEST, METHODS, OUTPUT_REQUEST, SUM, UNARY_REQUEST } from "./messages.ts";

const INVALID_ARGUMENT = 3;
const UNIMPLEMENTED = 12;

interface Message {
  readonly isCompressed: boolean;
  readonly bytes: Buffer;
}

interface Answer {
  readonly code: number;
  readonly messages: readonly Message[];
}

const refusal = (code: number): Answer => ({ code, messages: [] });

/** Messages of a whole body: a flag, four bytes of length, content. */
function messagesOf(body: Buffer): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at < body.length; ) {
    const isCompressed = body.readUInt8(at) === 1;
    const end = at + 5 + body.readUInt32BE(at + 1);
    if (end > body.length) throw new Error("a message is cut short");
    const content = body.subarray(at + 5, end);
    messages.push({ isCompressed, bytes: isCompressed ? gunzipSync(content) : content });
    at = end;
  }
  return messages;
}

function framed({ isCompressed, bytes }: Message): Buffer {
  const content = isCompressed ? gzipSync(bytes) : bytes;
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(isCompressed ? 1 : 0, 0);
  prefix.writeUInt32BE(content.length, 1);
  return Buffer.concat([prefix, content]);
}

const content = (size: number, isCompressed: boolean | undefined): Message => ({
  isCompressed: isCompressed === true,
  bytes: CONTENT.encode(Buffer.alloc(size)),
});
const isAsExpected = (message: Message, expected: boolean | undefined) =>
  expected === undefined || expected === message.isCompressed;

function answerTo(path: string, messages: readonly Message[]): Answer {
  const [first] = messages;
  if (path === METHODS.UnaryCall.path && first !== undefined) {
    const asked = UNARY_REQUEST.decode(first.bytes);
    if (!isAsExpected(first, asked.expectCompressed)) return refusal(INVALID_ARGUMENT);
    return { code: 0, messages: [content(asked.responseSize ?? 0, asked.responseCompressed)] };
  }
  if (path === METHODS.StreamingInputCall.path) {
    const inputs = messages.map((message) => ({ message, input: INPUT_REQUEST.decode(message.bytes) }));
    if (inputs.some(({ message, input }) => !isAsExpected(message, input.expectCompressed)))
      return refusal(INVALID_ARGUMENT);
    const sum = inputs.reduce((total, { input }) => total + input.body.length, 0);
    return { code: 0, messages: [{ isCompressed: false, bytes: SUM.encode(sum) }] };
  }
  if (path === METHODS.StreamingOutputCall.path && first !== undefined) {
    const asked = OUTPUT_REQUEST.decode(first.bytes);
    return { code: 0, messages: asked.responses.map(({ size, compressed }) => content(size, compressed)) };
  }
  return refusal(UNIMPLEMENTED);
}

function respond(stream: ServerHttp2Stream, { code, messages }: Answer): void {
  stream.respond(
    { ":status": 200, "content-type": "application/grpc", "grpc-encoding": "gzip", "grpc-accept-encoding": "gzip" },
    { waitForTrailers: true },
  );
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": String(code) }));
  stream.end(Buffer.concat(messages.map(framed)));
}

/** Listens on a free loopback port until the process ends. */
export async function startCompressingServer(): Promise<number> {
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => respond(stream, answerTo(headers[":path"] ?? "", messagesOf(Buffer.concat(chunks)))));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return (server.address() as AddressInfo).port;
}
