/** Class 9, heads: there is one way to tell where a request ends, or there is no request (RFC 9112 6). */
import { accept, get, head, post, type RequestVector, refuse, requestVectors, SMUGGLED, WAIT } from "../vector.ts";

const TE = "Transfer-Encoding: chunked";
const CHUNKS = "5\r\nhello\r\n0\r\n\r\n";
const EMPTY = "0\r\n\r\n";

function coding(value: string, body = CHUNKS): string {
  return post([`Transfer-Encoding:${value}`], body);
}

function length(value: string, body = "hello"): string {
  return post([`Content-Length:${value}`], body);
}

export const FRAMING_VECTORS: readonly RequestVector[] = requestVectors(9, [
  ["SMUG-CL-TE-BOTH", post(["Content-Length: 5", TE], CHUNKS), refuse(400)],
  ["SMUG-TE-CL-BOTH", post([TE, "Content-Length: 5"], CHUNKS), refuse(400)],
  ["SMUG-CLTE-PIPELINE", post(["Content-Length: 4", TE], `${EMPTY}${SMUGGLED}`), refuse(400)],
  ["SMUG-TECL-PIPELINE", post([TE, "Content-Length: 4"], `2c\r\n${SMUGGLED}\r\n${EMPTY}`), refuse(400)],
  ["SMUG-CLTE-CONN-CLOSE", post(["Content-Length: 5", TE, "Connection: close"], CHUNKS), refuse(400)],
  ["SMUG-CLTE-CL-ZERO", post(["Content-Length: 0", TE], CHUNKS), refuse(400)],
  ["SMUG-CLTE-DESYNC", post(["Content-Length: 6", TE], `${EMPTY}X`), refuse(400)],
  ["SMUG-CLTE-SMUGGLED-GET-CL-PLUS", post(["Content-Length: +6", TE], `${EMPTY}${SMUGGLED}`), refuse(400)],
  [
    "SMUG-CLTE-SMUGGLED-GET-TE-CASE-MISMATCH",
    post(["Content-Length: 5", "tRANSFER-eNCODING: Chunked"], EMPTY),
    refuse(400),
  ],
  ["SMUG-DUPLICATE-CL", post(["Content-Length: 5", "Content-Length: 6"], "hello!"), refuse(400)],
  ["SMUG-DUPLICATE-CL-SAME", post(["Content-Length: 5", "Content-Length: 5"], "hello"), refuse(400)],
  ["SMUG-DUPLICATE-CL-SMUGGLED-GET", post(["Content-Length: 0", "content-length: 44"], SMUGGLED), refuse(400)],
  ["SMUG-CL-COMMA-DIFFERENT", length(" 5, 6"), refuse(400)],
  ["SMUG-CL-COMMA-SAME", length(" 5, 5"), refuse(400)],
  ["SMUG-CL-COMMA-TRIPLE", length(" 5,5,5"), refuse(400)],
  ["SMUG-CL-LEADING-ZEROS", length(" 005"), refuse(400)],
  ["SMUG-CL-LEADING-ZEROS-OCTAL", length(" 05"), refuse(400)],
  ["SMUG-CL-DOUBLE-ZERO", length(" 00", ""), refuse(400)],
  ["SMUG-CL-OCTAL", length(" 0o5"), refuse(400)],
  ["SMUG-CL-HEX-PREFIX", length(" 0x5"), refuse(400)],
  ["SMUG-CL-NEGATIVE", length(" -5"), refuse(400)],
  ["SMUG-CL-NEGATIVE-ZERO", length(" -0", ""), refuse(400)],
  ["RFC9112-6.3-CL-PLUS-SIGN", length(" +5"), refuse(400)],
  ["RFC9112-6.3-CL-NON-NUMERIC", length(" abc"), refuse(400)],
  ["SMUG-CL-TRAILING-LETTER", length(" 5a"), refuse(400)],
  ["SMUG-CL-INTERNAL-SPACE", length(" 1 5"), refuse(400)],
  ["SMUG-CL-UNDERSCORE", length(" 1_0"), refuse(400)],
  ["SMUG-CL-DECIMAL", length(" 5.0"), refuse(400)],
  ["SMUG-CL-EXPONENT", length(" 5e0"), refuse(400)],
  ["SMUG-CL-SEMICOLON", length(" 5;"), refuse(400)],
  ["SMUG-CL-QUOTED", length(' "5"'), refuse(400)],
  ["MAL-CL-EMPTY", length("", ""), refuse(400)],
  ["SMUG-CL-ONLY-SPACE", length("   ", ""), refuse(400)],
  ["SMUG-CL-OBS-FOLD", length(" \r\n 5"), refuse(400)],
  ["SMUG-CL-SP-BEFORE-COLON", post(["Content-Length : 5"], "hello"), refuse(400)],
  ["SMUG-TE-SP-BEFORE-COLON", post(["Transfer-Encoding : chunked"], CHUNKS), refuse(400)],
  ["SMUG-TE-TAB-BEFORE-COLON", post(["Transfer-Encoding\t: chunked"], CHUNKS), refuse(400)],
  ["SMUG-TE-EMPTY-VALUE", post(["Transfer-Encoding:", "Content-Length: 5"], "hello"), refuse(400)],
  ["SMUG-TE-EMPTY-ALONE", coding(""), refuse(400)],
  ["SMUG-TE-LEADING-COMMA", coding(" , chunked"), refuse(400)],
  ["SMUG-TE-TRAILING-COMMA", coding(" chunked,"), refuse(400)],
  ["SMUG-TE-DOUBLE-CHUNKED", coding(" chunked, chunked"), refuse(400)],
  ["SMUG-TE-DUPLICATE-HEADERS", post([TE, TE], CHUNKS), refuse(400)],
  ["SMUG-TE-DUPLICATE-IDENTITY", post([TE, "Transfer-Encoding: identity"], CHUNKS), refuse(400)],
  ["SMUG-TE-NOT-FINAL-CHUNKED", coding(" chunked, gzip"), refuse(400)],
  ["SMUG-TE-GZIP-CHUNKED", coding(" gzip, chunked"), refuse(501)],
  ["COMP-UNKNOWN-TE-501", coding(" gzip"), refuse(501)],
  ["SMUG-TE-XCHUNKED", coding(" xchunked"), refuse(501)],
  ["SMUG-TE-XCHUNKED-CL", post(["Transfer-Encoding: xchunked", "Content-Length: 5"], "hello"), refuse(400)],
  ["SMUG-TE-IDENTITY", post(["Transfer-Encoding: identity", "Content-Length: 5"], "hello"), refuse(400)],
  ["SMUG-TE-IDENTITY-ALONE", coding(" identity"), refuse(501)],
  ["SMUG-CHUNKED-WITH-PARAMS", coding(" chunked;q=1"), refuse(400)],
  ["SMUG-TE-QUOTED", coding(' "chunked"'), refuse(400)],
  ["SMUG-TE-INNER-SPACE", coding(" chun ked"), refuse(400)],
  ["SMUG-TE-TWO-WORDS", coding(" chunked identity"), refuse(400)],
  ["SMUG-TE-VTAB", coding(" \x0bchunked"), refuse(400)],
  ["SMUG-TE-FORMFEED", coding(" \x0cchunked"), refuse(400)],
  ["SMUG-TE-NULL", coding(" chunked\0"), refuse(400)],
  ["SMUG-TE-OBS-TEXT-SPACE", coding(" \xa0chunked"), refuse(400)],
  ["SMUG-TE-OBS-FOLD", coding("\r\n chunked"), refuse(400)],
  [
    "SMUG-OPTIONS-TE-OBS-FOLD",
    head("OPTIONS / HTTP/1.1", "Host: shop", "Transfer-Encoding:", "\tchunked") + CHUNKS,
    refuse(400),
  ],
  ["SMUG-TE-HTTP10", head("POST / HTTP/1.0", "Host: shop", TE) + CHUNKS, refuse(400)],
  [
    "SMUG-TE-HTTP10-KEEPALIVE",
    head("POST / HTTP/1.0", "Host: shop", "Connection: keep-alive", TE) + CHUNKS,
    refuse(400),
  ],
  ["SMUG-GET-CL-PREFIX-DESYNC", `${get("Content-Length: 44")}${SMUGGLED}`.slice(0, 90), WAIT],
  [
    "SMUG-GET-CL-BODY-DESYNC",
    get(`Content-Length: ${SMUGGLED.length}`) + SMUGGLED,
    accept({ method: "GET", body: SMUGGLED }),
  ],
  ["SMUG-GET-TE-BODY", get(TE) + CHUNKS, accept({ method: "GET", body: "hello" })],
  [
    "SMUG-HEAD-CL-BODY",
    head("HEAD / HTTP/1.1", "Host: shop", `Content-Length: ${SMUGGLED.length}`) + SMUGGLED,
    accept({ method: "HEAD", body: SMUGGLED }),
  ],
  [
    "SMUG-OPTIONS-CL-BODY-DESYNC",
    head("OPTIONS / HTTP/1.1", "Host: shop", `Content-Length: ${SMUGGLED.length}`) + SMUGGLED,
    accept({ method: "OPTIONS", body: SMUGGLED }),
  ],
  ["SMUG-CL0-BODY-POISON", post(["Content-Length: 0"], "X"), accept({ body: "" }, 1, "wait")],
  ["COMP-POST-NO-CL-NO-TE", post([], "hello\r\n"), accept({ body: "" }, 1, 400)],
  [
    "SMUG-NO-FRAMING-DELETE",
    head("DELETE / HTTP/1.1", "Host: shop") + SMUGGLED,
    accept({ method: "DELETE", body: "" }, 2),
  ],
  ["RFC9112-TRACE-WITH-BODY", `${head("TRACE / HTTP/1.1", "Host: shop", "Content-Length: 5")}hello`, refuse(400)],
]);
