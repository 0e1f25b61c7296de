import { once } from "node:events";
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";

/** What an endpoint does with a request. */
export type H2Handler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** An endpoint that speaks HTTP/2 with prior knowledge. Dispose of it. */
export interface H2Origin extends Disposable {
  readonly port: number;
  /** Connections that were opened. */
  readonly sessions: readonly ServerHttp2Session[];
}

/** @param settings as of node:http2. */
export async function startH2Origin(
  handler: H2Handler,
  settings: { maxConcurrentStreams?: number; enableConnectProtocol?: boolean } = {},
): Promise<H2Origin> {
  const server: Http2Server = createServer({ settings });
  const sessions: ServerHttp2Session[] = [];
  server.on("session", (session) => {
    sessions.push(session);
    session.on("error", () => undefined);
  });
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on("error", () => undefined);
    handler(stream, headers);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    sessions,
    [Symbol.dispose]: () => {
      for (const session of sessions) session.destroy();
      server.close();
    },
  };
}

/** Answers with the method, path and authority, the headers as JSON, and how long the body was. */
export const describeRequest: H2Handler = (stream, headers) => {
  let bytes = 0;
  let trailers: IncomingHttpHeaders = {};
  stream.on("trailers", (received: IncomingHttpHeaders) => {
    trailers = received;
  });
  stream.on("data", (part: Buffer) => {
    bytes += part.length;
  });
  stream.on("end", () => {
    if (stream.destroyed) return;
    stream.respond({ ":status": 200, "content-type": "application/json", "x-origin": "h2" });
    stream.end(JSON.stringify({ headers, bytes, trailers }));
  });
};
