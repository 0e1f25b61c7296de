import { describe, expect, test } from "bun:test";
import { BODY, METHOD, NEED_MORE, PARSE_ERROR, ResponseHead } from "./head.ts";
import { parseResponseHead } from "./parse-response.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function parse(
  text: string,
  method: number = METHOD.GET,
  head = new ResponseHead(),
): { offset: number; head: ResponseHead } {
  const buf = encoder.encode(text);
  return { offset: parseResponseHead(buf, 0, buf.length, head, method), head };
}

test("a status line is read with, without and without even the space before its reason", () => {
  for (const [line, reason] of [
    ["HTTP/1.1 200 All good", "All good"],
    ["HTTP/1.1 200 ", ""],
    ["HTTP/1.1 200", ""],
  ] as const) {
    const text = `${line}\r\nContent-Length: 0\r\n\r\n`;
    const { offset, head } = parse(text);
    expect([offset, head.status]).toEqual([text.length, 200]);
    expect(decoder.decode(encoder.encode(text).subarray(head.reasonStart, head.reasonEnd))).toBe(reason);
  }
});

describe("the body", () => {
  const cases: readonly (readonly [name: string, text: string, method: number, body: number, declared: number])[] = [
    ["is as long as the length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", METHOD.GET, BODY.LENGTH, 5],
    ["is chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", METHOD.GET, BODY.CHUNKED, -1],
    ["lasts until the close where nothing tells", "HTTP/1.1 200 OK\r\n\r\n", METHOD.GET, BODY.UNTIL_CLOSE, -1],
    [
      "is not there for HEAD, its length is kept",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
      METHOD.HEAD,
      BODY.NONE,
      5,
    ],
    ["is not there on 304", "HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n", METHOD.GET, BODY.NONE, 5],
    ["is not there on 204", "HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n", METHOD.GET, BODY.NONE, 0],
    ["is a tunnel after CONNECT", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", METHOD.CONNECT, BODY.NONE, -1],
    ["of a refused CONNECT is one", "HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\n", METHOD.CONNECT, BODY.LENGTH, 5],
  ];
  for (const [name, text, method, body, declared] of cases) {
    test(name, () => {
      const { head } = parse(text, method);
      expect([head.body, head.declaredLength]).toEqual([body, declared]);
      expect(head.contentLength).toBe(body === BODY.LENGTH ? declared : 0);
    });
  }
});

test("the connection can be used again unless somebody says no, or the close ends the body", () => {
  const isKept = (text: string): boolean => parse(text).head.isKeepAlive;
  expect(isKept("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")).toBe(true);
  expect(isKept("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n")).toBe(false);
  expect(isKept("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n")).toBe(false);
  expect(isKept("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")).toBe(false);
  expect(isKept("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n")).toBe(true);
});

test("only a 101 that confirms websocket grants an upgrade", () => {
  const line = (text: string): number => parse(text).head.upgradeLine;
  expect(line("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")).toBe(1);
  expect(line("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n")).toBe(-1);
  expect(line("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")).toBe(-1);
  expect(line("HTTP/1.1 200 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")).toBe(-1);
});

test("a name with an underscore is passed on unless it looks like one the proxy acts on", () => {
  const answer = (name: string): number => parse(`HTTP/1.1 200 OK\r\n${name}: 1\r\n\r\n`).offset;
  expect(answer("My_Header")).toBeGreaterThan(0);
  for (const name of ["Content_Length", "transfer_encoding", "X_Selvedge_Id", "X-Forwarded_For", "Keep_Alive"]) {
    expect(answer(name)).toBe(PARSE_ERROR.UNDERSCORE_IN_NAME);
  }
});

test("more is asked for at every cut", () => {
  const text = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: \t y \r\n\r\n";
  for (let cut = 0; cut < text.length; cut++) expect(parse(text.slice(0, cut)).offset).toBe(NEED_MORE);
});
