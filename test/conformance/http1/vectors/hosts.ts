/** Class 15: one host, and it is the one that is routed by (RFC 9112 3.2; RFC 9110 7.2; RFC 3986 3.2). */
import { accept, head, type RequestVector, refuse, requestVectors } from "../vector.ts";

function host(...lines: readonly string[]): string {
  return head("GET / HTTP/1.1", ...lines);
}

function absolute(authority: string, ...lines: readonly string[]): string {
  return head(`GET http://${authority}/ HTTP/1.1`, ...lines);
}

export const HOST_VECTORS: readonly RequestVector[] = requestVectors(15, [
  ["RFC9112-7.1-MISSING-HOST", host("X: 1"), refuse(400)],
  ["HOST-MISSING-ABSOLUTE", absolute("shop"), refuse(400)],
  ["RFC9110-5.4-DUPLICATE-HOST", host("Host: shop", "Host: other"), refuse(400)],
  ["COMP-DUPLICATE-HOST-SAME", host("Host: shop", "Host: shop"), refuse(400)],
  ["HOST-DUPLICATE-BY-CASE", host("Host: shop", "X: 1", "hOST: other"), refuse(400)],
  ["SMUG-MULTIPLE-HOST-COMMA", host("Host: shop, other"), refuse(400)],
  ["HOST-COMMA-NO-SPACE", host("Host: shop,other"), refuse(400)],
  ["COMP-HOST-EMPTY-VALUE", host("Host:"), refuse(400)],
  ["HOST-ONLY-SPACE", host("Host:   "), refuse(400)],
  ["COMP-HOST-WITH-USERINFO", host("Host: user@shop"), refuse(400)],
  ["HOST-USERINFO-PASSWORD", host("Host: user:pw@shop"), refuse(400)],
  ["COMP-HOST-WITH-PATH", host("Host: shop/admin"), refuse(400)],
  ["HOST-WITH-QUERY", host("Host: shop?x"), refuse(400)],
  ["HOST-WITH-FRAGMENT", host("Host: shop#x"), refuse(400)],
  ["HOST-WITH-SCHEME", host("Host: http://shop"), refuse(400)],
  ["HOST-WITH-SPACE", host("Host: shop other"), refuse(400)],
  ["HOST-WITH-TAB", host("Host: shop\tother"), refuse(400)],
  ["HOST-PORT-EMPTY", host("Host: shop:"), refuse(400)],
  ["HOST-PORT-LETTERS", host("Host: shop:http"), refuse(400)],
  ["HOST-PORT-ZERO", host("Host: shop:0"), refuse(400)],
  ["HOST-PORT-TOO-LARGE", host("Host: shop:65536"), refuse(400)],
  ["HOST-PORT-SIGNED", host("Host: shop:+80"), refuse(400)],
  ["HOST-PORT-TWICE", host("Host: shop:80:80"), refuse(400)],
  ["HOST-PORT-WRAPS", host("Host: shop:4294967376"), refuse(400)],
  ["HOST-ONLY-PORT", host("Host: :80"), refuse(400)],
  ["HOST-PERCENT", host("Host: %73hop"), refuse(400)],
  ["HOST-NON-ASCII", host("Host: sh\xc3\xb6p"), refuse(400)],
  ["HOST-BACKSLASH", host("Host: shop\\other"), refuse(400)],
  ["HOST-LEADING-DOT", host("Host: .shop"), refuse(400)],
  ["HOST-EMPTY-LABEL", host("Host: shop..prod"), refuse(400)],
  ["HOST-IPV6-UNCLOSED", host("Host: [::1"), refuse(400)],
  ["HOST-IPV6-JUNK", host("Host: [::1]x"), refuse(400)],
  ["HOST-IPV6-ZONE", host("Host: [fe80::1%25eth0]"), refuse(400)],
  ["HOST-IPV6-TWO-GAPS", host("Host: [1::2::3]"), refuse(400)],
  ["HOST-IPV6-TOO-LONG", host("Host: [1:2:3:4:5:6:7:8:9]"), refuse(400)],
  ["HOST-IPV6-BARE", host("Host: ::1"), refuse(400)],
  ["SMUG-ABSOLUTE-URI-HOST-MISMATCH", absolute("other", "Host: shop"), refuse(400)],
  ["HOST-ABSOLUTE-PORT-MISMATCH", absolute("shop:81", "Host: shop"), refuse(400)],
  ["HOST-ABSOLUTE-EMPTY-HOST", absolute("shop", "Host:"), refuse(400)],
  ["HOST-ABSOLUTE-USERINFO", absolute("user@shop", "Host: shop"), refuse(400)],
  ["HOST-ABSOLUTE-USERINFO-IS-HOST", absolute("shop@other", "Host: shop"), refuse(400)],
  ["HOST-ABSOLUTE-NO-AUTHORITY", absolute("", "Host: shop"), refuse(400)],
  ["HOST-ABSOLUTE-OTHER-SCHEME", head("GET ftp://shop/ HTTP/1.1", "Host: shop"), refuse(400)],
  ["HOST-ABSOLUTE-SUFFIX", absolute("shop.evil", "Host: shop"), refuse(400)],
  ["HOST-NETWORK-PATH", head("GET //other/x HTTP/1.1", "Host: shop"), accept({ path: "/other/x", authority: "shop" })],
  ["HOST-ABSOLUTE-CASE", absolute("SHOP", "Host: shop"), accept({ path: "/", authority: "SHOP" })],
  ["HOST-HTTP10-TWO", head("GET / HTTP/1.0", "Host: shop", "Host: other"), refuse(400)],
]);
