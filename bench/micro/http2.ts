/**
 * What HTTP/2 costs by itself: nanoseconds to encode and decode a small and a real request head, bytes on the wire for heads
 * that come again, and nanoseconds per frame of each flood until it is cut off. `bun bench/micro/http2.ts`
 */

import { HpackDecoder } from "../../src/wire/hpack/decoder.ts";
import { FieldList } from "../../src/wire/hpack/field-list.ts";
import { RequestHead } from "../../src/wire/http1/head.ts";
import { Connection } from "../../src/wire/http2/connection.ts";
import { ROLE } from "../../src/wire/http2/connection-state.ts";
import { EVENT } from "../../src/wire/http2/event.ts";
import { OutputBuffer } from "../../src/wire/http2/output-buffer.ts";
import { FRAME_HEADER_BYTES } from "../../src/wire/http2/protocol.ts";
import { HeadEncoder } from "../../src/wire/translation/encode-head.ts";
import { readRequestFields } from "../../src/wire/translation/read-request.ts";
import {
  data,
  FLAG,
  frame,
  headers,
  POST,
  PREFACE,
  ping,
  REQUEST,
  reset,
  settings,
  text,
  windowUpdate,
} from "../../test/support/http2-frames.ts";
import { headScratch, LIST_BYTES, SERVER_OPTIONS } from "../../test/support/http2-scratch.ts";

const HEADS = 100_000;
const ROUNDS = 9;
/** Until the just-in-time compiler is through with both directions. */
const WARM_UP = 300_000;
const TABLE_BYTES = 4096;
/** Times each flood is let loose; the first ones warm the code up. */
const FLOOD_REPEATS = 150;

/** As the worker would hand in: native for long ranges. */
const equal = (a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, length: number) =>
  (a as Buffer).compare(b, bStart, bStart + length, aStart, aStart + length) === 0;

const joined = (lines: readonly string[]) => Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);

/** `i` changes the request and trace ids each time, and `cursor` the target; `user` the cookie and the token. */
function realHead(i: number, user: number, cursor = "abcdef"): Buffer {
  const id = String(i).padStart(8, "0");
  const token = String(user).padStart(8, "0");
  return joined([
    `GET /api/v1/orders/12345/items?limit=20&cursor=${cursor} HTTP/1.1`,
    "host: orders.prod.svc.cluster.local",
    "accept-language: en-GB,en;q=0.9,de;q=0.8",
    "accept-encoding: gzip, deflate, br, zstd",
    `x-request-id: 7b1f1a3e-4f8d-4a8b-9f5e-0a1b${id}`,
    `traceparent: 00-0af7651916cd43dd8448eb21${id}-b7ad6b7169203331-01`,
    "x-forwarded-for: 203.0.113.7",
    "x-forwarded-proto: http",
    "sec-fetch-mode: cors",
    "cache-control: no-cache",
    "referer: https://shop.example/orders/12345",
    `user-agent: ${"Mozilla/5.0 (X11; Linux x86_64) ".repeat(3)}x`,
    `accept: ${"text/html,application/xml;q=0.9,".repeat(3)}*/*`,
    `cookie: session=${token.repeat(8)}; theme=dark`,
    `authorization: Bearer ${`eyJhbGciOiJFUzI1NiJ9${token}`.repeat(4)}`,
  ]);
}

const smallHead = () => joined(["GET / HTTP/1.1", "host: a.b", "user-agent: x", "accept: */*"]);

class Hop {
  readonly encoder: HeadEncoder;
  readonly decoder: HpackDecoder;
  readonly head = new RequestHead();
  readonly fields = new FieldList(this.head.lines, LIST_BYTES);
  readonly into = new Uint8Array(8192);
  constructor(tableBytes = TABLE_BYTES) {
    this.encoder = new HeadEncoder(tableBytes, equal);
    this.encoder.hpack.setPeerLimit(tableBytes);
    this.decoder = new HpackDecoder(tableBytes);
  }
  encode(head: Buffer, owner: number): number {
    return this.encoder.encodeRequest(head, 0, head.length, this.into, 0, { owner, isWebsocket: false });
  }
  decode(end: number): void {
    const isRead = this.decoder.decode(this.into, 0, end, this.fields) === 0;
    if (!isRead || readRequestFields(this.fields, this.head, true, false) !== 0) throw new Error("a head was not read");
  }
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
const nanosecondsSince = (startedMs: number, count: number) => ((performance.now() - startedMs) * 1e6) / count;

function timeHead(name: string, heads: readonly Buffer[], owner: number): void {
  const hop = new Hop();
  let end = 0;
  for (let i = 0; i < WARM_UP; i++) {
    end = hop.encode(heads[i % heads.length]!, owner);
    hop.decode(end);
  }
  const encode: number[] = [];
  const decode: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    let startedMs = performance.now();
    for (let i = 0; i < HEADS; i++) end = hop.encode(heads[i % heads.length]!, owner);
    encode.push(nanosecondsSince(startedMs, HEADS));
    startedMs = performance.now();
    for (let i = 0; i < HEADS; i++) hop.decode(end);
    decode.push(nanosecondsSince(startedMs, HEADS));
  }
  console.log(
    `${name}: ${heads[0]!.length} bytes, encode ${Math.min(...encode).toFixed(0)} ns, decode to an HTTP/1.1 index ${Math.min(...decode).toFixed(0)} ns, the best of ${ROUNDS} rounds`,
  );
}

/** Bytes of a HEADERS frame, on average over 5000 requests of `users` in turn after a warm-up. */
function wireBytes(users: number, owner: number, tableBytes = TABLE_BYTES): number {
  const hop = new Hop(tableBytes);
  let sum = 0;
  for (let i = 0; i < 7000; i++) {
    const end = hop.encode(realHead(i, (i * 7919) % users), owner);
    hop.decode(end);
    if (i >= 2000) sum += end + FRAME_HEADER_BYTES;
  }
  return sum / 5000;
}

/** Feeds a flood until it is cut off, or `most` times. */
function timeFlood(
  name: string,
  before: readonly number[],
  round: (id: number) => readonly number[],
  framesPerRound: number,
  most: number,
): void {
  const rounds = Array.from({ length: most }, (_, i) => Uint8Array.from(round(2 * i + 3)));
  const bytes = rounds.reduce((sum, piece) => sum + piece.length, 0) / most;
  const times: number[] = [];
  let cutAfter = 0;
  for (let repeat = 0; repeat < FLOOD_REPEATS; repeat++) {
    const connection = new Connection<undefined>(
      { ...SERVER_OPTIONS, role: ROLE.SERVER },
      headScratch(),
      new OutputBuffer(),
      0,
    );
    const feed = (piece: Uint8Array) => {
      connection.feed(piece, 0, piece.length, 0);
      for (let event = connection.next(); event !== EVENT.NONE; event = connection.next())
        if (event === EVENT.ERROR) return true;
      connection.output.consume(connection.output.length);
      return false;
    };
    feed(Uint8Array.from([...text(PREFACE), ...settings(), ...before]));
    const startedMs = performance.now();
    cutAfter = 0;
    while (cutAfter < most && !feed(rounds[cutAfter++]!)) {}
    times.push(nanosecondsSince(startedMs, cutAfter * framesPerRound));
  }
  console.log(
    `${name}: cut off after ${cutAfter} rounds of ${bytes.toFixed(0)} bytes, ${median(times.slice(-50)).toFixed(0)} ns a frame`,
  );
}

const users = (count: number) => Array.from({ length: 64 }, (_, i) => realHead(i * 7919, i % count));
timeHead("small", [smallHead()], 0);
timeHead("real, credentials owned", users(1), 1);
timeHead("real, credentials written out", users(1), 0);
timeHead("real, 37 users, owned", users(37), 1);
const targets = Array.from({ length: 1000 }, (_, i) => realHead(i * 7919, 0, String(i).padStart(6, "0")));
timeHead("real, another target each time, owned", targets, 1);

for (const count of [1, 37, 500]) {
  const sizes = [TABLE_BYTES, 16_384, 65_536].map((tableBytes) => wireBytes(count, 1, tableBytes).toFixed(0));
  console.log(
    `HEADERS frame for a head of ${realHead(0, 0).length} bytes, users: ${count}: credentials owned ${sizes.join(", ")} with tables of 4, 16, 64 KiB; written out ${wireBytes(count, 0).toFixed(0)}`,
  );
}

const bomb = new Array<number>(200).fill(0xbe);
timeFlood("rapid reset", [], (id) => [...headers(id), ...reset(id)], 2, 5000);
timeFlood("MadeYouReset", [], (id) => [...headers(id), ...windowUpdate(id, 0)], 2, 5000);
timeFlood("SETTINGS", [], () => settings(), 1, 5000);
timeFlood("PING", [], () => ping(), 1, 5000);
timeFlood("empty DATA", headers(1, POST, FLAG.END_HEADERS), () => data(1, "", 0), 1, 5000);
timeFlood("WINDOW_UPDATE", [], () => windowUpdate(0, 1), 1, 5000);
timeFlood("CONTINUATION", frame(1, FLAG.END_STREAM, 1, [0x82]), () => frame(9, 0, 1, [0x82]), 1, 5000);
timeFlood(
  "references to one large entry",
  [],
  (id) => frame(1, 5, id, [0x40, 1, 120, 0x7f, 0x81, 0x1d, ...new Array<number>(3800).fill(118), ...bomb]),
  1,
  100,
);
timeFlood("honest requests", [], (id) => headers(id, REQUEST), 1, 100);
