import { describe, expect, test } from "bun:test";
import { CHUNK_RANGES_MAX, ChunkedDecoder } from "./chunked.ts";
import { PARSE_ERROR } from "./head.ts";
import { TRAILER_BYTES_MAX } from "./trailer-section.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");

interface Decoded {
  readonly consumed: number;
  readonly body: string;
  readonly trailers: string;
  readonly isDone: boolean;
}

/** Feeds pieces of `step` bytes until the end, an error, or no more input. */
function decode(text: string, step = text.length, chunked = new ChunkedDecoder()): Decoded {
  const buf = encoder.encode(text);
  let body = "";
  let at = 0;
  while (at < buf.length && !chunked.isDone) {
    const end = Math.min(buf.length, at + step);
    while (at < end && !chunked.isDone) {
      const next = chunked.feed(buf, at, end);
      if (next < 0) return { consumed: next, body, trailers: "", isDone: chunked.isDone };
      for (let i = 0; i < chunked.rangeCount; i++) {
        body += decoder.decode(buf.subarray(chunked.ranges[i * 2]!, chunked.ranges[i * 2 + 1]!));
      }
      at = next;
    }
  }
  const trailers = decoder.decode(chunked.trailerBytes.subarray(0, chunked.trailerLength));
  return { consumed: at, body, trailers, isDone: chunked.isDone };
}

describe("a body", () => {
  const text = "5\r\nhello\r\n1\r\n,\r\n0A\r\n0123456789\r\n000\r\nX-Sum: 1\r\nGrpc-Status: 0\r\n\r\n";
  test("is the same however it is cut", () => {
    for (let step = 1; step <= text.length; step++) {
      const decoded = decode(`${text}NEXT`, step);
      expect(decoded).toEqual({
        consumed: text.length,
        body: "hello,0123456789",
        trailers: "X-Sum: 1\r\nGrpc-Status: 0\r\n",
        isDone: true,
      });
    }
  });
  test("leaves nothing for the next one", () => {
    const chunked = new ChunkedDecoder();
    decode(text, 7, chunked);
    chunked.reset();
    expect(decode("1\r\nx\r\n0\r\n\r\n", 3, chunked)).toEqual({ consumed: 11, body: "x", trailers: "", isDone: true });
    expect(chunked.bodyBytes).toBe(1);
  });
  test("with more chunks than ranges is answered in pieces", () => {
    const chunked = new ChunkedDecoder();
    const many = encoder.encode(`${"1\r\nx\r\n".repeat(CHUNK_RANGES_MAX + 3)}0\r\n\r\n`);
    const first = chunked.feed(many, 0, many.length);
    expect([chunked.rangeCount, chunked.isDone, first < many.length]).toEqual([CHUNK_RANGES_MAX, false, true]);
    expect(chunked.feed(many, first, many.length)).toBe(many.length);
    expect([chunked.rangeCount, chunked.isDone, chunked.bodyBytes]).toEqual([3, true, CHUNK_RANGES_MAX + 3]);
  });
  test("of a chunk over 2 GiB is counted without wrapping", () => {
    const chunked = new ChunkedDecoder();
    const head = encoder.encode("FFFFFFFF\r\n");
    chunked.feed(head, 0, head.length);
    const block = new Uint8Array(1 << 20);
    for (let i = 0; i < 4095; i++) chunked.feed(block, 0, block.length);
    expect([chunked.bodyBytes, chunked.isDone]).toEqual([4095 * 2 ** 20, false]);
    expect(chunked.feed(block, 0, block.length)).toBe(PARSE_ERROR.BAD_CHUNK_END);
  });
});

describe("what is refused", () => {
  const cases: readonly (readonly [text: string, error: number])[] = [
    ["\r\n", PARSE_ERROR.BAD_CHUNK_SIZE],
    ["g\r\n", PARSE_ERROR.BAD_CHUNK_SIZE],
    ["0x3\r\n", PARSE_ERROR.BAD_CHUNK_SIZE],
    ["+3\r\n", PARSE_ERROR.BAD_CHUNK_SIZE],
    [" 3\r\n", PARSE_ERROR.BAD_CHUNK_SIZE],
    ["3 \r\n", PARSE_ERROR.BAD_CHUNK_SIZE],
    ["100000000\r\n", PARSE_ERROR.BAD_CHUNK_SIZE],
    ["000000003\r\n", PARSE_ERROR.BAD_CHUNK_SIZE],
    ["3;a=b\r\n", PARSE_ERROR.CHUNK_EXTENSION],
    ["0;\r\n", PARSE_ERROR.CHUNK_EXTENSION],
    ["3\nabc", PARSE_ERROR.BARE_LF],
    ["3\rabc", PARSE_ERROR.BARE_CR],
    ["3\r\nabcd\r\n", PARSE_ERROR.BAD_CHUNK_END],
    ["3\r\nabc\n", PARSE_ERROR.BAD_CHUNK_END],
    ["3\r\nabc\rx", PARSE_ERROR.BAD_CHUNK_END],
    ["0\r\nX: 1\n", PARSE_ERROR.BARE_LF],
    ["0\r\nX: 1\rY", PARSE_ERROR.BARE_CR],
    ["0\r\n\rX", PARSE_ERROR.BARE_CR],
    ["0\r\n\n", PARSE_ERROR.BARE_LF],
    ["0\r\n X: 1\r\n", PARSE_ERROR.OBS_FOLD],
    ["0\r\nX : 1\r\n", PARSE_ERROR.SPACE_BEFORE_COLON],
    ["0\r\n: 1\r\n", PARSE_ERROR.BAD_TRAILER],
    ["0\r\nX\r\n", PARSE_ERROR.BAD_TRAILER],
    ["0\r\nX: \0\r\n", PARSE_ERROR.BAD_TRAILER],
    ["0\r\nX_Y: 1\r\n", PARSE_ERROR.UNDERSCORE_IN_NAME],
    ["0\r\nContent-Length: 1\r\n", PARSE_ERROR.BAD_TRAILER],
    ["0\r\nTransfer-Encoding: chunked\r\n", PARSE_ERROR.BAD_TRAILER],
    ["0\r\nhost: a\r\n", PARSE_ERROR.BAD_TRAILER],
    ["0\r\nX-Forwarded-For: 1\r\n", PARSE_ERROR.BAD_TRAILER],
    ["0\r\nX-Selvedge-Principal: a\r\n", PARSE_ERROR.BAD_TRAILER],
    [`0\r\n${"X: 123456\r\n".repeat(TRAILER_BYTES_MAX / 11 + 1)}`, PARSE_ERROR.TRAILERS_TOO_LARGE],
  ];
  for (const [text, error] of cases) {
    test(JSON.stringify(text.slice(0, 40)), () => {
      for (const step of [1, 2, 3, text.length]) expect(decode(text, step).consumed).toBe(error);
    });
  }
  test("stays refused", () => {
    const chunked = new ChunkedDecoder();
    decode("x", 1, chunked);
    expect(chunked.feed(encoder.encode("0\r\n\r\n"), 0, 5)).toBe(PARSE_ERROR.BAD_CHUNK_SIZE);
  });
});

test("trailers that must not be passed on are dropped, the others kept", () => {
  const decoded = decode(
    "0\r\nA: 1\r\nAuthorization: x\r\nB: 2\r\nSet-Cookie: y\r\nTE: z\r\nTraceparent: t\r\nC: 3\r\n\r\n",
    1,
  );
  expect([decoded.isDone, decoded.trailers]).toEqual([true, "A: 1\r\nB: 2\r\nC: 3\r\n"]);
});
