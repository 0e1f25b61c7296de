/** Frames about streams and the connection (RFC 9113 6.3 to 6.9). */
import {
  data,
  FLAG,
  FRAME,
  frame,
  goAway,
  headers,
  POST,
  ping,
  priority,
  reset,
  SETTING,
  settings,
  settingsAck,
  text,
  uint32,
  windowUpdate,
} from "../../../support/http2-frames.ts";
import { type Cases, flowError, malformed, OPEN, post, protocolError, sizeError } from "./case.ts";

export const CONTROL_CASES: Cases = {
  "6.3 PRIORITY": [
    ["on stream 0", [priority(0)], protocolError],
    [
      "of four bytes on an open stream",
      [headers(1, POST, OPEN), frame(FRAME.PRIORITY, 0, 1, uint32(0))],
      "stream 1 FRAME_SIZE_ERROR",
    ],
    ["of four bytes on no stream", [frame(FRAME.PRIORITY, 0, 1, uint32(0))], sizeError],
  ],
  "6.4 RST_STREAM": [
    ["on stream 0", [reset(0)], protocolError],
    ["of three bytes", [headers(1), frame(FRAME.RST_STREAM, 0, 1, [0, 0, 8])], sizeError],
    ["of five bytes", [headers(1), frame(FRAME.RST_STREAM, 0, 1, [0, 0, 0, 8, 0])], sizeError],
    ["with an unknown code", [headers(1), reset(1, 0xdead)], "fine"],
  ],
  "6.5 SETTINGS": [
    ["with ACK and content", [frame(FRAME.SETTINGS, FLAG.ACK, 0, [0])], sizeError],
    ["with an ACK for nothing", [settingsAck()], protocolError],
    ["on a stream", [frame(FRAME.SETTINGS, 0, 1)], protocolError],
    ["of five bytes", [frame(FRAME.SETTINGS, 0, 0, [0, 3, 0, 0, 0])], sizeError],
    ["with push of 2", [settings([SETTING.ENABLE_PUSH, 2])], protocolError],
    ["with push of 1", [settings([SETTING.ENABLE_PUSH, 1])], "fine"],
    ["with a window of 2^31", [settings([SETTING.INITIAL_WINDOW_SIZE, 2 ** 31])], flowError],
    ["with a window of 2^31 - 1", [settings([SETTING.INITIAL_WINDOW_SIZE, 2 ** 31 - 1]), headers(1)], "fine"],
    ["with frames below the smallest", [settings([SETTING.MAX_FRAME_SIZE, 16_383])], protocolError],
    ["with frames above the largest", [settings([SETTING.MAX_FRAME_SIZE, 16_777_216])], protocolError],
    ["with frames of the largest", [settings([SETTING.MAX_FRAME_SIZE, 16_777_215])], "fine"],
    ["with an unknown setting", [settings([0xabcd, 1])], "fine"],
    [
      "with one setting many times, the last counts",
      [settings([SETTING.INITIAL_WINDOW_SIZE, 0], [SETTING.INITIAL_WINDOW_SIZE, 9])],
      "fine",
    ],
    ["with extended CONNECT of 2", [settings([SETTING.ENABLE_CONNECT_PROTOCOL, 2])], protocolError],
    [
      "with extended CONNECT taken back",
      [settings([SETTING.ENABLE_CONNECT_PROTOCOL, 1]), settings([SETTING.ENABLE_CONNECT_PROTOCOL, 0])],
      protocolError,
    ],
    ["with a table of 4 GB", [settings([SETTING.HEADER_TABLE_SIZE, 0xffff_ffff]), headers(1)], "fine"],
  ],
  "6.6 PUSH_PROMISE": [
    [
      "from a client",
      [headers(1, POST, OPEN), frame(FRAME.PUSH_PROMISE, FLAG.END_HEADERS, 1, uint32(2))],
      protocolError,
    ],
    ["from a client on stream 0", [frame(FRAME.PUSH_PROMISE, FLAG.END_HEADERS, 0, uint32(2))], protocolError],
  ],
  "6.7 PING": [
    ["on a stream", [frame(FRAME.PING, 0, 1, text("12345678"))], protocolError],
    ["of seven bytes", [ping(text("1234567"))], sizeError],
    ["of nine bytes", [ping(text("123456789"))], sizeError],
    ["an answer to a ping that was not sent is not answered", [ping(undefined, FLAG.ACK)], "fine"],
  ],
  "6.8 GOAWAY": [
    ["on a stream", [frame(FRAME.GOAWAY, 0, 1, [...uint32(0), ...uint32(0)])], protocolError],
    ["of seven bytes", [frame(FRAME.GOAWAY, 0, 0, [0, 0, 0, 0, 0, 0, 0])], sizeError],
    ["with words behind it", [frame(FRAME.GOAWAY, 0, 0, [...uint32(0), ...uint32(0), ...text("bye")])], "fine"],
    ["whose last stream grows", [goAway(0), goAway(2)], protocolError],
    ["lets open streams go on", [headers(1, POST, OPEN), goAway(0), data(1, "x")], "fine"],
  ],
  "6.9 WINDOW_UPDATE": [
    ["of 0 on the connection", [windowUpdate(0, 0)], protocolError],
    ["of 0 on a stream", [headers(1), windowUpdate(1, 0)], malformed],
    ["of three bytes", [frame(FRAME.WINDOW_UPDATE, 0, 0, [0, 0, 1])], sizeError],
    ["of five bytes on a stream", [headers(1), frame(FRAME.WINDOW_UPDATE, 0, 1, [0, 0, 0, 1, 0])], sizeError],
    ["beyond the largest window of the connection", [windowUpdate(0, 2 ** 31 - 1)], flowError],
    [
      "beyond the largest window of a stream",
      [headers(1), windowUpdate(1, 2 ** 31 - 1)],
      "stream 1 FLOW_CONTROL_ERROR",
    ],
    [
      "up to the largest window",
      [headers(1), windowUpdate(0, 2 ** 31 - 65_536), windowUpdate(1, 2 ** 31 - 65_536)],
      "fine",
    ],
    [
      "by settings beyond the largest window",
      [headers(1), windowUpdate(1, 2 ** 31 - 65_536), settings([SETTING.INITIAL_WINDOW_SIZE, 65_536])],
      flowError,
    ],
  ],
  "6.9.1 content beyond the window": [
    ["of a stream", [post(), ...Array.from({ length: 4 }, () => data(1, 16_384, 0))], "stream 1 FLOW_CONTROL_ERROR"],
    [
      "of the connection, on streams that nobody reads",
      Array.from({ length: 17 }, (_, i) => [
        ...headers(2 * i + 1, POST, OPEN),
        ...Array.from({ length: 4 }, (__, k) => data(2 * i + 1, k < 3 ? 16_384 : 16_383, 0)).flat(),
      ]),
      flowError,
    ],
  ],
};
