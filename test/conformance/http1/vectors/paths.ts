/** Class 14: one path is routed, authorised and forwarded (RFC 3986 3.3, 6.2.2; RFC 9112 3.2). */
import { accept, head, type RequestVector, type RequestVerdict, refuse, requestVectors } from "../vector.ts";

function target(text: string): string {
  return head(`GET ${text} HTTP/1.1`, "Host: shop");
}

function path(text: string): RequestVerdict {
  return accept({ path: text });
}

export const PATH_VECTORS: readonly RequestVector[] = requestVectors(14, [
  ["NORM-DOUBLE-SLASH", target("//admin"), path("/admin")],
  ["NORM-TRIPLE-SLASH-INSIDE", target("/a///admin"), path("/a/admin")],
  ["NORM-DOT-SEGMENT", target("/./admin"), path("/admin")],
  ["NORM-DOT-DOT-SEGMENT", target("/public/../admin"), path("/admin")],
  ["NORM-DOT-DOT-AT-END", target("/admin/x/.."), path("/admin/")],
  ["NORM-DOT-AT-END", target("/admin/."), path("/admin/")],
  ["NORM-ENCODED-DOTS", target("/public/%2e%2e/admin"), path("/admin")],
  ["NORM-ENCODED-DOT-MIXED", target("/public/.%2E/admin"), path("/admin")],
  ["NORM-ENCODED-LETTER", target("/%61dmin"), path("/admin")],
  ["NORM-ENCODED-ALL", target("/%61%64%6D%69%6E"), path("/admin")],
  ["NORM-ENCODED-TILDE", target("/%7Euser"), path("/~user")],
  ["NORM-LOWER-HEX", target("/%c3%a9"), path("/%C3%A9")],
  ["NORM-DOUBLE-ENCODED", target("/%2561dmin"), path("/%2561dmin")],
  ["NORM-DOUBLE-ENCODED-DOTS", target("/public/%252e%252e/admin"), path("/public/%252e%252e/admin")],
  ["NORM-SLASHES-AND-DOTS", target("/public//../admin"), path("/admin")],
  ["PATH-ABOVE-ROOT", target("/../admin"), refuse(400)],
  ["PATH-ABOVE-ROOT-ENCODED", target("/%2e%2e/%2e%2e/etc/passwd"), refuse(400)],
  ["PATH-ABOVE-ROOT-LATER", target("/a/../../admin"), refuse(400)],
  ["PATH-ENCODED-SLASH", target("/public%2F..%2Fadmin"), refuse(400)],
  ["PATH-ENCODED-SLASH-LOWER", target("/admin%2fx"), refuse(400)],
  ["PATH-ENCODED-BACKSLASH", target("/public%5C..%5Cadmin"), refuse(400)],
  ["MAL-URL-BACKSLASH", target("/public\\..\\admin"), refuse(400)],
  ["PATH-BACKSLASH-START", target("\\admin"), refuse(400)],
  ["MAL-URL-PERCENT-NULL", target("/admin%00.html"), refuse(400)],
  ["MAL-URL-PERCENT-CRLF", target("/x%0d%0aX-Injected:%20yes"), refuse(400)],
  ["MAL-NUL-IN-URL", target("/admin\0"), refuse(400)],
  ["MAL-URL-OVERLONG-UTF8", target("/public/%c0%ae%c0%ae/admin"), refuse(400)],
  ["PATH-OVERLONG-SLASH", target("/public%c0%afadmin"), refuse(400)],
  ["PATH-OVERLONG-THREE-BYTES", target("/public%e0%80%afadmin"), refuse(400)],
  ["MAL-NON-ASCII-URL", target("/caf\xc3\xa9"), refuse(400)],
  ["RFC9112-3.2-FRAGMENT-IN-TARGET", target("/public#/../admin"), refuse(400)],
  ["PATH-FRAGMENT-IN-QUERY", target("/?a#b"), refuse(400)],
  ["PATH-PERCENT-ALONE", target("/a%"), refuse(400)],
  ["PATH-PERCENT-ONE-DIGIT", target("/a%4"), refuse(400)],
  ["PATH-PERCENT-LETTERS", target("/a%zz"), refuse(400)],
  ["PATH-PERCENT-U", target("/%u0061dmin"), refuse(400)],
  ["PATH-QUOTE", target('/a"b'), refuse(400)],
  ["PATH-ANGLE", target("/<script>"), refuse(400)],
  ["PATH-BRACES", target("/{a}"), refuse(400)],
  ["PATH-CARET", target("/a^b"), refuse(400)],
  ["PATH-PIPE", target("/a|b"), refuse(400)],
  ["PATH-DOT-DOT-PARAMETER", target("/public/..;/admin"), refuse(400)],
  ["PATH-DOT-DOT-PARAMETER-VALUE", target("/public/..;a=b/admin"), refuse(400)],
  ["PATH-ENCODED-DOT-PARAMETER", target("/public/%2e%2e;/admin"), refuse(400)],
  ["PATH-PARAMETER-IS-PART", target("/admin;x=y/%75sers"), path("/admin;x=y/users")],
  ["PATH-EMPTY-ABSOLUTE", target("http://shop"), path("/")],
  ["PATH-ABSOLUTE-DOTS", target("http://shop/public/%2e%2e/admin"), path("/admin")],
  ["PATH-ABSOLUTE-QUERY-ONLY", target("http://shop?a=/../b"), accept({ path: "/", query: "a=/../b" })],
  ["PATH-QUERY-KEEPS-DOTS", target("/%61?next=/../%2e%2e//x"), accept({ path: "/a", query: "next=/../%2e%2e//x" })],
  ["PATH-QUERY-SECOND-MARK", target("/%61?a?b"), accept({ path: "/a", query: "a?b" })],
]);
