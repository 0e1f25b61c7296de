/** Nanoseconds to parse one request head: small (4 lines), ten lines, and real (15 lines, 880 bytes). `bun bench/micro/http1-heads.ts` */
import { asciiBytes } from "../../src/wire/http1/byte-classes.ts";
import { RequestHead } from "../../src/wire/http1/head.ts";
import { parseRequestHead } from "../../src/wire/http1/parse-request.ts";

const WARM_UP = 200_000;
const HEADS = 500_000;
const ROUNDS = 5;

const REAL_LINES: readonly string[] = [
  "GET /api/v1/orders/12345/items?limit=20&cursor=abcdef HTTP/1.1",
  "Host: orders.prod.svc.cluster.local",
  "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Connection: keep-alive",
  "X-Request-Id: 7b1f1a3e-4f8d-4a8b-9f5e-0a1b2c3d4e5f",
  "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  "X-Forwarded-For: 203.0.113.7",
  "Sec-Fetch-Mode: cors",
  "Cache-Control: no-cache",
  "Referer: https://shop.example/orders/12345",
  `User-Agent: ${"Mozilla/5.0 (X11; Linux x86_64) ".repeat(3)}`,
  `Accept: ${"text/html,application/xml;q=0.9,".repeat(3)}*/*`,
  `Cookie: session=${"0123456789abcdef".repeat(4)}; theme=dark`,
  `Authorization: Bearer ${"eyJhbGciOiJFUzI1NiJ9".repeat(5)}`,
];

const HEADS_BY_NAME: readonly (readonly [name: string, lines: readonly string[]])[] = [
  ["small", ["GET / HTTP/1.1", "Host: a.b", "User-Agent: x", "Accept: */*", "X-A: 1"]],
  ["ten", REAL_LINES.slice(0, 11)],
  ["real", REAL_LINES],
];

function nanosecondsPerHead(buf: Uint8Array, head: RequestHead): number {
  const startedMs = performance.now();
  for (let i = 0; i < HEADS; i++) {
    if (parseRequestHead(buf, 0, buf.length, head) !== buf.length) throw new Error("the head was not accepted");
  }
  return ((performance.now() - startedMs) * 1e6) / HEADS;
}

for (const [name, lines] of HEADS_BY_NAME) {
  const buf = asciiBytes(`${lines.join("\r\n")}\r\n\r\n`);
  const head = new RequestHead();
  for (let i = 0; i < WARM_UP; i++) parseRequestHead(buf, 0, buf.length, head);
  const rounds = Array.from({ length: ROUNDS }, () => nanosecondsPerHead(buf, head)).sort((a, b) => a - b);
  console.log(`${name}: ${lines.length - 1} header lines, ${buf.length} bytes, ${rounds[2]!.toFixed(0)} ns per head`);
}
