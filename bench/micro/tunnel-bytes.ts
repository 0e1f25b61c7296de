/**
 * What each line of a request and its answer costs between two nodes, once both have got to know each other: bytes inside TLS,
 * as our writers and codecs make them. `bun bench/micro/tunnel-bytes.ts`
 */
import { RequestHeadPlan, writeRequestHead } from "../../src/proxy/exchange/request-head.ts";
import { BODILESS, writeResponseHead } from "../../src/proxy/exchange/response-head.ts";
import { DIALER_OPTIONS, LISTENER_OPTIONS } from "../../src/proxy/tunnel/link-options.ts";
import { RandomPool } from "../../src/telemetry/random-pool.ts";
import { BODY, METHOD, RequestHead, ResponseHead } from "../../src/wire/http1/head.ts";
import { parseRequestHead } from "../../src/wire/http1/parse-request.ts";
import { parseResponseHead } from "../../src/wire/http1/parse-response.ts";
import { Connection } from "../../src/wire/http2/connection.ts";
import { EVENT } from "../../src/wire/http2/event.ts";
import { OutputBuffer } from "../../src/wire/http2/output-buffer.ts";
import { FRAME, FRAME_HEADER_BYTES } from "../../src/wire/http2/protocol.ts";
import { parseFrames } from "../../test/support/http2-frames.ts";
import { headScratch } from "../../test/support/http2-scratch.ts";
import { ReferenceDecoder } from "../../test/support/reference-hpack.ts";

/** Until every table and template has settled, and the requests over which window updates and the like are spread. */
const WARM_UP = 1000;
const REQUESTS = 4096;
const CONTENT = Buffer.alloc(100, "0123456789");
const OWNER = 5;

const PIN = [
  `x-selvedge-as: ${OWNER}`,
  "x-selvedge-to: service/prod/orders:80 service/prod/orders-v1:80 workload/prod/orders-v1|127.0.0.1:21901",
];
const ANSWER = [
  "HTTP/1.1 200 OK",
  "Server: nginx/1.22.1",
  "Date: Sun, 22 Nov 2026 22:42:35 GMT",
  "Content-Type: text/plain",
  `Content-Length: ${CONTENT.length}`,
  "Connection: keep-alive",
];
const SMALL = () => ["GET /100 HTTP/1.1", "Host: orders.prod"];
const REAL = (number: number) => [
  `GET /100?id=${number} HTTP/1.1`,
  "Host: orders.prod",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
  "Accept: application/json, text/plain, */*",
  "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
  "Accept-Encoding: gzip, deflate, br, zstd",
  `Authorization: Bearer ${"eyJhbGciOiJFUzI1NiJ9".repeat(6)}`,
  "Cookie: session=6f1c2b7a9d3e4f50; theme=dark; consent=1",
  "Cache-Control: no-cache",
  "Sec-Fetch-Mode: cors",
  `traceparent: 00-${hex(32, number)}-${hex(16, number)}-01`,
  `X-Request-Id: ${hex(32, number + 1)}`,
  "Referer: https://shop.example/orders",
];

function hex(digits: number, seed: number): string {
  return (BigInt(seed + 1) * 0x9e3779b97f4a7c15n * 0xbf58476d1ce4e5b9n)
    .toString(16)
    .padStart(digits, "1")
    .slice(0, digits);
}

const joined = (lines: readonly string[]) => Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
const pool = new RandomPool((into) => crypto.getRandomValues(into));

/** The two ends of one tunnel. */
class Tunnel {
  readonly caller = new Connection<undefined>(DIALER_OPTIONS, headScratch(), new OutputBuffer(), 0);
  readonly called = new Connection<undefined>(LISTENER_OPTIONS, headScratch(), new OutputBuffer(), 0);
  readonly #into = Buffer.alloc(16_384);
  readonly #plan = new RequestHeadPlan();
  readonly #answer = joined(ANSWER);
  readonly #answerHead = new ResponseHead();

  constructor() {
    this.#plan.numbersIds = true;
    this.#plan.trustsForwarded = true;
    this.#plan.certLine = Buffer.from(`${PIN.join("\r\n")}\r\n`);
    parseResponseHead(this.#answer, 0, this.#answer.length, this.#answerHead, METHOD.GET);
    this.#pass(this.caller, this.called);
    this.#pass(this.called, this.caller);
    this.#pass(this.caller, this.called);
  }

  /** Sends a request; answers what crossed. */
  ask(lines: readonly string[]): Uint8Array {
    const received = joined(lines);
    const head = new RequestHead();
    if (parseRequestHead(received, 0, received.length, head) <= 0) throw new Error("the request is malformed");
    const end = writeRequestHead(this.#into, 0, received, head, this.#plan, pool);
    const stream = this.caller.openStream(METHOD.GET, false, undefined)!;
    this.caller.sendHead(stream, this.#into, 0, end, true, OWNER);
    return this.#pass(this.caller, this.called);
  }

  /** Answers the request that came last; what crossed, the other side's window updates behind it. */
  answer(): readonly [there: Uint8Array, back: Uint8Array] {
    const plan = { ...BODILESS, body: BODY.LENGTH };
    const end = writeResponseHead(this.#into, 0, this.#answer, this.#answerHead, plan);
    const asked = this.called.stream!;
    this.called.sendHead(asked, this.#into, 0, end, false, OWNER);
    this.called.sendData(asked, CONTENT, 0, CONTENT.length, true);
    return [this.#pass(this.called, this.caller), this.#pass(this.caller, this.called)];
  }

  /** Hands what one end has written to the other, which takes all content at once. `to.stream` stays the last one. */
  #pass(from: Connection<undefined>, to: Connection<undefined>): Uint8Array {
    const { output } = from;
    const bytes = output.bytes.slice(0, output.length);
    output.consume(output.length);
    to.feed(bytes, 0, bytes.length, 0);
    for (let event = to.next(); event !== EVENT.NONE; event = to.next()) {
      if (event === EVENT.ERROR || event === EVENT.RESET) throw new Error("a frame was refused");
      if (event === EVENT.DATA) to.credit(to.stream!, to.dataEnd - to.dataStart);
    }
    return bytes;
  }
}

/** Prints the frames of one direction; all blocks before must have gone through `decoder`. */
function show(bytes: Uint8Array, decoder: ReferenceDecoder, isShown: boolean): void {
  for (const { type, payload } of parseFrames(bytes)) {
    const name = Object.keys(FRAME).find((key) => FRAME[key as keyof typeof FRAME] === type);
    if (isShown) console.log(`  ${FRAME_HEADER_BYTES} frame header, ${name}`);
    if (type !== FRAME.HEADERS) {
      if (isShown) console.log(`  ${payload.length} payload`);
      continue;
    }
    decoder.decode(Uint8Array.from(payload), ({ name: field, value }, cost) => {
      if (isShown) console.log(`  ${cost} ${field}: ${value.length > 60 ? `${value.slice(0, 57)}...` : value}`);
    });
  }
}

function list(title: string, linesOf: (number: number) => readonly string[]): void {
  const tunnel = new Tunnel();
  const decoders = [16_384, 16_384].map((tableBytes) => new ReferenceDecoder(tableBytes));
  let [requests, answers, updates] = [0, 0, 0];
  for (let number = 0; number < WARM_UP + REQUESTS; number++) {
    const isLast = number === WARM_UP + REQUESTS - 1;
    const asked = tunnel.ask(linesOf(number));
    if (isLast) console.log(`${title}: a request, ${asked.length} bytes`);
    show(asked, decoders[0]!, isLast);
    const [there, back] = tunnel.answer();
    if (isLast) console.log(`${title}: its answer, ${there.length} bytes`);
    show(there, decoders[1]!, isLast);
    if (number < WARM_UP) continue;
    requests += asked.length;
    answers += there.length;
    updates += back.length;
  }
  const [request, answer, update] = [requests, answers, updates].map((sum) => (sum / REQUESTS).toFixed(1));
  console.log(`${title}: ${request} a request, ${answer} an answer, ${update} window updates, on average\n`);
}

list("small", SMALL);
list("real", REAL);
