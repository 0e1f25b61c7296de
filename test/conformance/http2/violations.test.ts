/**
 * What RFC 9113 and RFC 7541 forbid and what they ask for, case by case, against the server's side of a connection. The
 * topics are those that conformance suites for HTTP/2 look at; the cases were written from the RFCs.
 */

import { describe, expect, test } from "bun:test";
import {
  ERROR_CODE,
  FLAG,
  FRAME,
  headers,
  POST,
  PREFACE,
  ping,
  reset,
  SETTING,
  settings,
  settingsAck,
  text,
  uint32,
  windowUpdate,
} from "../../support/http2-frames.ts";
import { Http2Peer } from "../../support/http2-peer.ts";
import { type Cases, OPEN, protocolError } from "./cases/case.ts";
import { COMPRESSION_CASES } from "./cases/compression.ts";
import { CONTROL_CASES } from "./cases/control-frames.ts";
import { FRAMING_CASES } from "./cases/framing.ts";
import { MESSAGE_CASES } from "./cases/messages.ts";
import { STREAM_CASES } from "./cases/streams.ts";

const CASES: Cases = { ...FRAMING_CASES, ...STREAM_CASES, ...CONTROL_CASES, ...MESSAGE_CASES, ...COMPRESSION_CASES };

for (const [section, cases] of Object.entries(CASES)) {
  describe(section, () => {
    for (const [name, frames, verdict] of cases) {
      test(name, () => {
        const peer = new Http2Peer().start();
        peer.creditsAll = section !== "6.9.1 content beyond the window";
        for (const bytes of frames) peer.feed(bytes);
        expect(peer.verdict()).toBe(verdict);
      });
    }
  });
}

test("there are as many cases as there ought to be", () => {
  expect(Object.values(CASES).flat().length).toBeGreaterThanOrEqual(146);
});

describe("3.4 preface", () => {
  test("settings come first on both sides", () => {
    const peer = new Http2Peer();
    expect(peer.flushOpening()[0]!.type).toBe(FRAME.SETTINGS);
    expect(peer.feed([...text(PREFACE), ...settings()]).events).toEqual(["settings"]);
  });
  test("anything else is refused at its first wrong byte", () => {
    for (const bytes of ["GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", "X"]) {
      const peer = new Http2Peer();
      peer.flushOpening();
      expect(peer.feed(text(bytes)).verdict()).toBe(protocolError);
    }
  });
  test("a frame before settings is refused", () => {
    for (const first of [ping(), headers(1), settingsAck(), windowUpdate(0, 1)]) {
      const peer = new Http2Peer();
      peer.flushOpening();
      expect(peer.feed([...text(PREFACE), ...first]).verdict()).toBe(protocolError);
    }
  });
});

describe("what is asked for, not forbidden", () => {
  test("settings are acknowledged, pings are answered with their own bytes", () => {
    const peer = new Http2Peer().start().feed([...settings(), ...ping(text("abcdefgh"))]);
    expect(peer.frames()).toEqual(["SETTINGS 0", "PING 0"]);
    expect(peer.written[1]).toMatchObject({ flags: FLAG.ACK, payload: text("abcdefgh") });
  });
  test("a stream above the limit is refused, and can be tried again", () => {
    const peer = new Http2Peer({ streamsMax: 2 }).start();
    for (const id of [1, 3, 5]) peer.feed(headers(id, POST, OPEN));
    expect(peer.verdict()).toBe("stream 5 REFUSED_STREAM");
    peer.feed([...reset(1), ...headers(7)]);
    expect(peer.events.at(-1)).toBe("head 7 GET / end");
  });
  test("GOAWAY tells the last stream that was looked at", () => {
    const peer = new Http2Peer().start().feed([...headers(1), ...headers(7), ...headers(0)]);
    expect(peer.written.at(-1)).toMatchObject({
      type: FRAME.GOAWAY,
      payload: [...uint32(7), ...uint32(ERROR_CODE.PROTOCOL_ERROR)],
    });
  });
  test("a window given by settings holds for streams that are open, negative too", () => {
    const peer = new Http2Peer().start();
    peer.feed(headers(1));
    peer.answer(1, "HTTP/1.1 200 OK\r\n\r\n", false);
    const stream = peer.streams.get(1)!;
    const content = new Uint8Array(100);
    expect(peer.connection.sendData(stream, content, 0, 60, false)).toBe(60);
    peer.feed(settings([SETTING.INITIAL_WINDOW_SIZE, 10]));
    expect(stream.sendWindow).toBe(-50);
    expect(peer.connection.sendData(stream, content, 60, 100, true)).toBe(0);
    peer.feed(windowUpdate(1, 50));
    expect(peer.connection.sendData(stream, content, 60, 100, true)).toBe(0);
    peer.feed(windowUpdate(1, 1));
    expect(peer.events.at(-1)).toBe("writable 1");
    expect(peer.connection.sendData(stream, content, 60, 100, true)).toBe(1);
  });
  test("a window of one byte is used byte by byte", () => {
    const peer = new Http2Peer().start().feed([...settings([SETTING.INITIAL_WINDOW_SIZE, 1]), ...headers(1)]);
    peer.answer(1, "HTTP/1.1 200 OK\r\n\r\n", false);
    const stream = peer.streams.get(1)!;
    const content = Uint8Array.from(text("abc"));
    for (let sent = 0; sent < 3; sent++) {
      expect(peer.connection.sendData(stream, content, sent, 3, true)).toBe(1);
      peer.feed(windowUpdate(1, 1));
    }
    expect(stream.isLocalEnd).toBe(true);
    expect(peer.frames().filter((name) => name === "DATA 1")).toHaveLength(3);
  });
});
