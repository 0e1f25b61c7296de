/** Requests by HTTP/2 that must not become two requests, or another one, on HTTP/1.1. */
import { describe, expect, test } from "bun:test";
import { downgrade, type Fields } from "../../support/downgrade.ts";
import { methodWith, REFUSED, replaced, withFields } from "../../support/downgrade-vectors.ts";
import { REQUEST } from "../../support/http2-frames.ts";

type Passed = readonly [name: string, fields: Fields, isEnd: boolean, written: string];

const PASSED: readonly Passed[] = [
  ["a plain GET", REQUEST, true, "GET / HTTP/1.1\r\nhost: shop\r\n\r\n"],
  ["a host alone", [...REQUEST.slice(0, 3), ["host", "shop:81"]], true, "GET / HTTP/1.1\r\nhost: shop:81\r\n\r\n"],
  ["an authority and the same host", withFields(["host", "SHOP:80"]), true, "GET / HTTP/1.1\r\nhost: shop\r\n\r\n"],
  [
    "content of a length",
    methodWith("POST", ["content-length", "5"]),
    false,
    "POST / HTTP/1.1\r\nhost: shop\r\ncontent-length: 5\r\n\r\n",
  ],
  [
    "content of no length",
    methodWith("POST"),
    false,
    "POST / HTTP/1.1\r\nhost: shop\r\ntransfer-encoding: chunked\r\n\r\n",
  ],
  [
    "a length of 0",
    methodWith("POST", ["content-length", "0"]),
    true,
    "POST / HTTP/1.1\r\nhost: shop\r\ncontent-length: 0\r\n\r\n",
  ],
  [
    "crumbs of a cookie",
    withFields(["cookie", "a=1"], ["x", "1"], ["cookie", "b=2"]),
    true,
    "GET / HTTP/1.1\r\nhost: shop\r\ncookie: a=1; b=2\r\nx: 1\r\n\r\n",
  ],
  [
    "te: trailers, which is for one hop",
    withFields(["te", "trailers"], ["a", "1"]),
    true,
    "GET / HTTP/1.1\r\nhost: shop\r\na: 1\r\n\r\n",
  ],
  [
    "an expectation",
    methodWith("PUT", ["expect", "100-continue"], ["content-length", "1"]),
    false,
    "PUT / HTTP/1.1\r\nhost: shop\r\ncontent-length: 1\r\nexpect: 100-continue\r\n\r\n",
  ],
  [
    "a query and a path to normalise",
    replaced(":path", "/a/../%41?b=[c]"),
    true,
    "GET /a/../%41?b=[c] HTTP/1.1\r\nhost: shop\r\n\r\n",
  ],
  [
    "OPTIONS of the whole server",
    [
      [":method", "OPTIONS"],
      [":scheme", "https"],
      [":path", "*"],
      [":authority", "shop"],
    ],
    true,
    "OPTIONS * HTTP/1.1\r\nhost: shop\r\n\r\n",
  ],
  [
    "CONNECT",
    [
      [":method", "CONNECT"],
      [":authority", "shop:80"],
    ],
    false,
    "CONNECT shop:80 HTTP/1.1\r\nhost: shop:80\r\n\r\n",
  ],
  [
    "a WebSocket",
    [
      [":method", "CONNECT"],
      [":protocol", "websocket"],
      [":scheme", "http"],
      [":path", "/chat?x"],
      [":authority", "shop"],
      ["sec-websocket-version", "13"],
    ],
    false,
    "GET /chat?x HTTP/1.1\r\nhost: shop\r\nsec-websocket-version: 13\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
  ],
  [
    "bytes above ASCII in a value",
    withFields(["x", "\xe4\x80"]),
    true,
    "GET / HTTP/1.1\r\nhost: shop\r\nx: \xe4\x80\r\n\r\n",
  ],
  ["an address of six", replaced(":authority", "[::1]:80"), true, "GET / HTTP/1.1\r\nhost: [::1]:80\r\n\r\n"],
  ["an unknown method", methodWith("M-SEARCH"), true, "M-SEARCH / HTTP/1.1\r\nhost: shop\r\n\r\n"],
];

describe("refused", () => {
  for (const [name, fields, isEnd, refusal] of REFUSED) {
    test(name, () => expect(downgrade(fields, isEnd)).toBe(refusal));
  }
});

describe("passed on as one request, which the HTTP/1.1 reader takes for the same", () => {
  for (const [name, fields, isEnd, written] of PASSED) {
    test(name, () => expect(downgrade(fields, isEnd)).toBe(written));
  }
});

test("every byte in every place of a request either is refused or stays one request", () => {
  const places: readonly ((text: string) => Fields)[] = [
    (text) => methodWith(`G${text}T`),
    (text) => replaced(":path", `/a${text}b`),
    (text) => replaced(":authority", `a${text}b`),
    (text) => withFields([`a${text}b`, "1"]),
    (text) => withFields(["a", `1${text}2`]),
    (text) => withFields(["a", text]),
    (text) => withFields(["cookie", "a"], ["cookie", text]),
    (text) => replaced(":scheme", `htt${text}p`),
  ];
  let passed = 0;
  for (const place of places) {
    for (let byte = 0; byte < 256; byte++) {
      const written = downgrade(place(String.fromCharCode(byte)), true);
      if (!written.includes(" HTTP/1.1")) continue;
      passed++;
      expect(written.split("\r\n\r\n")).toHaveLength(2);
      expect(written.replaceAll("\r\n", "")).not.toMatch(/[\r\n\0]/);
    }
  }
  expect(passed).toBeGreaterThan(600);
});
