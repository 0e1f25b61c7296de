/** Heads one after the other through one encoder, whatever it has learnt by then, read back by another decoder. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { BLOCK_EXCESS_BYTES_MAX, HeadEncoder } from "../../src/wire/translation/encode-head.ts";
import { ReferenceDecoder } from "../support/reference-hpack.ts";

/** How many sessions are tried; more for a long run. */
const RUNS = Number(process.env["FUZZ_RUNS"] ?? 200);
const TIMEOUT_MS = 60_000 + RUNS * 100;

const STABLE = [
  "user-agent: Mozilla/5.0 (X11; Linux x86_64)",
  "accept: */*",
  "cookie: session=0123456789abcdef; theme=dark",
  "x-long: 0123456789012345678901234567890123456789",
  "cache-control: no-cache",
  "authorization: Bearer eyJhbGciOiJFUzI1NiJ9",
  "referer: https://shop.example/orders",
];
const CHANGING = ["traceparent", "x-request-id", "x-selvedge-ids-at", "x-other"];

const step = fc.record({
  owner: fc.nat(2),
  method: fc.constantFrom("GET", "GET", "GET", "POST", "PURGE"),
  path: fc.oneof(
    fc.constantFrom("/", "/a", "*"),
    fc.nat(9999).map((id) => `/a?id=${id}`),
  ),
  host: fc.constantFrom("orders", "orders", "stock.prod:81"),
  /** Lines of STABLE that are left out, as bits: none, most of the time. */
  without: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(127) }),
  /** Which of them has another value. */
  altered: fc.oneof({ weight: 4, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.nat(6) }),
  changing: fc.constantFrom(0b0011, 0b0011, 0b0111, 0b1111, 0b0001),
  isChangingFirst: fc.boolean(),
  repeats: fc.integer({ min: 1, max: 9 }),
  limit: fc.oneof(
    { weight: 12, arbitrary: fc.constant(-1) },
    { weight: 1, arbitrary: fc.constantFrom(0, 100, 300, 4096) },
  ),
});

test(
  "every head reads as it was written",
  () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 4, maxLength: 40 }),
        fc.constantFrom(100, 400, 4096),
        (steps, tableBytes) => {
          const encoder = new HeadEncoder(tableBytes);
          encoder.hpack.setPeerLimit(tableBytes);
          const decoder = new ReferenceDecoder(tableBytes);
          let number = 0;
          for (const one of steps) {
            if (one.limit >= 0) encoder.hpack.setPeerLimit(one.limit);
            for (let i = 0; i < one.repeats; i++) {
              const stable = STABLE.flatMap((line, at) => {
                if ((one.without & (1 << at)) !== 0) return [];
                return at === one.altered ? [`${line}${number % 3}`] : [line];
              });
              number++;
              const changing = CHANGING.filter((_, at) => (one.changing & (1 << at)) !== 0).map(
                (name) => `${name}: ${String(number).padStart(6, "0")}`,
              );
              const lines = one.isChangingFirst
                ? [...changing, ...stable]
                : [...stable.slice(0, 3), ...changing, ...stable.slice(3)];
              const head = `${one.method} ${one.path} HTTP/1.1\r\nhost: ${one.host}\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
              const buf = Buffer.from(head, "latin1");
              const into = new Uint8Array(buf.length + BLOCK_EXCESS_BYTES_MAX);
              const end = encoder.encodeRequest(buf, 0, buf.length, into, 0, { owner: one.owner, isWebsocket: false });
              const fields = decoder.decode(into.subarray(0, end));
              expect(fields.map(({ name, value }) => `${name}: ${value}`)).toEqual([
                `:method: ${one.method}`,
                ":scheme: http",
                `:path: ${one.path}`,
                `:authority: ${one.host}`,
                ...lines,
              ]);
              // Nobody's credentials are in the table, and the next hop is told to keep them out of its own.
              const credentials = fields.filter(({ name }) => name === "cookie" || name === "authorization");
              if (one.owner === 0) expect(credentials.every(({ neverIndexed }) => neverIndexed)).toBe(true);
            }
          }
        },
      ),
      { numRuns: RUNS },
    );
  },
  TIMEOUT_MS,
);
