/**
 * Class 11: what a careless HTTP/2 (or HTTP/3) front end writes when it turns a hostile message into HTTP/1.1, and
 * HTTP/2 spoken on a connection that is not (RFC 9113 8.2, 10.3; RFC 9112 3, 6).
 */
import { accept, get, head, post, type RequestVector, refuse, requestVectors, SMUGGLED } from "../vector.ts";

export const DOWNGRADE_VECTORS: readonly RequestVector[] = requestVectors(11, [
  ["MAL-H2-PREFACE", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", refuse(505)],
  ["DOWN-H2-PREFACE-WITH-SETTINGS", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", refuse(505)],
  ["DOWN-PSEUDO-AS-HEADER", get(":method: POST"), refuse(400)],
  ["DOWN-PSEUDO-AUTHORITY", head("GET / HTTP/1.1", ":authority: other", "Host: shop"), refuse(400)],
  ["DOWN-PSEUDO-PATH", get(":path: /admin"), refuse(400)],
  ["DOWN-COLON-IN-NAME", get("x:transfer-encoding: chunked"), accept({ headers: ["x: transfer-encoding: chunked"] })],
  ["DOWN-H2-TE", post(["content-length: 5", "transfer-encoding: chunked"], `0\r\n\r\n${SMUGGLED}`), refuse(400)],
  ["DOWN-H2-CL-ZERO", post(["content-length: 0", "content-length: 44"], SMUGGLED), refuse(400)],
  [
    "DOWN-TE-BY-CRLF-IN-VALUE",
    post(["foo: b\r\ntransfer-encoding: chunked", "content-length: 44"], SMUGGLED),
    refuse(400),
  ],
  ["DOWN-TE-BY-LF-IN-VALUE", post(["foo: b\ntransfer-encoding: chunked", "content-length: 44"], SMUGGLED), refuse(400)],
  ["DOWN-TE-BY-CR-IN-VALUE", post(["foo: b\rtransfer-encoding: chunked", "content-length: 44"], SMUGGLED), refuse(400)],
  ["DOWN-HOST-BY-CRLF-IN-NAME", get("foo: b\r\nHost: other"), refuse(400)],
  ["DOWN-METHOD-WITH-LINE", `GET / HTTP/1.1\r\nHost: a\r\nX: / HTTP/1.1\r\nHost: shop\r\n\r\n`, refuse(400)],
  ["DOWN-METHOD-WITH-SPACE", head("GET /admin HTTP/1.1 / HTTP/1.1", "Host: shop"), refuse(400)],
  ["DOWN-PATH-WITH-SPACE", head("GET / HTTP/1.1 X HTTP/1.1", "Host: shop"), refuse(400)],
  ["DOWN-PATH-WITH-LF", head("GET /\nX: HTTP/1.1", "Host: shop"), refuse(400)],
  ["DOWN-PATH-WITH-CR", head("GET /\rX HTTP/1.1", "Host: shop"), refuse(400)],
  ["DOWN-NUL-IN-PATH", head("GET /\0 HTTP/1.1", "Host: shop"), refuse(400)],
  ["DOWN-SCHEME-IN-PATH", head("GET https://shop/ HTTP/1.1", "Host: shop"), refuse(400)],
  ["DOWN-TE-TRAILERS-ALONE", get("te: trailers", "x: 1"), accept({ headers: ["x: 1"] })],
  ["DOWN-BODY-LONGER-THAN-LENGTH", post(["content-length: 1"], `x${SMUGGLED}`), accept({ body: "x" }, 2)],
  ["DOWN-FIN-BEFORE-BODY", `${post(["content-length: 90"], "")}${SMUGGLED}`, { wait: true }],
]);
