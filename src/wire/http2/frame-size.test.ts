/** A connection that takes larger frames than every one has to (RFC 9113 4.2, 6.5.2). */
import { describe, expect, test } from "bun:test";
import {
  data,
  FLAG,
  FRAME,
  frame,
  headers,
  POST,
  PREFACE,
  parseFrames,
  SETTING,
  settings,
  settingsAck,
  text,
} from "../../../test/support/http2-frames.ts";
import { Http2Peer } from "../../../test/support/http2-peer.ts";
import { FRAME_BYTES_MAX, TUNNEL_DATA_FRAME_BYTES_MAX } from "./limits.ts";
import { SENT } from "./send.ts";

const OPEN = FLAG.END_HEADERS;
const WINDOW_BYTES = 1024 * 1024;

const large = () =>
  new Http2Peer({
    dataFrameBytesMax: TUNNEL_DATA_FRAME_BYTES_MAX,
    streamWindowBytes: WINDOW_BYTES,
    connectionWindowBytes: WINDOW_BYTES,
  });

describe("a connection that takes larger frames", () => {
  test("says so", () => {
    const peer = large();
    const { bytes, length } = peer.connection.output;
    const first = parseFrames(bytes.subarray(0, length))[0];
    const entries = first?.payload ?? [];
    const at = entries.findIndex((_, i) => i % 6 === 0 && entries[i + 1] === SETTING.MAX_FRAME_SIZE);
    expect(first?.type).toBe(FRAME.SETTINGS);
    expect(entries.slice(at + 2, at + 6)).toEqual([0, 1, 0, 0]);
  });

  test("takes DATA of that size, however it is cut", () => {
    for (const cut of [0, 1, 9, 30_000]) {
      const peer = large()
        .start()
        .feed(headers(1, POST, OPEN));
      const bytes = data(1, TUNNEL_DATA_FRAME_BYTES_MAX);
      peer.feed(bytes.slice(0, cut)).feed(bytes.slice(cut));
      expect(peer.streams.get(1)?.isRemoteEnd).toBe(true);
      expect(peer.connection.phase).not.toBe(3);
    }
  });

  test("refuses DATA that is larger, and others that are larger than everywhere", () => {
    for (const bytes of [
      data(1, TUNNEL_DATA_FRAME_BYTES_MAX + 1),
      frame(FRAME.HEADERS, OPEN, 3, [], FRAME_BYTES_MAX + 1),
      frame(FRAME.SETTINGS, 0, 0, [], FRAME_BYTES_MAX + 2),
      frame(0x20, 0, 0, [], FRAME_BYTES_MAX + 1),
    ]) {
      const peer = large()
        .start()
        .feed(headers(1, POST, OPEN))
        .feed(bytes);
      expect(peer.verdict()).toBe("connection FRAME_SIZE_ERROR");
    }
  });

  test("cuts its own heads for every peer, whatever that takes", () => {
    const peer = large();
    peer.flushOpening();
    peer.feed([...text(PREFACE), ...settings([SETTING.MAX_FRAME_SIZE, 2 ** 20]), ...settingsAck(), ...headers(1)]);
    peer.written.length = 0;
    const line = `x-large: ${"~".repeat(30_000)}\r\n`;
    const head = Uint8Array.from(text(`HTTP/1.1 200 OK\r\n${line}\r\n`));
    expect(peer.connection.sendHead(peer.streams.get(1)!, head, 0, head.length, true, 0)).toBe(SENT.OK);
    peer.flush();
    expect(peer.written.map(({ type }) => type)).toEqual([FRAME.HEADERS, FRAME.CONTINUATION]);
    expect(peer.written[0]?.payload.length).toBe(FRAME_BYTES_MAX);
  });

  test("knows how much of a frame under way is missing", () => {
    const peer = large()
      .start()
      .feed(headers(1, POST, OPEN));
    const stream = peer.streams.get(1)!;
    const bytes = data(1, 1000);
    peer.feed(bytes.slice(0, 109));
    expect([stream.heldBytes, peer.connection.missingBytes(stream)]).toEqual([900, 900]);
    peer.feed(bytes.slice(109));
    expect(peer.connection.missingBytes(stream)).toBe(0);
  });
});
