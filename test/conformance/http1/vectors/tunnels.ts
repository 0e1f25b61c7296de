/** Class 12: what opens a tunnel, and what does not (RFC 9110 7.8, 9.3.6; RFC 6455 4.2.1; RFC 9113 3.2). */
import { accept, get, head, type RequestVector, refuse, requestVectors, SMUGGLED } from "../vector.ts";

const UPGRADE = "Connection: Upgrade";
const WEBSOCKET = "Upgrade: websocket";
const HTTP2 = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"];

export const TUNNEL_VECTORS: readonly RequestVector[] = requestVectors(12, [
  ["TUN-H2C", get(...HTTP2), accept({ isUpgrade: false, headers: [] })],
  ["TUN-H2C-SETTINGS-NOT-NOMINATED", get(UPGRADE, ...HTTP2.slice(1)), accept({ isUpgrade: false, headers: [] })],
  ["TUN-H2C-THEN-REQUEST", get(...HTTP2) + SMUGGLED, accept({ isUpgrade: false, headers: [] }, 2)],
  ["TUN-TLS-UPGRADE", get(UPGRADE, "Upgrade: TLS/1.0"), accept({ isUpgrade: false, headers: [] })],
  ["TUN-UNKNOWN-UPGRADE", get(UPGRADE, "Upgrade: foo/2"), accept({ isUpgrade: false, headers: [] })],
  ["TUN-LIST-WITH-H2C", get(UPGRADE, "Upgrade: websocket, h2c"), accept({ isUpgrade: false, headers: [] })],
  ["TUN-TWO-UPGRADE-LINES", get(UPGRADE, WEBSOCKET, "Upgrade: h2c"), accept({ isUpgrade: false, headers: [] })],
  ["TUN-WEBSOCKET-UNCONFIRMED", get(WEBSOCKET, "X: 1"), accept({ isUpgrade: false, headers: ["x: 1"] })],
  ["TUN-WEBSOCKET-CONFIRMED-KEEPALIVE-ONLY", get(WEBSOCKET, "Connection: keep-alive"), accept({ isUpgrade: false })],
  [
    "TUN-WEBSOCKET-ON-POST",
    head("POST / HTTP/1.1", "Host: shop", UPGRADE, WEBSOCKET, "Content-Length: 0"),
    accept({ isUpgrade: false, headers: [] }),
  ],
  [
    "TUN-WEBSOCKET-ON-HTTP10",
    head("GET / HTTP/1.0", "Host: shop", UPGRADE, WEBSOCKET),
    accept({ isUpgrade: false, headers: [] }),
  ],
  ["TUN-WEBSOCKET-LIKE", get(UPGRADE, "Upgrade: websocketx"), accept({ isUpgrade: false, headers: [] })],
  ["TUN-WEBSOCKET-WITH-BODY", `${get(UPGRADE, WEBSOCKET, "Content-Length: 3")}abc`, refuse(400)],
  ["TUN-WEBSOCKET-CHUNKED", `${get(UPGRADE, WEBSOCKET, "Transfer-Encoding: chunked")}0\r\n\r\n`, refuse(400)],
  ["TUN-CONNECTION-UPGRADE-GARBAGE", get("Connection: upgrade;x", WEBSOCKET), refuse(400)],
  ["TUN-EARLY-BYTES", get(UPGRADE, WEBSOCKET) + SMUGGLED, accept({ isUpgrade: true }, 1, "tunnel")],
  ["COMP-METHOD-CONNECT-NO-PORT", head("CONNECT shop HTTP/1.1", "Host: shop"), refuse(400)],
  ["COMP-CONNECT-EMPTY-PORT", head("CONNECT shop: HTTP/1.1", "Host: shop:"), refuse(400)],
  ["COMP-CONNECT-ORIGIN-FORM", head("CONNECT /x HTTP/1.1", "Host: shop"), refuse(400)],
  ["TUN-CONNECT-ABSOLUTE-FORM", head("CONNECT http://shop:80/ HTTP/1.1", "Host: shop:80"), refuse(400)],
  ["TUN-CONNECT-ASTERISK", head("CONNECT * HTTP/1.1", "Host: shop"), refuse(400)],
  ["TUN-CONNECT-PORT-ZERO", head("CONNECT shop:0 HTTP/1.1", "Host: shop:0"), refuse(400)],
  ["TUN-CONNECT-PORT-TOO-LARGE", head("CONNECT shop:65536 HTTP/1.1", "Host: shop:65536"), refuse(400)],
  ["TUN-CONNECT-USERINFO", head("CONNECT user@shop:443 HTTP/1.1", "Host: shop:443"), refuse(400)],
  ["TUN-CONNECT-HOST-MISMATCH", head("CONNECT other:443 HTTP/1.1", "Host: shop:443"), refuse(400)],
  ["TUN-CONNECT-PORT-MISMATCH", head("CONNECT shop:443 HTTP/1.1", "Host: shop:22"), refuse(400)],
  ["TUN-CONNECT-PATH-BEHIND", head("CONNECT shop:443/x HTTP/1.1", "Host: shop:443"), refuse(400)],
  ["TUN-CONNECT-CL", `${head("CONNECT shop:443 HTTP/1.1", "Host: shop:443", "Content-Length: 5")}hello`, refuse(400)],
  [
    "TUN-CONNECT-TE",
    `${head("CONNECT shop:443 HTTP/1.1", "Host: shop:443", "Transfer-Encoding: chunked")}0\r\n\r\n`,
    refuse(400),
  ],
  [
    "TUN-CONNECT-EARLY-BYTES",
    head("CONNECT shop:443 HTTP/1.1", "Host: shop:443") + SMUGGLED,
    accept({ method: "CONNECT", authority: "shop:443" }, 1, "tunnel"),
  ],
  ["TUN-AUTHORITY-FORM-GET", head("GET shop:443 HTTP/1.1", "Host: shop:443"), refuse(400)],
]);
