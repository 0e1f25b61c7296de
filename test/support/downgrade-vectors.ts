/** Requests by HTTP/2 that must not become two requests, or another one, on HTTP/1.1. */
import type { Fields } from "./downgrade.ts";
import { REQUEST } from "./http2-frames.ts";

/** What is to be mistaken for a request of its own. */
export const SMUGGLED = "GET /admin HTTP/1.1\r\nHost: shop\r\n\r\n";

/** A plain request with these behind it. */
export const withFields = (...fields: Fields): Fields => [...REQUEST, ...fields];
/** A plain request with another value of a field. */
export const replaced = (name: string, value: string): Fields =>
  REQUEST.map(([other, old]) => [other, other === name ? value : old]);
/** A request of another method. */
export const methodWith = (method: string, ...fields: Fields): Fields => [
  [":method", method],
  ...REQUEST.slice(1),
  ...fields,
];

/** A request, whether it ends with its head, and what comes of it. */
export type Vector = readonly [name: string, fields: Fields, isEnd: boolean, refusal: string];

/** Requests that must be refused, each with the word of its refusal. */
export const REFUSED: readonly Vector[] = [
  ["transfer-encoding: chunked", withFields(["transfer-encoding", "chunked"]), false, "bad-connection"],
  ["transfer-encoding: identity", withFields(["transfer-encoding", "identity"]), false, "bad-connection"],
  ["transfer-encoding with a tab", withFields(["transfer-encoding", "\tchunked"]), false, "bad-header-value"],
  ["Transfer-Encoding", withFields(["Transfer-Encoding", "chunked"]), false, "bad-header-name"],
  ["transfer-encoding with a space", withFields(["transfer-encoding ", "chunked"]), false, "bad-header-name"],
  ["transfer_encoding", withFields(["transfer_encoding", "chunked"]), false, "underscore-in-name"],
  ["content_length", withFields(["content_length", "0"]), false, "underscore-in-name"],
  ["transfer-encoding inside a value", withFields(["x", "1\r\ntransfer-encoding: chunked"]), false, "bad-header-value"],
  ["transfer-encoding inside a name", withFields(["x: 1\r\ntransfer-encoding", "chunked"]), false, "bad-header-name"],
  [
    "connection naming a header",
    withFields(["connection", "authorization"], ["authorization", "x"]),
    true,
    "bad-connection",
  ],
  ["keep-alive", withFields(["keep-alive", "5"]), true, "bad-connection"],
  ["proxy-connection", withFields(["proxy-connection", "close"]), true, "bad-connection"],
  ["upgrade to h2c", withFields(["upgrade", "h2c"]), true, "bad-connection"],
  ["http2-settings", withFields(["http2-settings", "AAMAAABk"]), true, "bad-connection"],
  ["te: chunked", withFields(["te", "chunked"]), true, "bad-connection"],
  ["te: Trailers", withFields(["te", "Trailers"]), true, "bad-connection"],
  [
    "two lengths that differ",
    withFields(["content-length", "3"], ["content-length", "4"]),
    false,
    "duplicate-content-length",
  ],
  [
    "two lengths that agree",
    withFields(["content-length", "3"], ["content-length", "3"]),
    false,
    "duplicate-content-length",
  ],
  ["a list of lengths", withFields(["content-length", "3, 3"]), false, "bad-content-length"],
  ["a signed length", withFields(["content-length", "+3"]), false, "bad-content-length"],
  ["a negative length", withFields(["content-length", "-1"]), false, "bad-content-length"],
  ["a length in hexadecimal", withFields(["content-length", "0x10"]), false, "bad-content-length"],
  ["a length with a leading zero", withFields(["content-length", "03"]), false, "bad-content-length"],
  ["a length beyond 2^53", withFields(["content-length", "9007199254740993"]), false, "bad-content-length"],
  ["an empty length", withFields(["content-length", ""]), false, "bad-content-length"],
  ["a length with spaces", withFields(["content-length", "3 "]), false, "bad-header-value"],
  ["a length and the end", withFields(["content-length", "3"]), true, "length-mismatch"],
  [
    "a path with a second request line",
    replaced(":path", "/ HTTP/1.1\r\nHost: evil\r\n\r\nGET /admin"),
    true,
    "bad-header-value",
  ],
  ["a path with a space", replaced(":path", "/a HTTP/1.1"), true, "bad-target"],
  ["a path with a tab", replaced(":path", "/a\tb"), true, "bad-target"],
  ["a path with a line feed", replaced(":path", "/a\nb"), true, "bad-header-value"],
  ["a path with NUL", replaced(":path", "/a\0"), true, "bad-header-value"],
  ["a path with a byte above ASCII", replaced(":path", "/\xe4"), true, "bad-target"],
  ["a path with a fragment", replaced(":path", "/a#b"), true, "bad-target"],
  ["a path with a backslash", replaced(":path", "\\admin"), true, "bad-target"],
  ["a path without a slash", replaced(":path", "admin"), true, "bad-target"],
  ["a path in absolute form", replaced(":path", "http://evil/"), true, "bad-target"],
  ["a path that is an authority", replaced(":path", "evil:80"), true, "bad-target"],
  ["a path that is a query", replaced(":path", "?a=b"), true, "bad-target"],
  ["an empty path", replaced(":path", ""), true, "bad-target"],
  ["a path beyond the limit", replaced(":path", `/${"a".repeat(8192)}`), true, "target-too-long"],
  ["a method with a space", methodWith("GET /admin HTTP/1.1\r\nX:"), true, "bad-header-value"],
  ["a method with a target behind it", methodWith("GET /admin"), true, "bad-method"],
  ["an empty method", methodWith(""), true, "bad-method"],
  ["a method with a colon", methodWith("GET:"), true, "bad-method"],
  ["a method beyond the limit", methodWith("A".repeat(33)), true, "bad-method"],
  ["an authority with a line of its own", replaced(":authority", "shop\r\nx: 1"), true, "bad-header-value"],
  ["an authority with a path", replaced(":authority", "shop/admin"), true, "bad-host"],
  ["an authority with a user", replaced(":authority", "a@shop"), true, "bad-host"],
  ["an authority with a space", replaced(":authority", "shop evil"), true, "bad-host"],
  ["an authority that is a list", replaced(":authority", "shop,evil"), true, "bad-host"],
  ["an authority with a port of 0", replaced(":authority", "shop:0"), true, "bad-host"],
  ["an authority with a percent sign", replaced(":authority", "sh%6fp"), true, "bad-host"],
  ["an authority and another host", withFields(["host", "evil"]), true, "host-mismatch"],
  ["an authority and another port", withFields(["host", "shop:8080"]), true, "host-mismatch"],
  ["an authority and two hosts", withFields(["host", "shop"], ["host", "shop"]), true, "duplicate-host"],
  ["an authority and a bad host", withFields(["host", "shop, evil"]), true, "bad-host"],
  ["neither authority nor host", REQUEST.slice(0, 3), true, "missing-host"],
  ["a scheme with a request in it", replaced(":scheme", "http://evil/?"), true, "bad-pseudo-header"],
  ["a scheme of another kind", replaced(":scheme", "file"), true, "bad-pseudo-header"],
  ["an empty name", withFields(["", "x"]), true, "bad-header-name"],
  ["a name that is a colon", withFields([":", "x"]), true, "bad-pseudo-header"],
  ["a name with a colon", withFields(["host:", "evil"]), true, "bad-header-name"],
  ["a name that begins with a space", withFields([" host", "evil"]), true, "bad-header-name"],
  ["a name with a line feed", withFields(["x\nhost", "evil"]), true, "bad-header-name"],
  ["a name in upper case", withFields(["Host", "evil"]), true, "bad-header-name"],
  ["a name with NUL", withFields(["x\0", "1"]), true, "bad-header-name"],
  ["a value with a request in it", withFields(["x", `1\r\n\r\n${SMUGGLED}`]), true, "bad-header-value"],
  ["a value with a bare CR", withFields(["x", "1\rhost: evil"]), true, "bad-header-value"],
  ["a value with a bare LF", withFields(["x", "1\nhost: evil"]), true, "bad-header-value"],
  ["a value with DEL", withFields(["x", "1\x7f"]), true, "bad-header-value"],
  [
    "a cookie crumb with a line of its own",
    withFields(["cookie", "a=1"], ["cookie", "b=2\r\nx: 1"]),
    true,
    "bad-header-value",
  ],
  [
    "a pseudo-header field behind a line",
    [...REQUEST.slice(0, 3), ["x", "1"], [":authority", "shop"]],
    true,
    "bad-pseudo-header",
  ],
  ["two paths", [...REQUEST, [":path", "/admin"]], true, "bad-pseudo-header"],
  ["two methods", [...REQUEST, [":method", "POST"]], true, "bad-pseudo-header"],
  [":status", [...REQUEST, [":status", "200"]], true, "bad-pseudo-header"],
  [":host", [...REQUEST, [":host", "evil"]], true, "bad-pseudo-header"],
  [":protocol with GET", [...REQUEST, [":protocol", "websocket"]], true, "bad-pseudo-header"],
  [
    "CONNECT with a body of a length",
    [
      [":method", "CONNECT"],
      [":authority", "shop:80"],
      ["content-length", "5"],
    ],
    false,
    "body-not-allowed",
  ],
  [
    "CONNECT with a path",
    [
      [":method", "CONNECT"],
      [":authority", "shop:80"],
      [":path", "/"],
    ],
    false,
    "bad-pseudo-header",
  ],
  [
    "CONNECT to a URL",
    [
      [":method", "CONNECT"],
      [":authority", "http://shop:80"],
    ],
    false,
    "bad-target",
  ],
  [
    "CONNECT with another host",
    [
      [":method", "CONNECT"],
      [":authority", "shop:80"],
      ["host", "evil:80"],
    ],
    false,
    "host-mismatch",
  ],
  [
    "a WebSocket with a length",
    [[":method", "CONNECT"], [":protocol", "websocket"], ...REQUEST.slice(1), ["content-length", "5"]],
    false,
    "body-not-allowed",
  ],
  [
    "extended CONNECT for something else",
    [[":method", "CONNECT"], [":protocol", "connect-ip"], ...REQUEST.slice(1)],
    false,
    "bad-upgrade",
  ],
  ["TRACE with content", methodWith("TRACE"), false, "body-not-allowed"],
  ["* with GET", replaced(":path", "*"), true, "bad-target"],
  [
    "** with OPTIONS",
    [
      [":method", "OPTIONS"],
      [":scheme", "http"],
      [":path", "**"],
      [":authority", "shop"],
    ],
    true,
    "bad-target",
  ],
  ["an expectation of something else", withFields(["expect", "200-ok"], ["content-length", "1"]), false, "bad-expect"],
  [
    "more lines than a head has",
    withFields(...Array.from({ length: 129 }, (_, i) => [`x${i}`, "1"] as const)),
    true,
    "head-too-large",
  ],
];
