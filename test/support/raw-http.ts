/** HTTP/1.1 as a test sees it on the wire: plain, slow, and apart from the proxy's own codec. */
import type { RawPeer } from "./raw-peer.ts";

export interface RawMessage {
  /** Request or status line. */
  readonly line: string;
  /** `name: value` as they came, names in lower case. */
  readonly lines: readonly string[];
  readonly body: Buffer;
  /** Trailer lines of a chunked body. */
  readonly trailers: readonly string[];
  /** Sizes of the chunks, where it was chunked. */
  readonly chunks: readonly number[];
}

export interface RawResponse extends RawMessage {
  readonly status: number;
  /** Status lines of the interim answers before it. */
  readonly interim: readonly string[];
}

/** The values of a header, in order. */
export function headersOf(message: RawMessage, name: string): string[] {
  const prefix = `${name.toLowerCase()}:`;
  return message.lines.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length).trim());
}

/** The only value of a header; `undefined` where there is none, an error where there are several. */
export function headerOf(message: RawMessage, name: string): string | undefined {
  const values = headersOf(message, name);
  if (values.length > 1) throw new Error(`${name} came ${values.length} times`);
  return values[0];
}

function splitHead(text: string): { line: string; lines: string[] } {
  const [line = "", ...rest] = text.slice(0, -4).split("\r\n");
  const lines = rest.map((one) => {
    const colon = one.indexOf(":");
    return colon < 0 ? one : one.slice(0, colon).toLowerCase() + one.slice(colon);
  });
  return { line, lines };
}

async function readChunked(peer: RawPeer): Promise<Pick<RawMessage, "body" | "trailers" | "chunks">> {
  const parts: Buffer[] = [];
  const chunks: number[] = [];
  for (;;) {
    const size = Number.parseInt(await peer.readThrough("\r\n"), 16);
    if (Number.isNaN(size)) throw new Error("no chunk size");
    if (size === 0) break;
    chunks.push(size);
    parts.push(await peer.read(size));
    const end = await peer.read(2);
    if (end.toString("latin1") !== "\r\n") throw new Error("a chunk without its end");
  }
  const trailers: string[] = [];
  for (;;) {
    const line = await peer.readThrough("\r\n");
    if (line === "\r\n") break;
    trailers.push(line.slice(0, -2));
  }
  return { body: Buffer.concat(parts), trailers, chunks };
}

async function readBody(
  peer: RawPeer,
  lines: readonly string[],
  isUntilClose: boolean,
): Promise<Pick<RawMessage, "body" | "trailers" | "chunks">> {
  const value = (name: string): string | undefined =>
    lines
      .find((line) => line.startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim();
  if (value("transfer-encoding") === "chunked") return readChunked(peer);
  const length = value("content-length");
  if (length !== undefined) return { body: await peer.read(Number(length)), trailers: [], chunks: [] };
  const body = isUntilClose ? Buffer.from(await peer.readAll(), "latin1") : Buffer.alloc(0);
  return { body, trailers: [], chunks: [] };
}

/** Reads one request. Rejects when the connection is gone before it is whole. */
export async function readRequest(peer: RawPeer): Promise<RawMessage> {
  const { line, lines } = splitHead(await peer.readThrough("\r\n\r\n"));
  return { line, lines, ...(await readBody(peer, lines, false)) };
}

/** Reads one answer. @param toHead it answers a HEAD, so that it has no body whatever it says. */
export async function readResponse(peer: RawPeer, toHead = false): Promise<RawResponse> {
  const interim: string[] = [];
  for (;;) {
    const { line, lines } = splitHead(await peer.readThrough("\r\n\r\n"));
    const status = Number(line.split(" ")[1]);
    if (status >= 100 && status < 200 && status !== 101) {
      interim.push(line);
      continue;
    }
    const hasBody = !toHead && status !== 204 && status !== 304 && status !== 101;
    const body = hasBody ? await readBody(peer, lines, true) : { body: Buffer.alloc(0), trailers: [], chunks: [] };
    return { line, lines, status, interim, ...body };
  }
}

/** Sends a request as text and reads its answer. */
export async function ask(peer: RawPeer, request: string, toHead = false): Promise<RawResponse> {
  peer.send(request);
  return readResponse(peer, toHead);
}

/** A GET with these header lines after Host. */
export function getText(path: string, host: string, ...lines: readonly string[]): string {
  return `${[`GET ${path} HTTP/1.1`, `Host: ${host}`, ...lines].join("\r\n")}\r\n\r\n`;
}

/** An answer with a length. */
export function answerText(body: string, ...lines: readonly string[]): string {
  return `${["HTTP/1.1 200 OK", `Content-Length: ${body.length}`, ...lines].join("\r\n")}\r\n\r\n${body}`;
}

/** Answers every request on a connection: the script of a well-behaved server. */
export function answering(
  answer: (request: RawMessage, peer: RawPeer) => string | Promise<string>,
): (peer: RawPeer) => Promise<void> {
  return async (peer) => {
    for (;;) {
      await peer.until(() => peer.received.length > 0 || peer.hasEnded);
      if (peer.received.length === 0) {
        peer.finish();
        return;
      }
      peer.send(await answer(await readRequest(peer), peer));
    }
  };
}
