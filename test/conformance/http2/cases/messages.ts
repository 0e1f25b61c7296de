/** Heads, content and trailers (RFC 9113 8). */
import { data, headers, POST, REQUEST } from "../../../support/http2-frames.ts";
import { type Cases, malformed, OPEN, post, replaced, withFields, without } from "./case.ts";

export const MESSAGE_CASES: Cases = {
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
};
