/** States and numbers of streams (RFC 9113 5). */
import {
  block,
  continuation,
  data,
  FLAG,
  FRAME,
  frame,
  headers,
  POST,
  priority,
  REQUEST,
  reset,
  uint32,
  windowUpdate,
} from "../../../support/http2-frames.ts";
import { type Cases, closed, ENDED, malformed, OPEN, post, protocolError, sizeError } from "./case.ts";

export const STREAM_CASES: Cases = {
  "5.1 stream states, idle": [
    ["DATA", [data(1, "x")], protocolError],
    ["RST_STREAM", [reset(1)], protocolError],
    ["WINDOW_UPDATE", [windowUpdate(1, 100)], protocolError],
    ["CONTINUATION", [continuation(1, block(REQUEST))], protocolError],
    ["PRIORITY is taken", [priority(1), headers(1)], "fine"],
    ["DATA on a stream of the server's", [data(2, "x")], protocolError],
    ["RST_STREAM on a stream of the server's", [reset(2)], protocolError],
    ["WINDOW_UPDATE on a stream of the server's", [windowUpdate(2, 1)], protocolError],
  ],
  "5.1 stream states, half closed": [
    ["DATA", [headers(1), data(1, "x")], "stream 1 STREAM_CLOSED"],
    ["HEADERS", [headers(1), headers(1)], "stream 1 STREAM_CLOSED"],
    ["CONTINUATION", [headers(1), continuation(1, block(REQUEST))], protocolError],
    ["WINDOW_UPDATE is taken", [headers(1), windowUpdate(1, 10)], "fine"],
    ["PRIORITY is taken", [headers(1), priority(1)], "fine"],
    ["RST_STREAM is taken", [headers(1), reset(1)], "fine"],
    ["DATA after trailers", [post(), headers(1, [["x", "1"]]), data(1, "x")], "stream 1 STREAM_CLOSED"],
  ],
  "5.1 stream states, closed by the client's reset": [
    ["DATA", [headers(1, POST, OPEN), reset(1), data(1, "x")], closed],
    ["HEADERS", [headers(1, POST, OPEN), reset(1), headers(1)], closed],
    ["CONTINUATION", [headers(1, POST, OPEN), reset(1), continuation(1, [])], protocolError],
    ["WINDOW_UPDATE is ignored", [headers(1), reset(1), windowUpdate(1, 1)], "fine"],
    ["RST_STREAM is ignored", [headers(1), reset(1), reset(1)], "fine"],
    ["PRIORITY is ignored", [headers(1), reset(1), priority(1)], "fine"],
  ],
  "5.1 stream states, reset by the server": [
    ["DATA is ignored", [post(["te", "gzip"]), data(1, "x", 0), data(1, "y")], malformed],
    ["HEADERS are ignored", [post(["te", "gzip"]), headers(1, [["x", "1"]])], malformed],
    ["WINDOW_UPDATE is ignored", [post(["te", "gzip"]), windowUpdate(1, 5)], malformed],
    ["RST_STREAM is ignored", [post(["te", "gzip"]), reset(1)], malformed],
  ],
  "5.1.1 stream identifiers": [
    ["an even stream", [headers(2)], protocolError],
    ["stream 0", [headers(0)], protocolError],
    ["a stream below one that was opened", [headers(5), headers(3)], protocolError],
    ["a stream below one that was opened, with DATA", [headers(5), data(3, "x")], protocolError],
    ["a stream that was opened and closed", [headers(1, POST, OPEN), reset(1), headers(3), headers(1)], closed],
    ["jumps are allowed", [headers(1), headers(101), headers(2 ** 31 - 1)], "fine"],
  ],
  "5.3 priority": [
    [
      "HEADERS that depend on themselves",
      [frame(FRAME.HEADERS, ENDED | FLAG.PRIORITY, 1, [...uint32(1), 15, ...block(REQUEST)])],
      protocolError,
    ],
    ["PRIORITY that depends on itself", [priority(1, 1)], protocolError],
    [
      "a dependency is ignored",
      [frame(FRAME.HEADERS, ENDED | FLAG.PRIORITY, 1, [...uint32(0x8000_0009), 255, ...block(REQUEST)])],
      "fine",
    ],
    ["a dependency that does not fit", [frame(FRAME.HEADERS, ENDED | FLAG.PRIORITY, 1, [0, 0])], sizeError],
  ],
  "5.4.1 after the end": [["nothing is read after an error", [headers(0), headers(1)], protocolError]],
};
