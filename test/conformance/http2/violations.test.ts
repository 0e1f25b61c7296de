/**
 * What RFC 9113 and RFC 7541 forbid and what they ask for, case by case, against the server's side of a connection. The
 * topics are those that conformance suites for HTTP/2 look at; the cases were written from the RFCs.
 */
import { describe, expect, test } from "bun:test";
import { FRAME_BYTES_MAX } from "../../../src/wire/http2/limits.ts";
import {
  type Bytes,
  block,
  continuation,
  data,
  ERROR_CODE,
  FLAG,
  FRAME,
  frame,
  goAway,
  headers,
  POST,
  PREFACE,
  ping,
  priority,
  REQUEST,
  reset,
  SETTING,
  settings,
  settingsAck,
  text,
  uint32,
  windowUpdate,
} from "../../support/http2-frames.ts";
import { Http2Peer } from "../../support/http2-peer.ts";

/** `fine`, `connection CODE` or `stream ID CODE`. */
type Case = readonly [name: string, frames: readonly Bytes[], verdict: string];

const OPEN = FLAG.END_HEADERS;
const ENDED = FLAG.END_HEADERS | FLAG.END_STREAM;
const protocolError = "connection PROTOCOL_ERROR";
const sizeError = "connection FRAME_SIZE_ERROR";
const closed = "connection STREAM_CLOSED";
const malformed = "stream 1 PROTOCOL_ERROR";
const compressionError = "connection COMPRESSION_ERROR";
const flowError = "connection FLOW_CONTROL_ERROR";

/** A request with other or more fields. */
const withFields = (...fields: readonly (readonly [string, string])[]) => headers(1, [...REQUEST, ...fields]);
/** A request without one of its pseudo-header fields. */
const without = (name: string) =>
  headers(
    1,
    REQUEST.filter(([other]) => other !== name),
  );
const replaced = (name: string, value: string) =>
  headers(
    1,
    REQUEST.map(([other, old]) => [other, other === name ? value : old]),
  );
const rawBlock = (...bytes: number[]) => frame(FRAME.HEADERS, ENDED, 1, [...block(REQUEST), ...bytes]);
const post = (...fields: readonly (readonly [string, string])[]) => headers(1, [...POST, ...fields], OPEN);
const padded = (type: number, flags: number, id: number, padding: number, payload: Bytes) =>
  frame(type, flags | FLAG.PADDED, id, [padding, ...payload]);

const CASES: Readonly<Record<string, readonly Case[]>> = {
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
  "4.3 header compression": [
    ["a block that is no block", [rawBlock(0xff, 0xff, 0xff, 0xff, 0xff)], compressionError],
    ["a block with an index of nothing", [rawBlock(0xc5)], compressionError],
    [
      "PRIORITY between HEADERS and CONTINUATION",
      [frame(FRAME.HEADERS, 0, 1, block(REQUEST)), priority(1)],
      protocolError,
    ],
    ["HEADERS of another stream between them", [frame(FRAME.HEADERS, 0, 1, block(REQUEST)), headers(3)], protocolError],
    ["DATA between them", [frame(FRAME.HEADERS, 0, 1, block(REQUEST)), data(1, "x")], protocolError],
    ["an unknown frame between them", [frame(FRAME.HEADERS, 0, 1, block(REQUEST)), frame(0x16, 0, 0)], protocolError],
    [
      "a block in three parts",
      [
        frame(FRAME.HEADERS, 1, 1, block(REQUEST).slice(0, 9)),
        continuation(1, block(REQUEST).slice(9, 20), 0),
        continuation(1, block(REQUEST).slice(20)),
      ],
      "fine",
    ],
  ],
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
  "8.1 messages": [
    ["trailers without the end", [post(), headers(1, [["x", "1"]], OPEN)], malformed],
    ["trailers with a pseudo-header field", [post(), headers(1, [[":path", "/"]])], malformed],
    ["trailers", [post(), data(1, "x", 0), headers(1, [["grpc-status", "0"]])], "fine"],
    ["trailers about framing", [post(), headers(1, [["content-length", "5"]])], malformed],
    ["content as long as it says", [post(["content-length", "3"]), data(1, "a", 0), data(1, "bc")], "fine"],
    ["content longer than it says", [post(["content-length", "3"]), data(1, "abcd")], malformed],
    ["content shorter than it says", [post(["content-length", "3"]), data(1, "ab")], malformed],
    [
      "content shorter than it says, with trailers",
      [post(["content-length", "3"]), data(1, "ab", 0), headers(1, [["x", "1"]])],
      malformed,
    ],
    ["no content where it says some", [headers(1, [...POST, ["content-length", "3"]])], malformed],
    ["two lengths", [post(["content-length", "3"], ["content-length", "3"]), data(1, "abc")], malformed],
    ["content of a request that says it has none", [post(["content-length", "0"]), data(1, "a")], malformed],
  ],
  "8.2 fields": [
    ["a name in upper case", [withFields(["X-Test", "1"])], malformed],
    ["an empty name", [withFields(["", "1"])], malformed],
    ["a space in a name", [withFields(["x y", "1"])], malformed],
    ["a control byte in a name", [withFields(["x\x01", "1"])], malformed],
    ["a byte above ASCII in a name", [withFields(["x\xe4", "1"])], malformed],
    ["a colon in a name", [withFields(["x:y", "1"])], malformed],
    ["NUL in a value", [withFields(["x", "a\0b"])], malformed],
    ["CR in a value", [withFields(["x", "a\rb"])], malformed],
    ["LF in a value", [withFields(["x", "a\nb"])], malformed],
    ["a space before a value", [withFields(["x", " a"])], malformed],
    ["a tab behind a value", [withFields(["x", "a\t"])], malformed],
    ["bytes above ASCII in a value", [withFields(["x", "\xe4\xff"])], "fine"],
    ["an empty value", [withFields(["x", ""])], "fine"],
    ["connection", [withFields(["connection", "keep-alive"])], malformed],
    ["keep-alive", [withFields(["keep-alive", "timeout=5"])], malformed],
    ["proxy-connection", [withFields(["proxy-connection", "keep-alive"])], malformed],
    ["transfer-encoding", [withFields(["transfer-encoding", "chunked"])], malformed],
    ["upgrade", [withFields(["upgrade", "h2c"])], malformed],
    ["te: gzip", [withFields(["te", "gzip"])], malformed],
    ["te: trailers, deflate", [withFields(["te", "trailers, deflate"])], malformed],
    ["te: trailers", [withFields(["te", "trailers"])], "fine"],
  ],
  "8.3 pseudo-header fields": [
    ["an unknown one", [headers(1, [...REQUEST, [":test", "1"]])], malformed],
    ["one of answers", [headers(1, [...REQUEST, [":status", "200"]])], malformed],
    [
      "one behind a regular field",
      [headers(1, [...REQUEST.slice(0, 3), ["x", "1"], [":authority", "shop"]])],
      malformed,
    ],
    ["no method", [without(":method")], malformed],
    ["no scheme", [without(":scheme")], malformed],
    ["no path", [without(":path")], malformed],
    ["an empty path", [replaced(":path", "")], malformed],
    ["an empty authority", [replaced(":authority", "")], malformed],
    ["two methods", [headers(1, [[":method", "GET"], ...REQUEST])], malformed],
    ["two schemes", [headers(1, [[":scheme", "http"], ...REQUEST])], malformed],
    ["two paths", [headers(1, [[":path", "/"], ...REQUEST])], malformed],
    ["two authorities", [headers(1, [[":authority", "shop"], ...REQUEST])], malformed],
    ["an authority and another host", [withFields(["host", "other"])], malformed],
    ["an authority and the same host", [withFields(["host", "shop"])], "fine"],
    ["a host alone", [headers(1, [...REQUEST.slice(0, 3), ["host", "shop"]])], "fine"],
    ["neither", [without(":authority")], malformed],
    [
      "* with OPTIONS",
      [
        headers(1, [
          [":method", "OPTIONS"],
          [":scheme", "http"],
          [":path", "*"],
          [":authority", "shop"],
        ]),
      ],
      "fine",
    ],
    ["* with GET", [replaced(":path", "*")], malformed],
  ],
  "8.5 CONNECT": [
    [
      "with an authority",
      [
        headers(
          1,
          [
            [":method", "CONNECT"],
            [":authority", "shop:80"],
          ],
          OPEN,
        ),
        data(1, "x", 0),
      ],
      "fine",
    ],
    ["without one", [headers(1, [[":method", "CONNECT"]], OPEN)], malformed],
    [
      "with a path",
      [
        headers(
          1,
          [
            [":method", "CONNECT"],
            [":authority", "shop:80"],
            [":path", "/"],
          ],
          OPEN,
        ),
      ],
      malformed,
    ],
    [
      "with a scheme",
      [
        headers(
          1,
          [
            [":method", "CONNECT"],
            [":authority", "shop:80"],
            [":scheme", "http"],
          ],
          OPEN,
        ),
      ],
      malformed,
    ],
    [
      "without a port",
      [
        headers(
          1,
          [
            [":method", "CONNECT"],
            [":authority", "shop"],
          ],
          OPEN,
        ),
      ],
      malformed,
    ],
    [
      "with trailers",
      [
        headers(
          1,
          [
            [":method", "CONNECT"],
            [":authority", "shop:80"],
          ],
          OPEN,
        ),
        headers(1, [["x", "1"]]),
      ],
      malformed,
    ],
    [
      "with content-length",
      [
        headers(
          1,
          [
            [":method", "CONNECT"],
            [":authority", "shop:80"],
            ["content-length", "3"],
          ],
          OPEN,
        ),
      ],
      malformed,
    ],
    [
      "extended (RFC 8441)",
      [headers(1, [[":method", "CONNECT"], [":protocol", "websocket"], ...REQUEST.slice(1)], OPEN)],
      "fine",
    ],
    [
      "extended, without a path",
      [
        headers(
          1,
          [
            [":method", "CONNECT"],
            [":protocol", "websocket"],
            [":scheme", "http"],
            [":authority", "shop"],
          ],
          OPEN,
        ),
      ],
      malformed,
    ],
    [
      "extended, for another protocol",
      [headers(1, [[":method", "CONNECT"], [":protocol", "connect-udp"], ...REQUEST.slice(1)], OPEN)],
      malformed,
    ],
    [":protocol with GET", [headers(1, [[":protocol", "websocket"], ...REQUEST])], malformed],
  ],
  "RFC 7541 2.3.3 index": [
    ["behind both tables", [rawBlock(0xff, 0x00)], compressionError],
    ["of a name behind both tables", [rawBlock(0x7f, 0x20, 0x01, 0x61)], compressionError],
    ["of 0", [rawBlock(0x80)], compressionError],
  ],
  "RFC 7541 4.2 table size": [
    ["changed in the middle of a block", [rawBlock(0x20)], compressionError],
    ["changed at the end of a block", [rawBlock(0x82, 0x20)], compressionError],
    ["changed twice at its start", [frame(FRAME.HEADERS, ENDED, 1, [0x20, 0x3f, 0x45, ...block(REQUEST)])], "fine"],
    ["changed three times", [frame(FRAME.HEADERS, ENDED, 1, [0x20, 0x20, 0x20, ...block(REQUEST)])], compressionError],
  ],
  "RFC 7541 5.2 strings": [
    ["longer than the block", [rawBlock(0x00, 0x7f, 0x10, 0x61)], compressionError],
    ["with the end-of-string symbol", [rawBlock(0x00, 0x01, 0x61, 0x84, 0xff, 0xff, 0xff, 0xff)], compressionError],
    ["padded with more than seven bits", [rawBlock(0x00, 0x01, 0x61, 0x83, 0x1c, 0x64, 0xff)], compressionError],
    ["padded with zeros", [rawBlock(0x00, 0x01, 0x61, 0x81, 0x18)], compressionError],
  ],
  "RFC 7541 6.1 and 6.3": [
    [
      "a table above what was announced",
      [frame(FRAME.HEADERS, ENDED, 1, [0x3f, 0xe2, 0x1f, ...block(REQUEST)])],
      compressionError,
    ],
    ["a table of what was announced", [frame(FRAME.HEADERS, ENDED, 1, [0x3f, 0xe1, 0x1f, ...block(REQUEST)])], "fine"],
    ["an integer without end", [rawBlock(0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)], compressionError],
  ],
};

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
