/** Frames that carry messages: DATA, HEADERS, CONTINUATION (RFC 9113 4, 6.1, 6.2, 6.10). */

import { FRAME_BYTES_MAX } from "../../../../src/wire/http2/limits.ts";
import {
  block,
  continuation,
  data,
  FLAG,
  FRAME,
  frame,
  headers,
  POST,
  REQUEST,
  text,
} from "../../../support/http2-frames.ts";
import { type Cases, ENDED, OPEN, padded, post, protocolError, sizeError } from "./case.ts";

export const FRAMING_CASES: Cases = {
  "4.1 frame format": [
    ["a frame of an unknown type is ignored", [frame(0x16, 0, 0, text("x")), headers(1)], "fine"],
    ["a frame of an unknown type on a stream that is not there is ignored", [frame(0xbe, 0xff, 77, text("x"))], "fine"],
    ["flags that mean nothing are ignored", [frame(FRAME.PING, 0x16, 0, text("12345678"))], "fine"],
    ["the reserved bit is ignored", [frame(FRAME.PING, 0, 0x8000_0000, text("12345678"))], "fine"],
    ["the reserved bit of a stream is ignored", [frame(FRAME.HEADERS, ENDED, 0x8000_0001, block(REQUEST))], "fine"],
  ],
  "4.2 frame size": [
    ["DATA of the largest size is taken", [headers(1, POST, OPEN), data(1, FRAME_BYTES_MAX)], "fine"],
    ["DATA above it is refused", [headers(1, POST, OPEN), data(1, FRAME_BYTES_MAX + 1)], sizeError],
    ["HEADERS above it are refused", [frame(FRAME.HEADERS, ENDED, 1, [], FRAME_BYTES_MAX + 1)], sizeError],
    ["SETTINGS above it are refused", [frame(FRAME.SETTINGS, 0, 0, [], FRAME_BYTES_MAX + 2)], sizeError],
    ["an unknown frame above it is refused", [frame(0x20, 0, 0, [], FRAME_BYTES_MAX + 1)], sizeError],
  ],
  "6.1 DATA": [
    ["on stream 0", [data(0, "x")], protocolError],
    ["with padding", [headers(1, POST, OPEN), padded(FRAME.DATA, 1, 1, 3, [120, 0, 0, 0])], "fine"],
    ["with padding alone", [headers(1, POST, OPEN), padded(FRAME.DATA, 1, 1, 3, [0, 0, 0])], "fine"],
    [
      "with padding longer than itself",
      [headers(1, POST, OPEN), padded(FRAME.DATA, 1, 1, 5, [120, 0, 0, 0])],
      protocolError,
    ],
    ["with padding of its own length", [headers(1, POST, OPEN), padded(FRAME.DATA, 1, 1, 1, [])], protocolError],
    ["without room for the padding's length", [headers(1, POST, OPEN), frame(FRAME.DATA, FLAG.PADDED, 1)], sizeError],
    ["of no bytes that ends the stream", [headers(1, POST, OPEN), data(1, "")], "fine"],
  ],
  "6.2 HEADERS": [
    ["with padding", [padded(FRAME.HEADERS, ENDED, 1, 2, [...block(REQUEST), 0, 0])], "fine"],
    ["with padding longer than itself", [padded(FRAME.HEADERS, ENDED, 1, 200, block(REQUEST))], protocolError],
    ["without room for the padding's length", [frame(FRAME.HEADERS, ENDED | FLAG.PADDED, 1)], sizeError],
    [
      "with padding and priority that do not fit",
      [frame(FRAME.HEADERS, ENDED | FLAG.PADDED | FLAG.PRIORITY, 1, [1, 0, 0, 0])],
      sizeError,
    ],
    [
      "with padding, priority and a list",
      [frame(FRAME.HEADERS, ENDED | FLAG.PADDED | FLAG.PRIORITY, 1, [1, 0, 0, 0, 0, 9, ...block(REQUEST), 0])],
      "fine",
    ],
  ],
  "6.10 CONTINUATION": [
    ["without a block under way", [continuation(1, block(REQUEST))], protocolError],
    ["behind complete HEADERS", [headers(1), continuation(1, [])], protocolError],
    [
      "behind a complete CONTINUATION",
      [frame(FRAME.HEADERS, 1, 1, block(REQUEST)), continuation(1, []), continuation(1, [])],
      protocolError,
    ],
    ["behind DATA", [post(), data(1, "x", 0), continuation(1, [])], protocolError],
    ["on another stream", [frame(FRAME.HEADERS, 1, 1, block(REQUEST)), continuation(3, [])], protocolError],
    ["on stream 0", [frame(FRAME.HEADERS, 1, 1, block(REQUEST)), continuation(0, [])], protocolError],
  ],
};
