import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ChunkedDecoder } from "../../src/wire/http1/chunked.ts";
import { HEADER_LINES_MAX, METHODS, PARSE_ERROR, RequestHead, ResponseHead } from "../../src/wire/http1/head.ts";
import { parseRequestHead } from "../../src/wire/http1/parse-request.ts";
import { parseResponseHead } from "../../src/wire/http1/parse-response.ts";
import { reserialise } from "../conformance/garden/reserialise.ts";
import { bytesOf, judgeRequests, textOf } from "../conformance/http1/judge.ts";
import { HONEST_REQUESTS, HOSTILE_RESPONSES, REQUEST_VECTORS } from "../conformance/http1/vectors/all.ts";
import { referenceChunks } from "./reference-chunks.ts";

/** How many cases each property tries; more for a long run. */
const RUNS = Number(process.env["FUZZ_RUNS"] ?? 20_000);
const TIMEOUT_MS = 60_000 + RUNS * 50;
const SEED_BYTES_MAX = 2000;

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9!#$%&'*+.^`|~-]{0,15}$/);
const plainName = token.filter(
  (name) => !/^(host|te|via|date|server|expect|forwarded|origin|trailer|upgrade|connection|x-.*|.*-.*)$/i.test(name),
);
const value = fc.stringMatching(/^([!-~\x80-\xff]([ \t!-~\x80-\xff]{0,40}[!-~\x80-\xff])?)?$/);
const padding = fc.stringMatching(/^[ \t]{0,3}$/);
const line = fc.tuple(plainName, padding, value, padding);
const path = fc.stringMatching(/^\/[A-Za-z0-9;:@=-]{1,8}(\/[A-Za-z0-9~_-]{1,8}){0,4}$/);
const query = fc.option(fc.stringMatching(/^[A-Za-z0-9&=/?%[\]{}|-]{0,20}$/), { nil: undefined });
const host = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}(\.[a-z0-9]{1,8}){0,3}(:[1-9][0-9]{0,3})?$/);
const method = fc.constantFrom("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "FOO", "M-SEARCH");
const content = fc.string({ unit: "binary-ascii", maxLength: 60 });

const seeds: readonly string[] = [...REQUEST_VECTORS, ...HONEST_REQUESTS]
  .map((vector) => vector.bytes)
  .filter((bytes) => bytes.length <= SEED_BYTES_MAX);
const responseSeeds: readonly string[] = HOSTILE_RESPONSES.map((vector) => vector.bytes).filter(
  (bytes) => bytes.length <= SEED_BYTES_MAX,
);

/** Pieces that are worth putting somewhere: line ends, separators, control bytes, framing. */
const TELLING = [
  "\r\n",
  "\r",
  "\n",
  " ",
  "\t",
  ":",
  ",",
  ";",
  "0",
  "\0",
  "\x0b",
  "\x80",
  "_",
  "%",
  "\r\n\r\n",
  "chunked",
  "Host: a\r\n",
  "Content-Length: 3\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Connection: close\r\n",
];

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.nat(6),
  insert: fc.oneof(fc.constantFrom("", ...TELLING), fc.string({ unit: "binary-ascii", maxLength: 3 })),
});

function edited(text: string, edits: readonly Edit[]): string {
  let bytes = text;
  for (const { at, remove, insert } of edits) {
    const position = Math.floor(at * bytes.length);
    bytes = bytes.slice(0, position) + insert + bytes.slice(position + remove);
  }
  return bytes;
}

function mutationsOf(from: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(...from), fc.array(edit, { maxLength: 4 }))
    .map(([text, edits]) => edited(text, edits));
}

const cut = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 });

function cutAt(text: string, shares: readonly number[]): string[] {
  const offsets = [0, ...shares.map((share) => Math.floor(share * text.length)).sort((a, b) => a - b), text.length];
  return offsets.slice(1).map((end, i) => text.slice(offsets[i], end));
}

/** Puts the bytes between fences of one byte, so that a look outside would show in the answer. */
function fenced(text: string, fence: string): { buf: Uint8Array; start: number; end: number } {
  const around = fence.repeat(8);
  return { buf: bytesOf(around + text + around), start: around.length, end: around.length + text.length };
}

function check<T extends unknown[]>(property: fc.IProperty<T>): void {
  fc.assert(property as fc.IProperty<unknown>, { numRuns: RUNS });
}

describe("a valid request", () => {
  test(
    "is parsed to what it was made from",
    () => {
      check(
        fc.property(
          method,
          path,
          query,
          host,
          fc.array(line, { maxLength: 20 }),
          content,
          fc.boolean(),
          (m, p, q, h, lines, body, isChunked) => {
            const target = q === undefined ? p : `${p}?${q}`;
            const written = lines.map(([name, before, v, after]) => `${name}:${before}${v}${after}\r\n`).join("");
            const framing = isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${body.length}`;
            const chunks = body === "" ? "0\r\n\r\n" : `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
            const bytes = `${m} ${target} HTTP/1.1\r\nHost: ${h}\r\n${written}${framing}\r\n\r\n${isChunked ? chunks : body}`;
            const seen = judgeRequests([bytes]);
            expect([seen.end, seen.reason, seen.requests.length]).toEqual(["complete", "", 1]);
            const request = seen.requests[0]!;
            expect([request.method, request.path, request.query, request.authority, request.body]).toEqual([
              m,
              p,
              q ?? "",
              h,
              body,
            ]);
            expect(request.headers).toEqual(lines.map(([name, , v]) => `${name.toLowerCase()}: ${v}`));
          },
        ),
      );
    },
    TIMEOUT_MS,
  );
});

describe("mutated requests", () => {
  test(
    "get one verdict, however they are cut",
    () => {
      check(
        fc.property(mutationsOf(seeds), cut, (bytes, shares) => {
          expect(judgeRequests(cutAt(bytes, shares))).toEqual(judgeRequests([bytes]));
        }),
      );
    },
    TIMEOUT_MS,
  );

  test(
    "are judged by their own bytes only, and leave sane offsets",
    () => {
      const heads = [new RequestHead(), new RequestHead()] as const;
      check(
        fc.property(mutationsOf(seeds), fc.constantFrom("\r\n", "a", "\0"), (bytes, fence) => {
          const a = fenced(bytes, "\xff");
          const b = fenced(bytes, fence);
          const answers = [
            parseRequestHead(a.buf, a.start, a.end, heads[0]),
            parseRequestHead(b.buf, b.start, b.end, heads[1]),
          ];
          expect(answers[0]! > 0 ? answers[0]! - a.start : answers[0]).toBe(
            answers[1]! > 0 ? answers[1]! - b.start : answers[1]!,
          );
          if (answers[0]! > 0) expectSaneHead(heads[0], a.start, a.end);
          else expect(answers[0] === 0 || (Object.values(PARSE_ERROR) as number[]).includes(answers[0]!)).toBe(true);
        }),
      );
    },
    TIMEOUT_MS,
  );

  test(
    "that are forwarded are read again as the same request, and nothing behind it",
    () => {
      check(
        fc.property(mutationsOf(seeds), (bytes) => {
          const first = reserialise(bytes);
          if (first.kind !== "forwarded") return;
          const text = textOf(first.bytes, 0, first.bytes.length);
          const second = reserialise(text);
          expect(second.kind).toBe("forwarded");
          if (second.kind !== "forwarded") return;
          expect(textOf(second.bytes, 0, second.bytes.length)).toBe(text);
          expect(judgeRequests([text]).requests.length).toBe(1);
          expect(second.request.path).toBe(first.request.path);
          expect(second.request.body).toBe(first.request.body);
        }),
      );
    },
    TIMEOUT_MS,
  );
});

function expectSaneHead(head: RequestHead, start: number, end: number): void {
  expect(head.end).toBeGreaterThan(start);
  expect(head.end).toBeLessThanOrEqual(end);
  expect(
    head.methodStart < head.methodEnd && head.methodEnd < head.targetStart && head.targetStart < head.targetEnd,
  ).toBe(true);
  expect(head.targetStart <= head.pathStart && head.pathStart <= head.pathEnd && head.pathEnd <= head.targetEnd).toBe(
    true,
  );
  expect(head.lines.count).toBeLessThanOrEqual(HEADER_LINES_MAX);
  expect(Number.isSafeInteger(head.contentLength) && head.contentLength >= 0).toBe(true);
  let last = head.targetEnd;
  for (let i = 0; i < head.lines.count; i++) {
    expect(head.lines.nameStart[i]!).toBeGreaterThan(last);
    expect(head.lines.nameEnd[i]!).toBeGreaterThan(head.lines.nameStart[i]!);
    expect(head.lines.valueStart[i]!).toBeGreaterThan(head.lines.nameEnd[i]!);
    expect(head.lines.valueEnd[i]!).toBeGreaterThanOrEqual(head.lines.valueStart[i]!);
    last = head.lines.valueEnd[i]!;
  }
  expect(last).toBeLessThan(head.end);
}

test(
  "mutated responses get one verdict, by their own bytes only, at every cut",
  () => {
    const head = new ResponseHead();
    const methods = fc.nat(METHODS.length - 1);
    check(
      fc.property(
        mutationsOf(responseSeeds),
        methods,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (bytes, m, share) => {
          const a = fenced(bytes, "\xff");
          const b = fenced(bytes, "\r\n");
          const whole = parseResponseHead(a.buf, a.start, a.end, head, m);
          const again = parseResponseHead(b.buf, b.start, b.end, head, m);
          expect(whole > 0 ? whole - a.start : whole).toBe(again > 0 ? again - b.start : again);
          const part = parseResponseHead(a.buf, a.start, a.start + Math.floor(share * bytes.length), head, m);
          if (part !== 0) expect(part).toBe(whole);
        },
      ),
    );
  },
  TIMEOUT_MS,
);

describe("chunked bodies", () => {
  const size = fc.oneof(
    fc.nat(40).map((n) => n.toString(16)),
    fc.constantFrom("0", "00", "5", "A", "0x1", "-1", "1 ", "100000000", "5;a", ""),
  );
  const chunk = fc
    .tuple(size, content, fc.constantFrom("\r\n", "\r\n", "\r\n", "\n", "\r", ""))
    .map(([s, data, end]) => `${s}${end}${data}${end}`);
  const honest = content.map((data) => (data === "" ? "" : `${data.length.toString(16)}\r\n${data}\r\n`));
  const trailer = fc.oneof(
    fc.constant(""),
    fc.constantFrom("X-A: 1\r\n", "A:b\r\nC:d\r\n", "Host: a\r\n", "A : b\r\n", "Cookie: a\r\nB: c\r\n", "A: b\n"),
  );
  const body = fc
    .tuple(
      fc.array(fc.oneof({ weight: 6, arbitrary: honest }, { weight: 1, arbitrary: chunk }), { maxLength: 6 }),
      trailer,
    )
    .map(([chunks, t]) => `${chunks.join("")}0\r\n${t}\r\n`);
  const mutated = fc.tuple(body, fc.array(edit, { maxLength: 2 })).map(([text, edits]) => edited(text, edits));

  test(
    "are decoded as a plain reference decodes them, however they are cut",
    () => {
      const decoder = new ChunkedDecoder();
      check(
        fc.property(fc.oneof(body, mutated), cut, (text, shares) => {
          decoder.reset();
          const seen = { body: "", trailers: "", end: 0, isDone: false, isError: false };
          for (const piece of cutAt(text, shares)) {
            const { buf, start, end } = fenced(piece, "0");
            let at = start;
            while (at < end && !decoder.isDone && !seen.isError) {
              const next = decoder.feed(buf, at, end);
              for (let i = 0; i < decoder.rangeCount; i++)
                seen.body += textOf(buf, decoder.ranges[i * 2]!, decoder.ranges[i * 2 + 1]!);
              if (next < 0) seen.isError = true;
              else {
                seen.end += next - at;
                at = next;
              }
            }
          }
          seen.isDone = decoder.isDone;
          seen.trailers = textOf(decoder.trailerBytes, 0, decoder.trailerLength);
          const reference = referenceChunks(text);
          expect([seen.isDone, seen.isError]).toEqual([reference.outcome === "done", reference.outcome === "error"]);
          if (reference.outcome !== "done") return;
          expect([seen.body, seen.trailers, seen.end]).toEqual([reference.body, reference.trailers, reference.end]);
        }),
      );
    },
    TIMEOUT_MS,
  );
});
