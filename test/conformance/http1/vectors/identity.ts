/**
 * Classes 16 to 18: policy and origin see the same lines, with none dropped, merged or forged on the way
 * (RFC 9110 5.3, 7.6.1; RFC 9112 5). What is listed under `headers` is all that is passed on.
 */
import { accept, get, type RequestVector, refuse, requestVectors } from "../vector.ts";

const SPOOFED = [
  "X-Forwarded-For: 10.0.0.1",
  "x-forwarded-host: admin",
  "X-FORWARDED-PROTO: https",
  "X-Forwarded-Prefix: /admin",
  "X-Forwarded-Client-Cert: By=spiffe://x",
  "X-Selvedge-Principal: root",
  "X-Real-IP: 127.0.0.1",
  "Forwarded: for=127.0.0.1",
];

const CLASS_16: readonly RequestVector[] = requestVectors(16, [
  ["VALUE-TWO-LINES", get("X-Role: user", "X-Role: admin"), accept({ headers: ["x-role: user", "x-role: admin"] })],
  [
    "VALUE-TWO-LINES-BY-CASE",
    get("X-Role: user", "x-rOLE: admin"),
    accept({ headers: ["x-role: user", "x-role: admin"] }),
  ],
  ["VALUE-FIRST-EMPTY", get("X-Role:", "X-Role: admin"), accept({ headers: ["x-role: ", "x-role: admin"] })],
  [
    "VALUE-APART",
    get("X-Role: user", "X-B: 1", "X-Role: admin"),
    accept({ headers: ["x-role: user", "x-b: 1", "x-role: admin"] }),
  ],
  ["VALUE-OBS-TEXT", get("X-Role: adm\xedn", "X-Role: a"), accept({ headers: ["x-role: adm\xedn", "x-role: a"] })],
  [
    "VALUE-OBS-TEXT-SPACE",
    get("X-Role: \xa0admin", "X-Role: b"),
    accept({ headers: ["x-role: \xa0admin", "x-role: b"] }),
  ],
  ["VALUE-COOKIE-CRUMBS", get("Cookie: a=1", "Cookie: a=2"), accept({ headers: ["cookie: a=1", "cookie: a=2"] })],
  [
    "VALUE-TWO-AUTHORIZATIONS",
    get("Authorization: A", "Authorization: B"),
    accept({ headers: ["authorization: A", "authorization: B"] }),
  ],
  ["VALUE-FOLDED-ROLE", get("X-Role: user", " admin"), refuse(400)],
  ["VALUE-HIDDEN-BY-NUL", get("X-Role: user\0admin"), refuse(400)],
]);

const CLASS_17: readonly RequestVector[] = requestVectors(17, [
  ["SMUG-TRANSFER_ENCODING", get("Transfer_Encoding: chunked"), refuse(400)],
  ["HOP-CONTENT_LENGTH", get("Content_Length: 5"), refuse(400)],
  ["HOP-X_FORWARDED_FOR", get("X_Forwarded_For: 10.0.0.1"), refuse(400)],
  ["HOP-X-FORWARDED_FOR", get("X-Forwarded_For: 10.0.0.1"), refuse(400)],
  ["HOP-X_SELVEDGE", get("X_Selvedge_Principal: root"), refuse(400)],
  ["HOP-ANY-UNDERSCORE", get("Remote_User: root"), refuse(400)],
  [
    "HOP-NOMINATES-FORWARDED-FOR",
    get("Connection: X-Forwarded-For", "X-Forwarded-For: 1.2.3.4", "X: 1"),
    accept({ headers: ["x: 1"] }),
  ],
  ["HOP-NOMINATES-HOST", get("Connection: close, Host"), refuse(400)],
  ["HOP-NOMINATES-LENGTH", get("Connection: content-length", "Content-Length: 0"), refuse(400)],
  ["HOP-NOMINATES-CODING", get("Connection: Transfer-Encoding"), refuse(400)],
  ["HOP-NOMINATES-HEADER", get("Connection: X-Role", "X-Role: admin", "X: 1"), accept({ headers: ["x: 1"] })],
  [
    "HOP-NOMINATES-TWICE",
    get("Connection: x-a", "X-A: 1", "X-A: 2", "Connection: X-B", "X-B: 3"),
    accept({ headers: [] }),
  ],
  ["HOP-NOMINATED-BEFORE", get("X-A: 1", "Connection: x-a", "X-AB: 2"), accept({ headers: ["x-ab: 2"] })],
  ["HOP-CONNECTION-GARBAGE", get("Connection: close foo"), refuse(400)],
  ["HOP-CONNECTION-QUOTED", get('Connection: "close"'), refuse(400)],
  [
    "HOP-KEEP-ALIVE",
    get("Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "X: 1"),
    accept({ headers: ["x: 1"] }),
  ],
  ["HOP-PROXY-AUTHORIZATION", get("Proxy-Authorization: Basic eA==", "X: 1"), accept({ headers: ["x: 1"] })],
  ["HOP-CLOSE-HIDES-REST", `${get("Connection: close")}${get()}`, accept({ path: "/", headers: [] }, 1)],
]);

const CLASS_18: readonly RequestVector[] = requestVectors(18, [
  ["SPOOF-ALL", get(...SPOOFED, "X: 1"), accept({ headers: ["x: 1"] })],
  ["SPOOF-XFF", get("x-FORWARDED-for: 10.0.0.1"), accept({ headers: [] })],
  ["SPOOF-XFCC", get("x-forwarded-client-cert: Hash=0"), accept({ headers: [] })],
  ["SPOOF-SELVEDGE-ID", get("X-Selvedge-Id: 0"), accept({ headers: [] })],
  ["SPOOF-SELVEDGE-ANY", get("x-selvedge-anything-new: 0"), accept({ headers: [] })],
  ["SPOOF-NOMINATED-SELVEDGE", get("Connection: X-Selvedge-Id", "X-Selvedge-Id: 0"), accept({ headers: [] })],
  ["SPOOF-SPACE-BEFORE-COLON", get("X-Selvedge-Principal : root"), refuse(400)],
  ["SPOOF-BY-FOLD", get("X-A: 1", " X-Selvedge-Principal: root"), refuse(400)],
  ["SPOOF-BY-BARE-LF", get("X-A: 1\nX-Selvedge-Principal: root"), refuse(400)],
  ["SPOOF-BY-BARE-CR", get("X-A: 1\rX-Selvedge-Principal: root"), refuse(400)],
  ["SPOOF-BY-NUL-NAME", get("X-Selvedge\0-Principal: root"), refuse(400)],
  ["SPOOF-TWICE", get("X-Forwarded-For: 1", "X-Forwarded-For: 2", "Forwarded: for=3"), accept({ headers: [] })],
]);

export const IDENTITY_VECTORS: readonly RequestVector[] = [...CLASS_16, ...CLASS_17, ...CLASS_18];
