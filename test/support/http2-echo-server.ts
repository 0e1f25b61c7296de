/** An h2c server made of the codec and a socket: echoes what it gets, so that real clients can be let at it. */
import type { Socket } from "bun";
import { Connection } from "../../src/wire/http2/connection.ts";
import type { ConnectionOptions } from "../../src/wire/http2/connection-state.ts";
import { EVENT } from "../../src/wire/http2/event.ts";
import { OutputBuffer } from "../../src/wire/http2/output-buffer.ts";
import { SENT } from "../../src/wire/http2/send.ts";
import type { Http2Stream } from "../../src/wire/http2/stream.ts";
import { headScratch, SERVER_OPTIONS } from "./http2-scratch.ts";

/** What is still to be sent on a stream. */
interface Echo {
  readonly pieces: Buffer[];
  isComplete: boolean;
  trailers: Buffer | undefined;
}

interface Session {
  readonly connection: Connection<Echo>;
  isOver: boolean;
}

export interface EchoServer {
  readonly port: number;
  /** Connections that ended with an error of the protocol, by reason. */
  readonly errors: readonly string[];
  stop(): void;
}

const scratch = headScratch();

/** Listens on a free loopback port. `GET /bytes/N` answers with N bytes, anything else with its own method, path and content. */
export function startEchoServer(options: ConnectionOptions = SERVER_OPTIONS): EchoServer {
  const errors: string[] = [];
  const server = Bun.listen<Session>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = {
          connection: new Connection<Echo>(options, scratch, new OutputBuffer(), performance.now()),
          isOver: false,
        };
        flush(socket);
      },
      data(socket, bytes) {
        const { connection } = socket.data;
        connection.feed(bytes, 0, bytes.length, performance.now());
        for (let event = connection.next(); event !== EVENT.NONE; event = connection.next()) {
          if (event === EVENT.ERROR) {
            errors.push(connection.reason);
            socket.data.isOver = true;
          } else take(connection, event);
        }
        flush(socket);
      },
      drain: flush,
    },
  });
  return { port: server.port, errors, stop: () => server.stop(true) };
}

function flush(socket: Socket<Session>): void {
  const { connection } = socket.data;
  const { output } = connection;
  for (;;) {
    for (const stream of connection.streams.all()) pump(connection, stream);
    if (output.length === 0) break;
    const written = socket.write(output.bytes, 0, output.length);
    if (written <= 0) return;
    output.consume(written);
    if (output.length > 0) return;
  }
  if (socket.data.isOver) socket.end();
}

function take(connection: Connection<Echo>, event: number): void {
  const { stream } = connection;
  if (event === EVENT.HEAD && stream !== undefined) begin(connection, stream);
  else if (event === EVENT.DATA && stream?.owner !== undefined) {
    const { owner } = stream;
    const piece = Buffer.from(connection.data.slice(connection.dataStart, connection.dataEnd));
    if (piece.length > 0) owner.pieces.push(piece);
    owner.isComplete = connection.isEnd;
  } else if (event === EVENT.TRAILERS && stream?.owner !== undefined) {
    stream.owner.trailers = Buffer.from(
      `${latin1(connection.fields.bytes, 0, connection.fields.length)}\r\n`,
      "latin1",
    );
    stream.owner.isComplete = true;
  }
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.subarray(start, end)).toString("latin1");
}

function begin(connection: Connection<Echo>, stream: Http2Stream<Echo>): void {
  const { request, requestFields } = scratch;
  const text = (start: number, end: number) => latin1(requestFields.bytes, start, end);
  const path = text(request.pathStart, request.pathEnd);
  const lines = Array.from(
    { length: request.lines.count },
    (_, i) =>
      `x-seen-${text(request.lines.nameStart[i]!, request.lines.nameEnd[i]!)}: ${text(request.lines.valueStart[i]!, request.lines.valueEnd[i]!)}\r\n`,
  );
  const head = `HTTP/1.1 ${request.upgradeLine >= 0 ? "101" : "200"} OK\r\nx-method: ${text(request.methodStart, request.methodEnd)}\r\nx-path: ${path}\r\nx-authority: ${text(request.authorityStart, request.authorityEnd)}\r\n${lines.join("")}\r\n`;
  const size = Number(/^\/bytes\/(\d+)$/.exec(path)?.[1] ?? 0);
  stream.owner = {
    pieces: size > 0 ? [Buffer.alloc(size, "b")] : [],
    isComplete: connection.isEnd,
    trailers: undefined,
  };
  const bytes = Buffer.from(head, "latin1");
  connection.sendHead(stream, bytes, 0, bytes.length, false, 0);
}

function pump(connection: Connection<Echo>, stream: Http2Stream<Echo>): void {
  const echo = stream.owner;
  while (echo !== undefined) {
    const [piece] = echo.pieces;
    if (piece === undefined) {
      if (!echo.isComplete || stream.isLocalEnd) return;
      const { trailers } = echo;
      if (trailers !== undefined && trailers.length > 2) connection.sendTrailers(stream, trailers, 0, trailers.length);
      else connection.sendData(stream, Buffer.alloc(0), 0, 0, true);
      return;
    }
    const isLast = echo.isComplete && echo.pieces.length === 1 && echo.trailers === undefined;
    const taken = connection.sendData(stream, piece, 0, piece.length, isLast);
    if (taken === SENT.OVER || taken === 0) return;
    connection.credit(stream, taken);
    if (taken === piece.length) echo.pieces.shift();
    else echo.pieces[0] = piece.subarray(taken);
  }
}
