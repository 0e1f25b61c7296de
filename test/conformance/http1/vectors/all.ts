/** Every hostile vector, and the honest messages that must get through beside them. */
import {
  accept,
  chunked,
  get,
  head,
  post,
  type RequestVector,
  type ResponseVector,
  requestVectors,
} from "../vector.ts";
import { BYTE_VECTORS } from "./bytes.ts";
import { CHUNK_VECTORS } from "./chunks.ts";
import { DOWNGRADE_VECTORS } from "./downgrade.ts";
import { FRAMING_VECTORS } from "./framing.ts";
import { HOST_VECTORS } from "./hosts.ts";
import { IDENTITY_VECTORS } from "./identity.ts";
import { PATH_VECTORS } from "./paths.ts";
import { REQUEST_LINE_VECTORS } from "./request-line.ts";
import { RESPONSE_VECTORS } from "./responses.ts";
import { SIZE_VECTORS } from "./sizes.ts";
import { SLOW_VECTORS } from "./slow.ts";
import { TUNNEL_VECTORS } from "./tunnels.ts";

export const REQUEST_VECTORS: readonly RequestVector[] = [
  ...SLOW_VECTORS,
  ...SIZE_VECTORS,
  ...FRAMING_VECTORS,
  ...CHUNK_VECTORS,
  ...BYTE_VECTORS,
  ...DOWNGRADE_VECTORS,
  ...TUNNEL_VECTORS,
  ...PATH_VECTORS,
  ...HOST_VECTORS,
  ...IDENTITY_VECTORS,
  ...REQUEST_LINE_VECTORS,
];

export const HOSTILE_RESPONSES: readonly ResponseVector[] = RESPONSE_VECTORS;

/** Honest requests. They do not count as hostile; refusing everything must not pass. */
export const HONEST_REQUESTS: readonly RequestVector[] = requestVectors(19, [
  ["COMP-BASELINE", get(), accept({ method: "GET", path: "/", authority: "shop", body: "" })],
  ["COMP-LEADING-CRLF", `\r\n${get()}`, accept({ path: "/" })],
  ["SMUG-PIPELINE-SAFE", get() + get() + get(), accept({ path: "/" }, 3)],
  ["COMP-POST-CL-BODY", post(["Content-Length: 5"], "hello"), accept({ body: "hello" })],
  ["COMP-POST-CL-ZERO", post(["Content-Length: 0"], ""), accept({ body: "" })],
  ["SMUG-CL-EXTRA-LEADING-SP", post(["Content-Length:   5"], "hello"), accept({ body: "hello" })],
  ["SMUG-CL-TRAILING-SPACE", post(["Content-Length: 5 "], "hello"), accept({ body: "hello" })],
  ["MAL-CL-TAB-BEFORE-VALUE", post(["Content-Length:\t5"], "hello"), accept({ body: "hello" })],
  ["COMP-CHUNKED-BODY", chunked("5\r\nhello\r\n0\r\n\r\n"), accept({ body: "hello" })],
  [
    "COMP-CHUNKED-MULTI",
    chunked("5\r\nhello\r\n1\r\n \r\n00A\r\n0123456789\r\n0\r\n\r\n"),
    accept({ body: "hello 0123456789" }),
  ],
  ["COMP-CHUNKED-EMPTY", chunked("0\r\n\r\n"), accept({ body: "" })],
  ["COMP-CHUNKED-HEX-UPPERCASE", chunked("A\r\n0123456789\r\n0\r\n\r\n"), accept({ body: "0123456789" })],
  ["COMP-CHUNKED-TRAILER-VALID", chunked("0\r\nX-Sum: 1\r\n\r\n"), accept({ trailers: "X-Sum: 1\r\n" })],
  ["SMUG-TE-CASE-MISMATCH", post(["Transfer-Encoding: Chunked"], "1\r\nx\r\n0\r\n\r\n"), accept({ body: "x" })],
  ["SMUG-TE-TRAILING-SPACE", post(["Transfer-Encoding: chunked "], "1\r\nx\r\n0\r\n\r\n"), accept({ body: "x" })],
  ["SMUG-TE-TAB-BEFORE-VALUE", post(["Transfer-Encoding:\tchunked"], "1\r\nx\r\n0\r\n\r\n"), accept({ body: "x" })],
  [
    "SMUG-EXPECT-100-CL",
    post(["Content-Length: 2", "Expect: 100-Continue"], "ab"),
    accept({ expectsContinue: true, body: "ab" }),
  ],
  [
    "COMP-ABSOLUTE-FORM",
    head("GET http://shop/a?b HTTP/1.1", "Host: shop"),
    accept({ authority: "shop", path: "/a", query: "b" }),
  ],
  ["HONEST-ABSOLUTE-PORT-80", head("GET HTTP://shop:80/ HTTP/1.1", "Host: shop"), accept({ authority: "shop:80" })],
  ["COMP-OPTIONS-STAR", head("OPTIONS * HTTP/1.1", "Host: shop"), accept({ method: "OPTIONS", path: "*" })],
  [
    "COMP-METHOD-CONNECT",
    head("CONNECT shop:443 HTTP/1.1", "Host: shop:443"),
    accept({ method: "CONNECT" }, 1, "tunnel"),
  ],
  [
    "HONEST-CONNECT-HOST-WITHOUT-PORT",
    head("CONNECT shop:443 HTTP/1.1", "Host: shop"),
    accept({ authority: "shop:443" }, 1, "tunnel"),
  ],
  [
    "HONEST-WEBSOCKET",
    get("Connection: keep-alive, Upgrade", "Upgrade: WebSocket"),
    accept({ isUpgrade: true }, 1, "tunnel"),
  ],
  ["COMP-HTTP12-VERSION", head("GET / HTTP/1.2", "Host: shop"), accept({ path: "/" })],
  ["COMP-HTTP10-NO-HOST", head("GET / HTTP/1.0"), accept({ authority: "" })],
  ["COMP-UNKNOWN-METHOD", head("FOO / HTTP/1.1", "Host: shop"), accept({ method: "FOO" })],
  ["COMP-METHOD-CASE", head("get / HTTP/1.1", "Host: shop"), accept({ method: "get" })],
  ["HONEST-QUERY-BRACKETS", head("GET /a?b[]=1&c={2}|3 HTTP/1.1", "Host: shop"), accept({ query: "b[]=1&c={2}|3" })],
  ["HONEST-IPV6", head("GET / HTTP/1.1", "Host: [fd00::1]:8080"), accept({ authority: "[fd00::1]:8080" })],
  [
    "HONEST-IPV4-IN-IPV6",
    head("GET / HTTP/1.1", "Host: [::ffff:10.0.0.1]"),
    accept({ authority: "[::ffff:10.0.0.1]" }),
  ],
  ["HONEST-127-LINES", get(...Array.from({ length: 127 }, (_, i) => `X-${i}: v`)), accept({ path: "/" })],
  ["HONEST-TARGET-AT-BOUND", head(`GET /${"a".repeat(8 * 1024 - 1)} HTTP/1.1`, "Host: shop"), accept({ query: "" })],
]);
