/** Class 8: everything has a bound, and what is over it is refused whole, never cut (RFC 9112 2.5, 3, 7.1.1; RFC 6585 5). */
import { accept, chunked, get, head, post, type RequestVector, refuse, requestVectors } from "../vector.ts";

const KIB = 1024;

function lines(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `X-${i}: v`);
}

export const SIZE_VECTORS: readonly RequestVector[] = requestVectors(8, [
  ["MAL-LONG-URL", head(`GET /${"a".repeat(64 * KIB)} HTTP/1.1`, "Host: shop"), refuse(414)],
  ["SIZE-TARGET-ONE-OVER", head(`GET /${"a".repeat(8 * KIB)} HTTP/1.1`, "Host: shop"), refuse(414)],
  ["SIZE-QUERY-TOO-LONG", head(`GET /?${"a".repeat(9 * KIB)} HTTP/1.1`, "Host: shop"), refuse(414)],
  ["SIZE-ABSOLUTE-TOO-LONG", head(`GET http://shop/${"a".repeat(9 * KIB)} HTTP/1.1`, "Host: shop"), refuse(414)],
  ["SIZE-LONG-TARGET-NEVER-ENDS", `GET /${"a".repeat(9 * KIB)}`, refuse(414)],
  ["MAL-LONG-HEADER-NAME", get(`${"a".repeat(64 * KIB)}: v`), refuse(431)],
  ["MAL-LONG-HEADER-VALUE", get(`X-Big: ${"a".repeat(64 * KIB)}`), refuse(431)],
  ["SIZE-VALUE-NEVER-ENDS", `GET / HTTP/1.1\r\nHost: shop\r\nX-Big: ${"a".repeat(33 * KIB)}`, refuse(431)],
  ["SIZE-MANY-MEDIUM-LINES", get(...Array.from({ length: 40 }, (_, i) => `X-${i}: ${"b".repeat(KIB)}`)), refuse(431)],
  ["MAL-MANY-HEADERS", get(...lines(10_000)), refuse(431)],
  ["SIZE-LINES-ONE-OVER", get(...lines(128)), refuse(431)],
  ["SIZE-LAST-LINE-DENIES", get(...lines(127), "X-Deny: 1"), refuse(431)],
  ["MAL-LONG-METHOD", head(`${"A".repeat(16 * KIB)} / HTTP/1.1`, "Host: shop"), refuse(400)],
  ["SIZE-COOKIE-CRUMBS", get(...Array.from({ length: 200 }, () => "Cookie: a=b")), refuse(431)],
  ["MAL-CL-OVERFLOW", post(["Content-Length: 99999999999999999999"], "x"), refuse(400)],
  ["SIZE-CL-WRAPS-64", post(["Content-Length: 18446744073709551617"], "x"), refuse(400)],
  ["SIZE-CL-WRAPS-32", post(["Content-Length: 4294967297"], "x"), { wait: true }],
  ["MAL-CHUNK-SIZE-OVERFLOW", chunked("FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"), refuse(400)],
  ["SIZE-CHUNK-WRAPS-32", chunked("100000005\r\nhello\r\n0\r\n\r\n"), refuse(400)],
  ["SIZE-CHUNK-WRAPS-64", chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"), refuse(400)],
  ["SIZE-CHUNK-ZEROS", chunked(`${"0".repeat(64)}5\r\nhello\r\n0\r\n\r\n`), refuse(400)],
  ["MAL-CHUNK-EXT-64K", chunked(`5;${"a".repeat(64 * KIB)}\r\nhello\r\n0\r\n\r\n`), refuse(400)],
  ["SIZE-TRAILERS-10K", chunked(`0\r\n${"X-T: vvvvvvvvvv\r\n".repeat(700)}\r\n`), refuse(431)],
  ["SIZE-TRAILER-NEVER-ENDS", chunked(`0\r\nX-T: ${"v".repeat(9 * KIB)}`), refuse(431)],
  ["SIZE-HOST-TOO-LONG", head("GET / HTTP/1.1", `Host: ${"a".repeat(300)}`), refuse(400)],
  [
    "SIZE-CONNECTION-OPTIONS",
    get(`Connection: ${Array.from({ length: 40 }, (_, i) => `x${i}`).join(", ")}`),
    refuse(400),
  ],
  ["SIZE-MANY-SMALL-CHUNKS", chunked(`${"1\r\nx\r\n".repeat(500)}0\r\n\r\n`), accept({ body: "x".repeat(500) })],
]);
