import type { Socket } from "bun";
import { FieldList } from "../../src/wire/hpack/field-list.ts";
import { RequestHead, ResponseHead } from "../../src/wire/http1/head.ts";
import { Connection } from "../../src/wire/http2/connection.ts";
import { ROLE } from "../../src/wire/http2/connection-state.ts";
import { EVENT } from "../../src/wire/http2/event.ts";
import { OutputBuffer } from "../../src/wire/http2/output-buffer.ts";
import type { Http2Stream } from "../../src/wire/http2/stream.ts";

/** The content of a call, whole when its last frame has come. */
type Body = Buffer[];

interface Session {
  readonly connection: Connection<Body>;
}

const LIST_BYTES = 32 * 1024;
const HEAD = Buffer.from("HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\n\r\n");
const TRAILERS = Buffer.from("grpc-status: 0\r\n\r\n");
/** More than a generator opens at once. */
const STREAMS_MAX = 1024;

function heads() {
  const request = new RequestHead();
  const response = new ResponseHead();
  return {
    request,
    requestFields: new FieldList(request.lines, LIST_BYTES),
    response,
    responseFields: new FieldList(response.lines, LIST_BYTES),
  };
}

/** Listens on 127.0.0.1 until it is stopped; unary calls of messages that fit the windows. */
export function startGrpcOrigin(port: number): { readonly port: number; stop(): void } {
  const scratch = heads();
  const options = {
    role: ROLE.SERVER,
    streamsMax: STREAMS_MAX,
    streamWindowBytes: 1 << 20,
    connectionWindowBytes: 1 << 24,
    tableBytes: 4096,
    allowsWebsocket: false,
  };
  const server = Bun.listen<Session>({
    hostname: "127.0.0.1",
    port,
    socket: {
      open(socket) {
        socket.data = { connection: new Connection<Body>(options, scratch, new OutputBuffer(), performance.now()) };
        flush(socket);
      },
      data(socket, bytes) {
        const { connection } = socket.data;
        connection.feed(bytes, 0, bytes.length, performance.now());
        for (let event = connection.next(); event !== EVENT.NONE; event = connection.next()) take(connection, event);
        flush(socket);
      },
      drain: flush,
    },
  });
  return { port: server.port, stop: () => server.stop(true) };
}

function take(connection: Connection<Body>, event: number): void {
  const { stream } = connection;
  if (stream === undefined || (event !== EVENT.HEAD && event !== EVENT.DATA)) return;
  if (event === EVENT.HEAD) stream.owner = [];
  else {
    const { data, dataStart, dataEnd } = connection;
    stream.owner?.push(Buffer.from(data.subarray(dataStart, dataEnd)));
    connection.credit(stream, dataEnd - dataStart);
  }
  if (connection.isEnd) answer(connection, stream);
}

function answer(connection: Connection<Body>, stream: Http2Stream<Body>): void {
  connection.sendHead(stream, HEAD, 0, HEAD.length, false, 0);
  for (const piece of stream.owner ?? []) connection.sendData(stream, piece, 0, piece.length, false);
  connection.sendTrailers(stream, TRAILERS, 0, TRAILERS.length);
}

function flush(socket: Socket<Session>): void {
  const { output } = socket.data.connection;
  while (output.length > 0) {
    const written = socket.write(output.bytes, 0, output.length);
    if (written <= 0) return;
    output.consume(written);
  }
}
