import { expect, test } from "bun:test";
import { context, contextBytes, contextText, dn, element, oid, text } from "../../test/support/der-build.ts";
import { dns, uri } from "../../test/support/forge-certificate.ts";
import { leafIs, NODE, names, site, WEB } from "../../test/support/judge-chain.ts";
import { nodeServerName } from "./node-names.ts";

/** A leaf whose one wrong thing is one name beside or instead of the right one. */
const LEAF_NAMES: readonly (readonly [string, readonly Uint8Array[] | null, string])[] = [
  ["no subject alternative name", null, "leaf uri_count"],
  ["an empty list of names", [], "leaf san_empty"],
  ["no URI among the names", [dns("web.example")], "leaf uri_count"],
  ["two URIs", [uri(WEB), uri(`${WEB}-2`)], "leaf uri_count"],
  ["two URIs, one of another scheme", [uri(WEB), uri("https://web.example")], "leaf uri_count"],
  ["the same URI twice", [uri(WEB), uri(WEB)], "leaf san_repeated"],
  ["the SPIFFE ID as DNS name", [dns(WEB)], "leaf uri_count"],
  ["the SPIFFE ID as mail address", [contextText(1, WEB)], "leaf uri_count"],
  ["the SPIFFE ID as other name", [context(0, oid("1.2.3.4"), context(0, text(0x0c, WEB)))], "leaf uri_count"],
  ["the SPIFFE ID as URI in a constructed string", [element(0xa6, text(0x16, WEB))], "leaf der_tag"],
  ["an IP address besides", [uri(WEB), contextBytes(7, 127, 0, 0, 1)], "leaf san_kind"],
  ["a mail address besides", [uri(WEB), contextText(1, "a@b.example")], "leaf san_kind"],
  ["a directory name besides", [uri(WEB), context(4, dn(["2.5.4.3", "web"]))], "leaf san_kind"],
  ["another name besides", [uri(WEB), context(0, oid("1.2.3.4"), context(0, text(0x0c, "x")))], "leaf san_kind"],
  ["a registered ID besides", [uri(WEB), contextBytes(8, 0x2a, 0x03)], "leaf san_kind"],
  ["an X.400 address besides", [uri(WEB), context(3)], "leaf san_kind"],
  ["an EDI party besides", [uri(WEB), context(5)], "leaf san_kind"],
  ["a name of no kind", [uri(WEB), contextBytes(9, 1)], "leaf der_tag"],
  ["a DNS name on a workload", [uri(WEB), dns("web.example")], "leaf dns_name"],
  ["a wildcard DNS name on a workload", [uri(WEB), dns("*.node.selvedge.invalid")], "leaf dns_name"],
  ["another node's server name", [uri(NODE), dns(nodeServerName(site.trustDomain, "till-2"))], "leaf dns_name"],
  ["a wildcard on a node", [uri(NODE), dns("*.node.selvedge.invalid")], "leaf dns_name"],
  [
    "two DNS names on a node",
    [uri(NODE), dns(nodeServerName(site.trustDomain, "till-1")), dns("x.y")],
    "leaf dns_name",
  ],
  [
    "a server name in capitals",
    [uri(NODE), dns(nodeServerName(site.trustDomain, "till-1").toUpperCase())],
    "leaf dns_name",
  ],
  ["a NUL in the URI", [uri(`${WEB}\0.evil.example`)], "leaf san_byte"],
  ["a NUL in the trust domain", [uri("spiffe://site-a.example\0.evil.example/ns/prod/sa/web")], "leaf san_byte"],
  ["a NUL in a DNS name", [uri(WEB), dns("web\0.example")], "leaf san_byte"],
  ["a line end in the URI", [uri(`${WEB}\r\nx`)], "leaf san_byte"],
  ["a blank in the URI", [uri(`${WEB} `)], "leaf san_byte"],
  ["a byte beyond ASCII in the URI", [uri(`${WEB}\xe9`)], "leaf san_byte"],
  ["an empty URI", [uri("")], "leaf san_byte"],
  ["scheme in capitals", [uri(WEB.replace("spiffe", "SPIFFE"))], "leaf id_scheme"],
  ["scheme https", [uri(WEB.replace("spiffe", "https"))], "leaf id_scheme"],
  ["trust domain in capitals", [uri(WEB.replace("site-a", "SITE-A"))], "leaf trust_domain_byte"],
  ["a port", [uri(WEB.replace(".example", ".example:443"))], "leaf trust_domain_byte"],
  ["a user", [uri(WEB.replace("site-a", "root@site-a"))], "leaf trust_domain_byte"],
  ["a percent sign in the trust domain", [uri(WEB.replace("site-a", "site%2da"))], "leaf trust_domain_byte"],
  ["a percent sign in the path", [uri(WEB.replace("web", "w%65b"))], "leaf path_byte"],
  ["a trailing slash", [uri(`${WEB}/`)], "leaf path_trailing_slash"],
  ["a doubled slash", [uri(WEB.replace("/ns", "//ns"))], "leaf path_empty_segment"],
  ["a dot segment", [uri(WEB.replace("/web", "/../web"))], "leaf path_dot_segment"],
  ["a query", [uri(`${WEB}?a=b`)], "leaf path_byte"],
  ["a fragment", [uri(`${WEB}#a`)], "leaf path_byte"],
  ["an ID of 2,049 bytes", [uri(`${WEB}${"x".repeat(2049 - WEB.length)}`)], "leaf id_too_long"],
  ["no path", [uri("spiffe://site-a.example")], "leaf leaf_without_path"],
  ["a path that names neither workload nor node", [uri("spiffe://site-a.example/service/web")], "leaf leaf_kind"],
  ["a path below a workload", [uri(`${WEB}/x`)], "leaf leaf_kind"],
  ["a trailing dot in the trust domain", [uri(WEB.replace(".example", ".example."))], "chain trust_domain_unknown"],
  ["the trust domain of another site", [uri(WEB.replace("site-a", "site-b"))], "chain trust_domain_unknown"],
  ["a trust domain below ours", [uri(WEB.replace("site-a", "x.site-a"))], "chain trust_domain_unknown"],
];

test.each(LEAF_NAMES)("a leaf with %s is refused", (_, list, expected) => {
  expect(leafIs({ san: list === null ? null : names(...list) })).toBe(expected);
});

test("more than 45 wrong names were judged", () => {
  expect(LEAF_NAMES.length).toBeGreaterThan(45);
});
