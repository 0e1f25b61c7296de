import { describe, expect, test } from "bun:test";
import { ReferenceDecoder } from "../../../test/support/reference-hpack.ts";
import { BAD_FIELD } from "../hpack/encoder.ts";
import { BLOCK_EXCESS_BYTES_MAX, HeadEncoder } from "./encode-head.ts";

const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
type Kind = "request" | "response" | "trailers";

/** An encoder and the reference at the other end. */
class Hop {
  readonly encoder: HeadEncoder;
  readonly decoder: ReferenceDecoder;
  constructor(tableBytes = 4096) {
    this.encoder = new HeadEncoder(tableBytes);
    this.encoder.hpack.setPeerLimit(tableBytes);
    this.decoder = new ReferenceDecoder(tableBytes);
  }
  /** The fields as the other end reads them, or BAD_FIELD. The head lies between bytes that must not be looked at. */
  send(head: string, kind: Kind = "request", context = { owner: 0, isWebsocket: false }): string[] | number {
    const buf = bytesOf(`\n\n${head}\r\nevil: 1\r\n\r\n`);
    const into = new Uint8Array(head.length + BLOCK_EXCESS_BYTES_MAX);
    const end = 2 + head.length;
    const { encoder } = this;
    const to =
      kind === "request"
        ? encoder.encodeRequest(buf, 2, end, into, 0, context)
        : kind === "response"
          ? encoder.encodeResponse(buf, 2, end, into, 0, context)
          : encoder.encodeTrailers(buf, 2, end, into, 0);
    if (to < 0) return to;
    return this.decoder.decode(into.subarray(0, to)).map(({ name, value }) => `${name}: ${value}`);
  }
}

const head = (...lines: string[]) => `${lines.join("\r\n")}\r\n\r\n`;

describe("a request", () => {
  test("becomes pseudo-header fields and lines in lower case, without what is for one connection", () => {
    const written = head(
      "POST /a?b=c HTTP/1.1",
      "Host: shop:81",
      "User-Agent:  x ",
      "TE: trailers",
      "te: gzip",
      "Connection: close",
      "Keep-Alive: 5",
      "content-length: 5",
      "Transfer-Encoding: chunked",
      "trailer: x",
      "Empty:",
    );
    expect(new Hop().send(written)).toEqual([
      ":method: POST",
      ":scheme: http",
      ":path: /a?b=c",
      ":authority: shop:81",
      "user-agent: x",
      "te: trailers",
      "content-length: 5",
      "trailer: x",
      "empty: ",
    ]);
  });
  test("of CONNECT has a method and an authority", () => {
    expect(new Hop().send(head("CONNECT shop:80 HTTP/1.1", "host: shop:80", "x: 1"))).toEqual([
      ":method: CONNECT",
      ":authority: shop:80",
      "x: 1",
    ]);
  });
  test("for a WebSocket becomes extended CONNECT", () => {
    const written = head(
      "GET /chat HTTP/1.1",
      "host: shop",
      "sec-websocket-key: k",
      "sec-websocket-version: 13",
      "connection: upgrade",
      "upgrade: websocket",
    );
    for (let i = 0; i < 6; i++) {
      expect(new Hop().send(written, "request", { owner: 0, isWebsocket: true })).toEqual([
        ":method: CONNECT",
        ":scheme: http",
        ":path: /chat",
        ":authority: shop",
        ":protocol: websocket",
        "sec-websocket-version: 13",
      ]);
    }
  });
});

test("an answer becomes a status and lines", () => {
  expect(new Hop().send(head("HTTP/1.1 404 Not Found", "Server: x", "Connection: keep-alive"), "response")).toEqual([
    ":status: 404",
    "server: x",
  ]);
  expect(
    new Hop().send(
      head("HTTP/1.1 101 Switching Protocols", "upgrade: websocket", "sec-websocket-accept: x"),
      "response",
      { owner: 0, isWebsocket: true },
    ),
  ).toEqual([":status: 200"]);
});

test("trailers become lines", () => {
  expect(new Hop().send("grpc-status: 0\r\ngrpc-message:\r\n\r\n", "trailers")).toEqual([
    "grpc-status: 0",
    "grpc-message: ",
  ]);
});

describe("what is no head of ours is refused", () => {
  const heads: readonly (readonly [string, Kind])[] = [
    ["", "request"],
    ["\r\n", "request"],
    [head("GET  / HTTP/1.1", "host: a"), "request"],
    [head("GET / HTTP/1.0", "host: a"), "request"],
    [head("GET http://a/ HTTP/1.1", "host: a"), "request"],
    [head("GET / HTTP/1.1"), "request"],
    [head("GET / HTTP/1.1", "x: 1", "host: a"), "request"],
    [head("GET / HTTP/1.1", "host: a\r", "x: 1"), "request"],
    ["GET / HTTP/1.1\r\nhost: a\r\nx: 1\r\n", "request"],
    ["GET / HTTP/1.1\r\nhost: a\r\nx: 1\n\r\n", "request"],
    [head("GET / HTTP/1.1", "host: a", " folded: 1"), "request"],
    [head("GET / HTTP/1.1", "host: a", "x : 1"), "request"],
    [head("HTTP/1.1 2000 OK").replace("2000", "20"), "response"],
    [head("HTTP/1.0 200 OK"), "response"],
    [head("HTTP/1.1 2x0 OK"), "response"],
    [head("HTTP/1.1 101 Switching"), "response"],
    ["HTTP/1.1 200 OK\r\n", "response"],
    ["x: 1\r\n", "trailers"],
    ["x\r\n\r\n", "trailers"],
  ];
  for (const [written, kind] of heads) {
    test(JSON.stringify(written), () => expect(new Hop().send(written, kind)).toBe(BAD_FIELD));
  }
});

const REAL = [
  "host: orders.prod",
  "accept-language: en-GB,en;q=0.9",
  "x-request-id: 7b1f1a3e-4f8d",
  "Connection: keep-alive",
  "accept: text/html,*/*",
  "te: trailers",
  "cookie: session=0123; theme=dark",
  "x-long-and-stable: 0123456789012345678901234567890123456789",
];
const real = (path = "/items", lines: readonly string[] = REAL) => head(`GET ${path} HTTP/1.1`, ...lines);

/** A hop that has sent this head until its template has learnt all there is to learn. */
function taught(written: string): Hop {
  const hop = new Hop();
  for (let i = 0; i < 12; i++) hop.send(written);
  return hop;
}

describe("a head that was learnt", () => {
  test("with any byte of it replaced by a hostile one is judged as by an encoder that knows nothing", () => {
    const written = real();
    const hop = taught(written);
    let refused = 0;
    for (let at = 0; at < written.length; at++) {
      for (const byte of ["\r", "\n", "\0", " ", ":", "\x7f", "\x80", "a", "\t"]) {
        const hostile = written.slice(0, at) + byte + written.slice(at + 1);
        const cold = new Hop().send(hostile);
        expect([at, byte, hop.send(hostile)]).toEqual([at, byte, cold] as never);
        if (cold === BAD_FIELD) refused++;
      }
      // So that the next one meets a template, too.
      for (let i = 0; i < 5; i++) hop.send(written);
    }
    expect(refused).toBeGreaterThan(1000);
    expect(hop.send(written)).toEqual(new Hop().send(written) as string[]);
  });
  test("with bytes left out, put in or put twice is judged the same, too", () => {
    const written = real();
    const hop = taught(written);
    for (let at = 0; at < written.length; at++) {
      for (const insert of ["\r\n", "\r\n\r\n", "\r\nx: 1", "\r", "\n", ": "]) {
        const longer = written.slice(0, at) + insert + written.slice(at);
        expect(hop.send(longer)).toEqual(new Hop().send(longer) as never);
      }
      const shorter = written.slice(0, at) + written.slice(at + 3);
      expect(hop.send(shorter)).toEqual(new Hop().send(shorter) as never);
    }
  });
  test("with other targets before is known by what stands around the target, and by every byte of that", () => {
    const hop = new Hop();
    for (let i = 0; i < 12; i++) hop.send(real(`/${i}`));
    const prologue = "GET /a?b=c HTTP/1.1\r\nhost: orders.prod\r\n";
    const rest = real("/a?b=c").slice(prologue.length);
    expect(real("/a?b=c")).toStartWith(prologue);
    let refused = 0;
    for (let at = 0; at < prologue.length; at++) {
      for (const byte of ["\r", "\n", "\0", " ", ":", "/", "*", "\x7f", "\x80", "a", "H"]) {
        hop.send(real(`/${at}${byte === "a" ? 1 : 2}`));
        const hostile = prologue.slice(0, at) + byte + prologue.slice(at + 1) + rest;
        const cold = new Hop().send(hostile);
        expect([at, byte, hop.send(hostile)]).toEqual([at, byte, cold] as never);
        if (cold === BAD_FIELD) refused++;
      }
      const shorter = prologue.slice(0, at) + prologue.slice(at + 1) + rest;
      expect(hop.send(shorter)).toEqual(new Hop().send(shorter) as never);
    }
    expect(refused).toBeGreaterThan(150);
    for (const target of ["*", "/", "http://a/", "orders:80", "//", "/\x80"]) {
      for (const method of ["GET", "OPTIONS", "CONNECT", "GETS"]) {
        const written = `${method} ${target} HTTP/1.1\r\nhost: orders.prod\r\n\r\n`;
        expect(hop.send(written)).toEqual(new Hop().send(written) as never);
      }
    }
  });
  test("with lines taken out, added, swapped and changed is written as it is", () => {
    const hop = taught(real());
    const variants = [
      REAL.slice(0, 4),
      [...REAL, "x-more: 1"],
      [REAL[0]!, ...REAL.slice(1).toReversed()],
      [REAL[0]!, "accept-language: de", ...REAL.slice(2)],
      REAL.map((line) => line.toUpperCase()),
      REAL.slice(0, 1),
    ];
    for (let round = 0; round < 20; round++) {
      for (const lines of [REAL, variants[round % variants.length]!]) {
        expect(hop.send(real(`/${round}`, lines))).toEqual(new Hop().send(real(`/${round}`, lines)) as string[]);
      }
    }
  });
  test("is written right when its entries were pushed out of the table", () => {
    const hop = taught(real());
    for (let i = 0; i < 300; i++) {
      hop.send(real("/", ["host: other", `x-${i >> 1}: ${"v".repeat(40)}`]));
      if (i % 7 === 0) expect(hop.send(real())).toEqual(new Hop().send(real()) as string[]);
    }
  });
  test("is written right when the peer makes the table smaller, and larger again", () => {
    const hop = taught(real());
    for (const limit of [0, 4096, 64, 4096, 300]) {
      hop.encoder.hpack.setPeerLimit(limit);
      for (let i = 0; i < 8; i++) expect(hop.send(real())).toEqual(new Hop().send(real()) as string[]);
    }
  });
  test("of one owner is not written with the entries of another", () => {
    const hop = new Hop();
    const send = (owner: number) => {
      const buf = bytesOf(real());
      const into = new Uint8Array(4096);
      const to = hop.encoder.encodeRequest(buf, 0, buf.length, into, 0, { owner, isWebsocket: false });
      hop.decoder.decode(into.subarray(0, to));
      return to;
    };
    for (let i = 0; i < 12; i++) send(1);
    const small = send(1);
    expect(send(2)).toBeGreaterThan(small + 10);
  });
});

test("a real head that comes again costs a fifth of its bytes and less", () => {
  const lines = (i: number) => [
    "host: orders.prod.svc.cluster.local",
    "accept-language: en-GB,en;q=0.9,de;q=0.8",
    "accept-encoding: gzip, deflate, br, zstd",
    `x-request-id: ${String(i).padStart(8, "0")}-4f8d-4a8b-9f5e-0a1b2c3d4e5f`,
    `traceparent: 00-0af7651916cd43dd8448eb21${String(i).padStart(8, "0")}-b7ad6b7169203331-01`,
    "x-forwarded-for: 203.0.113.7",
    "sec-fetch-mode: cors",
    "cache-control: no-cache",
    "referer: https://shop.example/orders/12345",
    `user-agent: ${"Mozilla/5.0 (X11; Linux x86_64) ".repeat(3)}x`,
    `accept: ${"text/html,application/xml;q=0.9,".repeat(3)}*/*`,
    `cookie: session=${"0123456789abcdef".repeat(4)}; theme=dark`,
    `authorization: Bearer ${"eyJhbGciOiJFUzI1NiJ9".repeat(5)}`,
  ];
  const bytesAt = (owner: number) => {
    const encoder = new HeadEncoder(4096);
    const into = new Uint8Array(4096);
    let size = 0;
    for (let i = 0; i < 20; i++) {
      const buf = bytesOf(head("GET /api/v1/orders/12345/items?limit=20 HTTP/1.1", ...lines(i)));
      size = encoder.encodeRequest(buf, 0, buf.length, into, 0, { owner, isWebsocket: false }) / buf.length;
    }
    return size;
  };
  expect(bytesAt(1)).toBeLessThan(0.15);
  // With credentials that nobody owns written out each time.
  expect(bytesAt(0)).toBeLessThan(0.4);
});
