import { describe, expect, test } from "bun:test";
import {
  data,
  ERROR_CODE,
  FLAG,
  goAway,
  headers,
  POST,
  ping,
  reset,
  settings,
  settingsAck,
  text,
  uint32,
  windowUpdate,
} from "../../../test/support/http2-frames.ts";
import { Http2Peer } from "../../../test/support/http2-peer.ts";
import { CLIENT_OPTIONS } from "../../../test/support/http2-scratch.ts";
import { METHOD } from "../http1/head.ts";
import { ROLE } from "./connection-state.ts";
import { SENT } from "./send.ts";
import type { Http2Stream } from "./stream.ts";

const OPEN = FLAG.END_HEADERS;
const bytesOf = (value: string) => Uint8Array.from(text(value));

/** A client's side that is up, and a request of it. */
function client(): Http2Peer {
  const peer = new Http2Peer({ role: ROLE.CLIENT });
  peer.flushOpening();
  peer.feed([...settings(), ...settingsAck()]);
  peer.events.length = 0;
  peer.written.length = 0;
  return peer;
}

function request(
  peer: Http2Peer,
  head = "GET /a HTTP/1.1\r\nhost: shop\r\n\r\n",
  isEnd = true,
  method: number = METHOD.GET,
): Http2Stream<undefined> {
  const stream = peer.connection.openStream(method, false, undefined);
  if (stream === undefined) throw new Error("no stream");
  const bytes = bytesOf(head);
  expect(peer.connection.sendHead(stream, bytes, 0, bytes.length, isEnd, 0)).toBe(SENT.OK);
  peer.flush();
  peer.streams.set(stream.id, stream);
  return stream;
}

const answer = (id: number, fields: readonly (readonly [string, string])[] = [], flags = OPEN | FLAG.END_STREAM) =>
  headers(id, [[":status", "200"], ...fields], flags);

describe("a server's stream", () => {
  test("is done when both sides have ended, in either order", () => {
    const peer = new Http2Peer().start().feed([...headers(1), ...headers(3, POST, OPEN)]);
    peer.answer(1);
    peer.answer(3);
    expect(peer.connection.streams.all().map(({ id }) => id)).toEqual([3]);
    peer.feed(data(3, "late"));
    expect(peer.connection.streams.size).toBe(0);
    expect(peer.events).toEqual(["head 1 GET / end", "head 3 POST /", "data 3 4 end"]);
  });
  test("tells content, its end and trailers", () => {
    const peer = new Http2Peer().start();
    peer.feed([
      ...headers(1, POST, OPEN),
      ...data(1, "ab", 0),
      ...data(1, "", 0),
      ...headers(1, [
        ["grpc-status", "0"],
        ["cookie", "dropped"],
        ["via", "kept"],
      ]),
    ]);
    expect(peer.events).toEqual(["head 1 POST /", "data 1 2", "trailers 1 grpc-status: 0\r\nvia: kept"]);
  });
  test("sends interim answers before the final one, and one final one only", () => {
    const peer = new Http2Peer().start().feed(headers(1));
    expect(peer.answer(1, "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", true)).toBe(SENT.BAD_HEAD);
    expect(peer.answer(1, "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", false)).toBe(SENT.OK);
    expect(peer.answer(1, "HTTP/1.1 200 OK\r\n\r\n", false)).toBe(SENT.OK);
    expect(peer.answer(1)).toBe(SENT.OVER);
    expect(peer.frames()).toEqual(["HEADERS 1", "HEADERS 1"]);
  });
  test("sends no content before its head and nothing behind its end", () => {
    const peer = new Http2Peer().start().feed(headers(1, POST, OPEN));
    const stream = peer.streams.get(1)!;
    expect(peer.connection.sendData(stream, bytesOf("x"), 0, 1, true)).toBe(SENT.OVER);
    peer.answer(1);
    expect(peer.connection.sendData(stream, bytesOf("x"), 0, 1, true)).toBe(SENT.OVER);
    expect(peer.connection.sendTrailers(stream, bytesOf("x: 1\r\n\r\n"), 0, 8)).toBe(SENT.OVER);
  });
  test("that is reset by us is told to the peer and forgotten", () => {
    const peer = new Http2Peer().start().feed(headers(1, POST, OPEN));
    peer.connection.resetStream(peer.streams.get(1)!, ERROR_CODE.CANCEL);
    peer.feed([...data(1, "late"), ...reset(1)]);
    expect(peer.events).toEqual(["head 1 POST /"]);
    expect(peer.verdict()).toBe("stream 1 CANCEL");
    expect(peer.connection.receiveWindow + peer.connection.creditBytes).toBe(1024 * 1024);
  });
  test("with a head that HTTP/2 cannot carry sends nothing, and the next head is right", () => {
    const peer = new Http2Peer().start().feed([...headers(1), ...headers(3)]);
    expect(peer.answer(1, "HTTP/1.1 200 OK\r\nx-new: 1\r\nx: a\rb\r\n\r\n")).toBe(SENT.BAD_HEAD);
    expect(peer.answer(1, "HTTP/1.1 101 Switching Protocols\r\n\r\n")).toBe(SENT.BAD_HEAD);
    expect(peer.answer(3, "HTTP/1.1 200 OK\r\nx-new: 1\r\n\r\n")).toBe(SENT.OK);
    expect(peer.frames()).toEqual(["HEADERS 3"]);
  });
  test("for a WebSocket grants it with 200 and carries DATA both ways", () => {
    const peer = new Http2Peer().start();
    peer.feed(
      headers(
        1,
        [
          [":method", "CONNECT"],
          [":protocol", "websocket"],
          [":scheme", "http"],
          [":path", "/chat"],
          [":authority", "shop"],
        ],
        OPEN,
      ),
    );
    expect(peer.events).toEqual(["head 1 GET /chat"]);
    expect(peer.scratch.request.upgradeLine).toBe(0);
    expect(
      peer.answer(
        1,
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: x\r\n\r\n",
        false,
      ),
    ).toBe(SENT.OK);
    expect(peer.written.at(-1)!.payload).toEqual([0x88]);
    peer.feed(data(1, "frame", 0));
    expect(peer.content.get(1)).toBe("frame");
  });
});

describe("windows", () => {
  test("are given back when content was passed on, not before, half a window at a time", () => {
    const peer = new Http2Peer({ connectionWindowBytes: 65_535 }).start();
    peer.creditsAll = false;
    peer.feed(headers(1, POST, OPEN));
    for (let i = 0; i < 3; i++) peer.feed(data(1, 16_384, 0));
    expect(peer.frames()).toEqual([]);
    const stream = peer.streams.get(1)!;
    peer.connection.credit(stream, 30_000);
    peer.flush();
    expect(peer.frames()).toEqual([]);
    peer.connection.credit(stream, 2768);
    peer.flush();
    expect(peer.frames()).toEqual(["WINDOW_UPDATE 1", "WINDOW_UPDATE 0"]);
    expect(peer.written.map((frame) => frame.payload)).toEqual([uint32(32_768), uint32(32_768)]);
  });
  test("of the connection come back for content that nobody will read", () => {
    const peer = new Http2Peer({ connectionWindowBytes: 65_535 }).start();
    peer.creditsAll = false;
    peer.feed([...headers(1, POST, OPEN), ...data(1, 16_384, 0), ...data(1, 16_384, 0), ...data(1, 16_384, 0)]);
    peer.feed(reset(1));
    expect(peer.frames()).toEqual(["WINDOW_UPDATE 0"]);
    expect(peer.connection.receiveWindow).toBe(65_535);
  });
  test("of a finished stream are held until its content was passed on", () => {
    const peer = new Http2Peer({ connectionWindowBytes: 65_535 }).start();
    peer.creditsAll = false;
    peer.feed([...headers(1, POST, OPEN), ...data(1, 16_384, 0), ...data(1, 16_384, 0), ...data(1, 16_384)]);
    peer.answer(1);
    peer.written.length = 0;
    const stream = peer.streams.get(1)!;
    expect([stream.isDead, stream.heldBytes]).toEqual([true, 49_152]);
    peer.connection.credit(stream, 49_152);
    peer.flush();
    expect(peer.frames()).toEqual(["WINDOW_UPDATE 0"]);
  });
  test("hold back what is sent, on the stream and on the connection, and tell when to go on", () => {
    const peer = new Http2Peer().start().feed([...headers(1), ...headers(3)]);
    const content = new Uint8Array(100_000);
    const sendAll = (id: number) => {
      const stream = peer.streams.get(id)!;
      let sent = 0;
      for (let taken = 1; taken > 0; sent += taken)
        taken = peer.connection.sendData(stream, content, sent, content.length, true);
      peer.flush();
      return sent;
    };
    for (const id of [1, 3]) peer.answer(id, "HTTP/1.1 200 OK\r\n\r\n", false);
    expect(sendAll(1)).toBe(65_535);
    expect(sendAll(3)).toBe(0);
    peer.events.length = 0;
    peer.feed(windowUpdate(1, 1000));
    expect(peer.events).toEqual(["writable 1"]);
    expect(sendAll(1)).toBe(0);
    peer.feed(windowUpdate(0, 2000));
    expect(peer.events).toEqual(["writable 1", "writable all"]);
    expect([sendAll(1), sendAll(3)]).toEqual([1000, 1000]);
  });
  test("of less than a peer may assume are refused when the connection is made", () => {
    expect(() => new Http2Peer({ streamWindowBytes: 65_534 })).toThrow(RangeError);
  });
});

describe("a client's connection", () => {
  test("begins with preface, settings without push, and its window", () => {
    const peer = new Http2Peer({ ...CLIENT_OPTIONS });
    expect(peer.flushOpening().map((frame) => frame.type)).toEqual([4, 8]);
    peer.feed(settings());
    expect([peer.events, peer.connection.isUp]).toEqual([["settings"], true]);
  });
  test("reads answers: interim, final, content, trailers", () => {
    const peer = client();
    request(peer);
    peer.feed([
      ...headers(1, [[":status", "103"]], OPEN),
      ...answer(1, [], OPEN),
      ...data(1, "abc", 0),
      ...headers(1, [["x", "1"]]),
    ]);
    expect(peer.events).toEqual(["head 1 103", "head 1 200", "data 1 3", "trailers 1 x: 1"]);
    expect(peer.connection.streams.size).toBe(0);
  });
  test("takes content of a length that does not fit as a broken answer", () => {
    const peer = client();
    request(peer);
    peer.feed([...answer(1, [["content-length", "5"]], OPEN), ...data(1, "abc")]);
    expect(peer.events.at(-1)).toBe("reset 1 PROTOCOL_ERROR local length-mismatch");
  });
  test("takes content of an answer to HEAD as a broken answer, and its length as what it is", () => {
    const peer = client();
    request(peer, "HEAD / HTTP/1.1\r\nhost: shop\r\n\r\n", true, METHOD.HEAD);
    request(peer, "HEAD / HTTP/1.1\r\nhost: shop\r\n\r\n", true, METHOD.HEAD);
    peer.feed(answer(1, [["content-length", "5"]]));
    expect(peer.scratch.response.declaredLength).toBe(5);
    peer.feed([...answer(3, [["content-length", "5"]], OPEN), ...data(3, "abcde")]);
    expect(peer.events).toEqual(["head 1 200 end", "head 3 200", "reset 3 PROTOCOL_ERROR local length-mismatch"]);
  });
  test("refuses malformed answers: no status, a bad one, 101, one about the connection, one of requests", () => {
    for (const fields of [
      [["x", "1"]],
      [[":status", "20"]],
      [[":status", "101"]],
      [[":status", "600"]],
      [
        [":status", "200"],
        ["connection", "close"],
      ],
      [
        [":status", "200"],
        [":path", "/"],
      ],
      [[":status", "103"]],
    ] as const) {
      const peer = client();
      request(peer);
      peer.feed(headers(1, fields));
      expect(peer.verdict()).toBe("stream 1 PROTOCOL_ERROR");
    }
  });
  test("lets interim answers end somewhere", () => {
    const peer = client();
    request(peer);
    for (let i = 0; i < 17; i++) peer.feed(headers(1, [[":status", "103"]], OPEN));
    expect(peer.verdict()).toBe("stream 1 ENHANCE_YOUR_CALM");
  });
  test("refuses streams of the server's and answers to nothing", () => {
    expect(
      client()
        .feed(headers(2, [[":status", "200"]]))
        .verdict(),
    ).toBe("connection PROTOCOL_ERROR");
    expect(client().feed(answer(1)).verdict()).toBe("connection PROTOCOL_ERROR");
    const twice = client();
    request(twice);
    expect(twice.feed([...answer(1), ...answer(1)]).verdict()).toBe("connection STREAM_CLOSED");
  });
  test("opens no more streams than the server allows", () => {
    const peer = client();
    peer.feed(settings([3, 1]));
    request(peer);
    expect(peer.connection.openStream(METHOD.GET, false, undefined)).toBeUndefined();
    peer.feed(answer(1));
    expect(request(peer).id).toBe(3);
  });
  test("asks for a WebSocket only where the server takes them", () => {
    const peer = client();
    expect(peer.connection.openStream(METHOD.GET, true, undefined)).toBeUndefined();
    peer.feed(settings([8, 1]));
    const stream = peer.connection.openStream(METHOD.GET, true, undefined)!;
    const head = bytesOf(
      "GET /chat HTTP/1.1\r\nhost: shop\r\nsec-websocket-key: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    );
    expect(peer.connection.sendHead(stream, head, 0, head.length, false, 0)).toBe(SENT.OK);
    peer.feed(answer(1, [], OPEN));
    expect([peer.scratch.response.status, peer.scratch.response.upgradeLine]).toEqual([101, 0]);
    peer.feed(data(1, "frame", 0));
    expect(peer.content.get(1)).toBe("frame");
  });
  test("tells streams that a GOAWAY left out, so that they can be tried elsewhere, and finishes the others", () => {
    const peer = client();
    for (let i = 0; i < 3; i++) request(peer);
    peer.feed([...goAway(1), ...answer(1)]);
    expect(peer.events).toEqual([
      "goaway 1 NO_ERROR",
      "reset 3 REFUSED_STREAM remote",
      "reset 5 REFUSED_STREAM remote",
      "head 1 200 end",
    ]);
    expect([peer.connection.isDrained, peer.connection.openStream(METHOD.GET, false, undefined)]).toEqual([
      true,
      undefined,
    ]);
  });
  test("forgets a stream that never sent anything without a word", () => {
    const peer = client();
    const stream = peer.connection.openStream(METHOD.GET, false, undefined)!;
    peer.connection.resetStream(stream, ERROR_CODE.CANCEL);
    peer.flush();
    expect([peer.frames(), peer.connection.streams.size]).toEqual([[], 0]);
  });
});

describe("draining a server", () => {
  test("is announced, lets requests under way in, then names the last one", () => {
    const peer = new Http2Peer().start().feed(headers(1));
    peer.connection.drain(false);
    peer.feed(headers(3));
    peer.connection.drain(true);
    peer.feed([...headers(5, POST, OPEN), ...data(5, "ignored")]);
    expect(peer.events).toEqual(["head 1 GET / end", "head 3 GET / end"]);
    expect(peer.written.map((frame) => frame.payload.slice(0, 4))).toEqual([uint32(2 ** 31 - 1), uint32(3)]);
    expect(peer.connection.isDrained).toBe(false);
    peer.answer(1);
    peer.answer(3);
    expect(peer.connection.isDrained).toBe(true);
  });
  test("keeps the header tables in step with requests that are not served", () => {
    const peer = new Http2Peer().start();
    peer.connection.drain(true);
    const entry = [0x40, 1, 120, 1, 49];
    peer.feed([0, 0, entry.length, 1, 5, 0, 0, 0, 1, ...entry]);
    expect(peer.connection.decoder.table.count).toBe(1);
    expect(peer.verdict()).toBe("fine");
  });
});

test("a ping of ours brings its numbers back", () => {
  const peer = new Http2Peer().start();
  peer.connection.ping(7, 0xffff_fffe);
  peer.flush();
  expect(peer.frames()).toEqual(["PING 0"]);
  peer.feed(ping([...uint32(7), ...uint32(0xffff_fffe)], FLAG.ACK));
  expect(peer.events).toEqual(["pong 7 4294967294"]);
});

test("a block larger than a frame leaves in CONTINUATION frames, and another of our connections reads it", () => {
  const server = new Http2Peer().start();
  const peer = client();
  const lines = Array.from({ length: 60 }, (_, i) => `x-${i}: ${"~".repeat(400)}\r\n`).join("");
  request(peer, `GET /large HTTP/1.1\r\nhost: shop\r\n${lines}\r\n`);
  expect(peer.frames()).toEqual(["HEADERS 1", "CONTINUATION 1"]);
  for (const { type, flags, streamId, payload } of peer.written) {
    server.feed([
      (payload.length >> 16) & 255,
      (payload.length >> 8) & 255,
      payload.length & 255,
      type,
      flags,
      ...uint32(streamId),
      ...payload,
    ]);
  }
  expect(server.events).toEqual(["head 1 GET /large end"]);
  expect(server.scratch.request.lines.count).toBe(60);
});

test("a table that the peer made smaller and larger before the first head is told so", () => {
  const peer = new Http2Peer().start().feed([...settings([1, 0], [1, 200]), ...settings([1, 100]), ...headers(1)]);
  peer.answer(1);
  expect(peer.written.at(-1)!.payload).toEqual([0x20, 0x3f, 0x45, 0x88]);
});

test("a head that does not fit the output is tried again after a flush, with the same result", () => {
  const peer = new Http2Peer()
    .start()
    .feed([...settings([4, 2 ** 31 - 1]), ...windowUpdate(0, 2 ** 30), ...headers(1), ...headers(3)]);
  peer.answer(1, "HTTP/1.1 200 OK\r\n\r\n", false);
  const content = new Uint8Array(300_000);
  let sent = 0;
  for (let taken = 1; taken > 0; sent += taken)
    taken = peer.connection.sendData(peer.streams.get(1)!, content, sent, content.length, true);
  expect(sent).toBeGreaterThan(200_000);
  const head = bytesOf("HTTP/1.1 200 OK\r\nx: 1\r\n\r\n");
  expect(peer.connection.sendHead(peer.streams.get(3)!, head, 0, head.length, true, 0)).toBe(SENT.NO_ROOM);
  peer.flush();
  expect(peer.connection.sendHead(peer.streams.get(3)!, head, 0, head.length, true, 0)).toBe(SENT.OK);
});
