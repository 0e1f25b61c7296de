import { expect, test } from "bun:test";
import { bool, context, contextBytes, dn, int, oid, raw, seq, utcTime } from "../../test/support/der-build.ts";
import {
  basic,
  extension,
  type Forgery,
  forgeSite,
  keyUsage,
  makeKey,
  nameConstraints,
  purposes,
  SERVER_AUTH,
  uri,
} from "../../test/support/forge-certificate.ts";
import { issuerIs, judge, names, site, WEB } from "../../test/support/judge-chain.ts";

const ISSUER_FIELDS: readonly (readonly [string, Forgery, string])[] = [
  ["no basic constraints", { basic: null }, "issuer ca_not_ca"],
  ["cA is false", { basic: basic(true) }, "issuer ca_not_ca"],
  ["basic constraints are not critical", { basic: basic(false, bool(true), int(0)) }, "issuer ca_not_ca"],
  ["no path length", { basic: basic(true, bool(true)) }, "issuer ca_path_length"],
  ["path length 1", { basic: basic(true, bool(true), int(1)) }, "issuer ca_path_length"],
  ["a negative path length", { basic: basic(true, bool(true), int(0xff)) }, "issuer der_integer"],
  ["no key usage", { usage: null }, "issuer ca_key_usage"],
  ["key usage without keyCertSign", { usage: keyUsage(true, 1, 0x02) }, "issuer ca_key_usage"],
  ["key usage is not critical", { usage: keyUsage(false, 1, 0x06) }, "issuer ca_key_usage"],
  ["purposes without clientAuth", { purposes: purposes(SERVER_AUTH) }, "issuer ca_purpose"],
  ["an ID with a path", { san: names(uri(WEB)) }, "issuer ca_path"],
  ["no ID", { san: null }, "issuer ca_uri_count"],
  ["two IDs", { san: names(uri("spiffe://site-a.example"), uri("spiffe://site-b.example")) }, "issuer ca_uri_count"],
  ["the ID of another site", { san: names(uri("spiffe://site-b.example")) }, "issuer ca_trust_domain"],
  ["an ID that is none", { san: names(uri("https://site-a.example")) }, "issuer id_scheme"],
  [
    "constraints that do not permit its trust domain",
    { constraints: nameConstraints([uri("site-b.example")]) },
    "leaf name_constraint",
  ],
  [
    "constraints that permit only what is below",
    { constraints: nameConstraints([uri(".site-a.example")]) },
    "leaf name_constraint",
  ],
  [
    "constraints that exclude its trust domain",
    { constraints: nameConstraints([], [uri("site-a.example")]) },
    "leaf name_constraint",
  ],
  [
    "constraints that exclude the whole domain",
    { constraints: nameConstraints([], [uri(".example")]) },
    "leaf name_constraint",
  ],
  [
    "constraints that permit and exclude",
    { constraints: nameConstraints([uri("site-a.example")], [uri("site-a.example")]) },
    "leaf name_constraint",
  ],
  [
    "a directory name among the constraints",
    { constraints: nameConstraints([uri("site-a.example"), context(4, dn(["2.5.4.3", "x"]))]) },
    "issuer constraint_kind",
  ],
  [
    "another name among the constraints",
    { constraints: nameConstraints([], [context(0, oid("1.2.3"))]) },
    "issuer constraint_kind",
  ],
  ["an empty constraint", { constraints: extension("2.5.29.30", true, seq()) }, "issuer constraint_form"],
  [
    "an empty list of subtrees",
    { constraints: extension("2.5.29.30", true, seq(context(0))) },
    "issuer constraint_form",
  ],
  [
    "a constraint with a minimum",
    { constraints: extension("2.5.29.30", true, seq(context(0, seq(uri("site-a.example"), contextBytes(0, 0))))) },
    "issuer der_trailing",
  ],
  [
    "a whole URI as constraint",
    { constraints: nameConstraints([uri("spiffe://site-a.example")]) },
    "issuer constraint_form",
  ],
  ["a constraint in capitals", { constraints: nameConstraints([uri("SITE-A.example")]) }, "issuer constraint_form"],
  [
    "an address constraint with a torn mask",
    { constraints: nameConstraints([], [contextBytes(7, 0, 0, 0, 0, 255, 0, 255, 0)]) },
    "issuer constraint_form",
  ],
  [
    "an address constraint of five bytes",
    { constraints: nameConstraints([], [contextBytes(7, 0, 0, 0, 0, 0)]) },
    "issuer constraint_form",
  ],
  ["an empty subject", { subject: seq() }, "issuer ca_name"],
  ["a subject that names no node", { subject: dn(["2.5.4.10", "Selvedge node issuer"]) }, "issuer ca_name"],
  [
    "the subject of something else",
    { subject: dn(["2.5.4.10", "Some other issuer"], ["2.5.4.3", "till-1"]) },
    "issuer ca_name",
  ],
  ["another root's name", { issuer: dn(["2.5.4.3", "other"]) }, "issuer chain_name"],
  [
    "the key identifier of another root",
    { aki: extension("2.5.29.35", false, seq(contextBytes(0, 9))) },
    "issuer chain_key_id",
  ],
  ["a signature by itself", { signer: site.issuerKey }, "issuer chain_signature"],
  ["a signature by another root", { signer: makeKey() }, "issuer chain_signature"],
  ["expired", { notAfter: utcTime(site.nowMs - 1000) }, "issuer expired"],
  ["not valid yet", { notBefore: utcTime(site.nowMs + 1000) }, "issuer not_yet_valid"],
  ["the key of the leaf", { key: site.leafKey, signer: site.rootKey }, "leaf chain_key_id"],
];

test.each(ISSUER_FIELDS)("issuer: %s is refused", (_, wrong, expected) => {
  expect(issuerIs(wrong)).toBe(expected);
});

const other = forgeSite({ rootKey: site.rootKey });
const leaf = site.makeLeaf();
const chains: readonly (readonly [string, readonly Uint8Array[], string])[] = [
  ["nothing", [], "chain chain_empty"],
  ["the leaf alone", [leaf], "chain chain_incomplete"],
  ["four certificates", [leaf, site.issuer, site.root, site.root], "chain chain_too_long"],
  ["the wrong way round", [site.issuer, leaf], "leaf leaf_without_path"],
  ["the issuer as leaf", [site.issuer, site.root], "leaf leaf_without_path"],
  ["the root as leaf", [site.root, site.root], "leaf leaf_without_path"],
  ["the leaf twice", [leaf, leaf], "issuer ca_not_ca"],
  [
    "a leaf signed by the root",
    [site.makeLeaf({ issuer: site.rootName, signer: site.rootKey, aki: null }), site.root],
    "issuer ca_path_length",
  ],
  ["a foreign root sent along", [leaf, site.issuer, forgeSite().root], "root chain_root"],
  ["an issuer sent in place of the root", [leaf, site.issuer, site.issuer], "root chain_root"],
  ["an issuer of the same name and another key", [leaf, other.issuer], "leaf chain_key_id"],
  ["the same without key identifiers", [site.makeLeaf({ aki: null }), other.issuer], "leaf chain_signature"],
  ["an empty certificate", [new Uint8Array(), site.issuer], "leaf der_truncated"],
  ["8,193 bytes", [new Uint8Array(8193), site.issuer], "leaf certificate_too_large"],
  ["a byte after the leaf", [Buffer.concat([leaf, Uint8Array.of(0)]), site.issuer], "leaf der_trailing"],
  ["a torn leaf", [leaf.subarray(0, -1), site.issuer], "leaf der_truncated"],
  ["indefinite length", [Buffer.concat([raw("3080"), leaf.subarray(4), raw("0000")]), site.issuer], "leaf der_length"],
  ["a length in three bytes", [Buffer.concat([raw("308300"), leaf.subarray(2)]), site.issuer], "leaf der_length"],
];
test.each(chains)("chain of %s", (_, chain, expected) => {
  expect(judge(chain)).toBe(expected);
});
