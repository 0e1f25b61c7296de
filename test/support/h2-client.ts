import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";

/** An answer as node:http2 saw it. */
export interface H2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders;
  /** RST_STREAM code that came, 0 for none. */
  readonly resetCode: number;
}

/** A caller that speaks HTTP/2 with prior knowledge. Dispose of it. */
export class H2Client implements AsyncDisposable {
  readonly session: ClientHttp2Session;

  private constructor(session: ClientHttp2Session) {
    this.session = session;
    session.on("error", () => undefined);
  }

  static async open(port: number, hostname = "127.0.0.1"): Promise<H2Client> {
    const session = connect(`http://${hostname}:${port}`);
    await once(session, "connect");
    return new H2Client(session);
  }

  /** Sends a request and reads the whole answer. Names in `headers` go before the defaults: GET of `/` at `orders`. */
  async ask(
    headers: OutgoingHttpHeaders = {},
    body?: Buffer | string,
    trailers?: OutgoingHttpHeaders,
  ): Promise<H2Answer> {
    const stream = this.session.request(
      { ":method": body === undefined ? "GET" : "POST", ":path": "/", ":authority": "orders", ...headers },
      { endStream: body === undefined, waitForTrailers: trailers !== undefined },
    );
    if (trailers !== undefined) stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    if (body !== undefined) stream.end(body);
    return readAnswer(stream);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.session.destroy();
  }
}

/** Reads what comes on a stream until it is closed. */
export async function readAnswer(stream: ReturnType<ClientHttp2Session["request"]>): Promise<H2Answer> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  const parts: Buffer[] = [];
  stream.on("response", (received) => {
    headers = received;
  });
  stream.on("trailers", (received) => {
    trailers = received;
  });
  stream.on("data", (part: Buffer) => parts.push(part));
  stream.on("error", () => undefined);
  await new Promise<void>((resolve) => stream.once("close", () => resolve()));
  const status = Number(headers[constants.HTTP2_HEADER_STATUS] ?? 0);
  return { status, headers, body: Buffer.concat(parts), trailers, resetCode: stream.rstCode ?? 0 };
}
