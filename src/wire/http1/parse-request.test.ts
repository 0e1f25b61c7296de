import { describe, expect, test } from "bun:test";
import { reasonOfParseError } from "./error-status.ts";
import { BODY, FORM, HEADER, METHOD, NEED_MORE, PARSE_ERROR, RequestHead } from "./head.ts";
import { parseRequestHead } from "./parse-request.ts";

const encoder = new TextEncoder();

/** Parses text at an offset, with bytes around it that must never be looked at. */
function parse(
  text: string,
  head = new RequestHead(),
): { offset: number; head: RequestHead; text: (a: number, b: number) => string } {
  const bytes = encoder.encode(text);
  const buf = new Uint8Array(bytes.length + 16).fill(0);
  buf.set(bytes, 7);
  const offset = parseRequestHead(buf, 7, 7 + bytes.length, head);
  return {
    offset: offset > 0 ? offset - 7 : offset,
    head,
    text: (a, b) => new TextDecoder().decode(buf.subarray(a, b)),
  };
}

describe("a plain request", () => {
  test("is indexed by offsets", () => {
    const { offset, head, text } = parse("GET /a/b?c=d HTTP/1.1\r\nHost: shop:80\r\nX-A:  v \r\n\r\nrest");
    expect(offset).toBe(50);
    expect(head.method).toBe(METHOD.GET);
    expect(head.form).toBe(FORM.ORIGIN);
    expect(text(head.targetStart, head.targetEnd)).toBe("/a/b?c=d");
    expect(text(head.pathStart, head.pathEnd)).toBe("/a/b");
    expect(text(head.queryStart, head.queryEnd)).toBe("c=d");
    expect(text(head.authorityStart, head.authorityEnd)).toBe("shop:80");
    expect(head.lines.count).toBe(2);
    expect(text(head.lines.nameStart[1]!, head.lines.nameEnd[1]!)).toBe("X-A");
    expect(text(head.lines.valueStart[1]!, head.lines.valueEnd[1]!)).toBe("v");
    expect([head.body, head.isKeepAlive, head.isPathPlain, head.version]).toEqual([BODY.NONE, true, true, 11]);
  });

  test("tells an empty query from none", () => {
    const empty = parse("GET /? HTTP/1.1\r\nHost: a\r\n\r\n").head;
    expect([empty.queryStart === empty.queryEnd, empty.queryStart > 0]).toEqual([true, true]);
    expect(parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n").head.queryStart).toBe(-1);
  });

  test("leaves nothing of one head in the next", () => {
    const head = new RequestHead();
    parse(
      "GET http://a/%61?q HTTP/1.1\r\nHost: a\r\nConnection: upgrade, x\r\nUpgrade: websocket\r\nX: 1\r\n\r\n",
      head,
    );
    expect(head.upgradeLine).toBe(2);
    expect(head.lines.nominated[3]).toBe(1);
    parse("POST / HTTP/1.0\r\nContent-Length: 7\r\nExpect: 100-continue\r\nD: 2\r\nE: 2\r\n\r\n", head);
    expect([head.upgradeLine, head.lines.nominatedCount, head.lines.nominated[3]]).toEqual([-1, 0, 0]);
    expect([head.isPathPlain, head.queryStart, head.authorityStart, head.authorityEnd]).toEqual([true, -1, 0, 0]);
    expect([head.body, head.contentLength, head.isKeepAlive, head.expectsContinue]).toEqual([
      BODY.LENGTH,
      7,
      false,
      false,
    ]);
    parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n", head);
    expect([head.body, head.contentLength, head.isKeepAlive]).toEqual([BODY.NONE, 0, true]);
    const { lines } = head;
    const positions = [lines.contentLengthLine, lines.expectLine, lines.upgradeLine, lines.connectionLine];
    expect(positions).toEqual([-1, -1, -1, -1]);
  });
});

describe("paths that normalising has to look at", () => {
  const plain = ["/", "/a", "/a/", "/a.b/c..d", "/a;v=1/b", "/~x:@!$&'()*+,="];
  const notPlain = ["//", "/a//b", "/.", "/..", "/a/../b", "/.a", "/%41", "/a%2Fb"];
  for (const path of plain) {
    test(`${path} is plain`, () =>
      expect(parse(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).head.isPathPlain).toBe(true));
  }
  for (const path of notPlain) {
    test(`${path} is not`, () => expect(parse(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).head.isPathPlain).toBe(false));
  }
  test("an absolute target without a path is not", () => {
    const { head } = parse("GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n");
    expect([head.isPathPlain, head.pathEnd - head.pathStart]).toEqual([false, 0]);
  });
});

describe("the end of what is there", () => {
  const text = "\r\nPOST http://a:80/x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX: \t y \r\n\r\n";
  test("asks for more at every cut", () => {
    for (let cut = 0; cut < text.length; cut++) expect(parse(text.slice(0, cut)).offset).toBe(NEED_MORE);
    expect(parse(text).offset).toBe(text.length);
  });
  test("is an error once the head cannot fit any more", () => {
    const long = `GET / HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(40_000)}`;
    expect(parse(long.slice(0, 32 * 1024 - 1)).offset).toBe(NEED_MORE);
    expect(parse(long.slice(0, 32 * 1024)).offset).toBe(PARSE_ERROR.HEAD_TOO_LARGE);
    expect(parse(`${long}\0`).offset).toBe(PARSE_ERROR.HEAD_TOO_LARGE);
  });
});

describe("what Connection nominates", () => {
  test("is marked, except what the mesh owns", () => {
    const names = ["x-a", "x-forwarded-for", "x-selvedge-id", "traceparent", "tracestate", "x-request-id", "origin"];
    const written = names.map((name) => `${name}: 1\r\n`).join("");
    const { head } = parse(`GET / HTTP/1.1\r\nHost: a\r\nConnection: ${names.join(" , ")}\r\n${written}\r\n`);
    expect([...head.lines.nominated.subarray(0, head.lines.count)]).toEqual([0, 0, 1, 0, 0, 0, 0, 0, 1]);
    expect(head.lines.nominatedCount).toBe(2);
  });
  test("is forgotten with the next head, a refused one in between or not", () => {
    const head = new RequestHead();
    const read = (text: string) => parseRequestHead(Buffer.from(text), 0, text.length, head);
    const nominating = "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, y\r\nx: 1\r\ny: 1\r\n\r\n";
    for (const between of ["", nominating.replace("\r\ny: 1", "\r\ny : 1"), nominating.replace("x, y", "x, host")]) {
      expect(read(nominating)).toBeGreaterThan(0);
      expect([...head.lines.nominated.subarray(0, 5)]).toEqual([0, 0, 1, 1, 0]);
      if (between !== "") expect(read(between)).toBeLessThan(0);
      expect(read("GET / HTTP/1.1\r\nHost: a\r\nz: 1\r\nx: 1\r\ny: 1\r\n\r\n")).toBeGreaterThan(0);
      expect([head.lines.nominatedCount, ...head.lines.nominated]).toEqual(new Array(129).fill(0));
    }
  });
});

describe("an error says which", () => {
  const cases: readonly (readonly [lines: string, error: number])[] = [
    [" a: b", PARSE_ERROR.OBS_FOLD],
    ["\ta: b", PARSE_ERROR.OBS_FOLD],
    ["a : b", PARSE_ERROR.SPACE_BEFORE_COLON],
    ["a", PARSE_ERROR.BAD_HEADER_NAME],
    [": b", PARSE_ERROR.BAD_HEADER_NAME],
    ["a: \0", PARSE_ERROR.BAD_HEADER_VALUE],
    ["a: b\rc", PARSE_ERROR.BARE_CR],
    ["a: b\nc: d", PARSE_ERROR.BARE_LF],
    ["a_b: c", PARSE_ERROR.UNDERSCORE_IN_NAME],
    ["Host: a", PARSE_ERROR.DUPLICATE_HOST],
    ["Content-Length: +1", PARSE_ERROR.BAD_CONTENT_LENGTH],
    ["Content-Length: 1\r\nContent-Length: 1", PARSE_ERROR.DUPLICATE_CONTENT_LENGTH],
    ["Content-Length: 1\r\nTransfer-Encoding: chunked", PARSE_ERROR.LENGTH_AND_CHUNKED],
    ["Transfer-Encoding: ,chunked", PARSE_ERROR.BAD_TRANSFER_ENCODING],
    ["Transfer-Encoding: br", PARSE_ERROR.UNKNOWN_TRANSFER_CODING],
    ["Connection: host", PARSE_ERROR.BAD_CONNECTION],
    ["Expect: x", PARSE_ERROR.BAD_EXPECT],
    ["Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1", PARSE_ERROR.BAD_UPGRADE],
  ];
  for (const [lines, error] of cases) {
    test(`${reasonOfParseError(error)} for ${JSON.stringify(lines)}`, () =>
      expect(parse(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n`).offset).toBe(error));
  }
  const firstLines: readonly (readonly [line: string, error: number])[] = [
    ["GET  / HTTP/1.1", PARSE_ERROR.BAD_REQUEST_LINE],
    ["GET /", PARSE_ERROR.BAD_REQUEST_LINE],
    ["G@T / HTTP/1.1", PARSE_ERROR.BAD_METHOD],
    ["GET a HTTP/1.1", PARSE_ERROR.BAD_TARGET],
    ["GET / HTTP/1.x", PARSE_ERROR.BAD_VERSION],
    ["GET / HTTP/2.0", PARSE_ERROR.UNSUPPORTED_VERSION],
    ["GET http://b/ HTTP/1.1", PARSE_ERROR.HOST_MISMATCH],
  ];
  for (const [first, error] of firstLines) {
    test(`${reasonOfParseError(error)} for ${first}`, () =>
      expect(parse(`${first}\r\nHost: a\r\n\r\n`).offset).toBe(error));
  }
});

test("header names are told apart in any case, and only whole", () => {
  const kinds: readonly (readonly [name: string, kind: number])[] = [
    ["CONTENT-type", HEADER.OTHER],
    ["Keep-ALIVE", HEADER.HOP_BY_HOP],
    ["TE", HEADER.HOP_BY_HOP],
    ["t2", HEADER.OTHER],
    ["Proxy-Authorization", HEADER.PROXY_AUTH],
    ["X-Forwarded-For", HEADER.FORWARDED_FOR],
    ["X-Forwarded-Fox", HEADER.MESH_OWNED],
    ["X-Forwarded", HEADER.OTHER],
    ["X-Selvedge-Id", HEADER.MESH_OWNED],
    ["x-selvedgeid", HEADER.OTHER],
    ["Traceparent", HEADER.TRACEPARENT],
    ["Trace-state", HEADER.OTHER],
    ["X-Request-Id", HEADER.REQUEST_ID],
    ["Access-Control-Request-Method", HEADER.ACCESS_CONTROL_REQUEST_METHOD],
    ["access-control-request-methods", HEADER.OTHER],
  ];
  const { head } = parse(`GET / HTTP/1.1\r\nHost: a\r\n${kinds.map(([name]) => `${name}: 1\r\n`).join("")}\r\n`);
  expect([...head.lines.kind.subarray(1, head.lines.count)]).toEqual(kinds.map(([, kind]) => kind));
});
