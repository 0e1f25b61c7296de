/** Request lines, and `Expect` (RFC 9112 2.3, 3; RFC 9110 9.1, 10.1.1). */
import { accept, get, head, post, type RequestVector, refuse, requestVectors } from "../vector.ts";

function line(text: string): string {
  return head(text, "Host: shop");
}

export const REQUEST_LINE_VECTORS: readonly RequestVector[] = requestVectors(19, [
  ["RFC9112-2.3-HTTP09-REQUEST", "GET /\r\n", refuse(400)],
  ["LINE-HTTP09-VERSION", line("GET / HTTP/0.9"), refuse(505)],
  ["LINE-HTTP2-VERSION", line("GET / HTTP/2.0"), refuse(505)],
  ["LINE-HTTP3-VERSION", line("GET / HTTP/3.0"), refuse(505)],
  ["RFC9112-2.3-INVALID-VERSION", line("GET / HTTP/9.9"), refuse(505)],
  ["LINE-VERSION-NAME", line("GET / HTTX/1.1"), refuse(400)],
  ["COMP-VERSION-CASE", line("GET / http/1.1"), refuse(400)],
  ["COMP-VERSION-MISSING-MINOR", line("GET / HTTP/1"), refuse(400)],
  ["COMP-VERSION-LEADING-ZEROS", line("GET / HTTP/01.01"), refuse(400)],
  ["COMP-VERSION-WHITESPACE", line("GET / HTTP/ 1.1"), refuse(400)],
  ["LINE-VERSION-TWO-DIGITS", line("GET / HTTP/1.10"), refuse(400)],
  ["LINE-VERSION-COMMA", line("GET / HTTP/1,1"), refuse(400)],
  ["LINE-VERSION-TRAILING-SPACE", line("GET / HTTP/1.1 "), refuse(400)],
  ["LINE-VERSION-TRAILING-TAB", line("GET / HTTP/1.1\t"), refuse(400)],
  ["RFC9112-3-MULTI-SP-REQUEST-LINE", line("GET  / HTTP/1.1"), refuse(400)],
  ["LINE-TWO-SPACES-BEFORE-VERSION", line("GET /  HTTP/1.1"), refuse(400)],
  ["COMP-REQUEST-LINE-TAB", line("GET\t/\tHTTP/1.1"), refuse(400)],
  ["LINE-LEADING-SPACE", line(" GET / HTTP/1.1"), refuse(400)],
  ["RFC9112-3-MISSING-TARGET", line("GET HTTP/1.1"), refuse(400)],
  ["COMP-SPACE-IN-TARGET", line("GET /a b HTTP/1.1"), refuse(400)],
  ["LINE-ONLY-METHOD", line("GET"), refuse(400)],
  ["LINE-EMPTY-METHOD", line(" / HTTP/1.1"), refuse(400)],
  ["LINE-METHOD-BRACES", line("G{E}T / HTTP/1.1"), refuse(400)],
  ["LINE-METHOD-COLON", line("GET: / HTTP/1.1"), refuse(400)],
  ["LINE-METHOD-NON-ASCII", line("G\xcbT / HTTP/1.1"), refuse(400)],
  ["LINE-METHOD-NUL", line("GE\0T / HTTP/1.1"), refuse(400)],
  ["COMP-ASTERISK-WITH-GET", line("GET * HTTP/1.1"), refuse(400)],
  ["LINE-ASTERISK-AND-MORE", line("OPTIONS *x HTTP/1.1"), refuse(400)],
  ["LINE-RELATIVE-TARGET", line("GET admin HTTP/1.1"), refuse(400)],
  ["LINE-QUERY-ONLY", line("GET ?a=b HTTP/1.1"), refuse(400)],
  ["LINE-HEADER-FIRST", head("Host: shop", "GET / HTTP/1.1"), refuse(400)],
  ["COMP-EXPECT-UNKNOWN", get("Expect: 200-ok"), refuse(417)],
  ["LINE-EXPECT-LIST", post(["Content-Length: 2", "Expect: 100-continue, x"], "ab"), refuse(417)],
  ["LINE-EXPECT-SECOND", post(["Content-Length: 2", "Expect: 100-continue", "Expect: x"], "ab"), refuse(417)],
  [
    "LINE-EXPECT-HTTP10",
    `${head("POST / HTTP/1.0", "Content-Length: 2", "Expect: 100-continue")}ab`,
    accept({ expectsContinue: false, body: "ab", headers: [] }),
  ],
  ["SMUG-EXPECT-WITHOUT-BODY", get("Expect: 100-continue"), accept({ expectsContinue: false, headers: [] })],
]);
