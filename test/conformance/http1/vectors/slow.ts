/** Class 7: messages that are not there yet must be waited for, never completed by guessing (RFC 9112 8). */
import { accept, chunked, get, head, post, type RequestVector, refuse, requestVectors, WAIT } from "../vector.ts";

export const SLOW_VECTORS: readonly RequestVector[] = requestVectors(7, [
  ["MAL-EMPTY-REQUEST", "\r\n", WAIT],
  ["SLOW-HALF-METHOD", "GE", WAIT],
  ["SLOW-NO-VERSION-YET", "GET / ", WAIT],
  ["SLOW-LINE-WITHOUT-LF", "GET / HTTP/1.1\r", WAIT],
  ["MAL-INCOMPLETE-REQUEST", "GET / HTTP/1.1\r\nHost: shop\r\nX-Partial: va", WAIT],
  ["SLOW-NO-EMPTY-LINE", "GET / HTTP/1.1\r\nHost: shop\r\n", WAIT],
  ["SLOW-HALF-EMPTY-LINE", "GET / HTTP/1.1\r\nHost: shop\r\n\r", WAIT],
  ["COMP-POST-CL-UNDERSEND", post(["Content-Length: 10"], "short"), WAIT],
  ["MAL-POST-CL-HUGE-NO-BODY", post(["Content-Length: 999999999"], ""), WAIT],
  ["COMP-CHUNKED-NO-FINAL", chunked("5\r\nhello\r\n"), WAIT],
  ["SLOW-CHUNK-SIZE-OPEN", chunked("5"), WAIT],
  ["SLOW-CHUNK-HALF-DATA", chunked("5\r\nhel"), WAIT],
  ["SLOW-LAST-CHUNK-WITHOUT-END", chunked("5\r\nhello\r\n0\r\n"), WAIT],
  ["SLOW-TRAILER-OPEN", chunked("0\r\nX-Sum: 1\r\n"), WAIT],
  ["SLOW-SECOND-UNFINISHED", `${get()}GET /second HT`, accept({ path: "/" }, 1, "wait")],
  ["SLOW-EMPTY-LINES-FOREVER", "\r\n\r\n\r\n\r\n", refuse(400)],
  ["SLOW-BODY-THEN-HALF", post(["Content-Length: 2"], "abP"), accept({ body: "ab" }, 1, "wait")],
  ["SLOW-EXPECT-NO-BODY", head("PUT / HTTP/1.1", "Host: shop", "Content-Length: 5", "Expect: 100-continue"), WAIT],
]);
