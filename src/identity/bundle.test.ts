import { describe, expect, test } from "bun:test";
import { bool, dn, int, utcTime } from "../../test/support/der-build.ts";
import {
  basic,
  dns,
  type Forgery,
  forgeSite,
  keyUsage,
  makeKey,
  san,
  uri,
} from "../../test/support/forge-certificate.ts";
import { site } from "../../test/support/judge-chain.ts";
import { adoptBundle, BUNDLE_BYTES_MAX, makeBundle, parseBundle, printBundle, type TrustBundle } from "./bundle.ts";

const other = forgeSite();
const TD = site.trustDomain;

function bundle(sequence: number, ...roots: readonly Uint8Array[]): TrustBundle {
  const made = makeBundle(TD, sequence, roots);
  if (typeof made === "string") throw new Error(made);
  return made;
}

/** A printed bundle with some of its text replaced. */
const parseChanged = (from: string | RegExp, to: string) =>
  parseBundle(printBundle(bundle(7, site.root)).replace(from, to), TD);

describe("as text", () => {
  test("two roots, sequence and hint come back as they were", () => {
    const made = bundle(7, site.root, other.root);
    const read = parseBundle(printBundle(made), TD);
    if (typeof read === "string") throw new Error(read);
    expect(read.sequence).toBe(7);
    expect(read.refreshHintS).toBe(300);
    expect(read.roots.map((root) => root.keyHash)).toEqual(made.roots.map((root) => root.keyHash));
    expect(printBundle(read)).toBe(printBundle(made));
  });

  test("no roots is a bundle: all of its domain is revoked", () => {
    const read = parseBundle(printBundle(bundle(9)), TD);
    expect(read).toEqual({ trustDomain: TD, sequence: 9, refreshHintS: 300, roots: [] });
  });

  test("a key of another use is skipped, one without use is not", () => {
    const skipped = parseChanged('"keys":[', '"keys":[{"use":"jwt-svid","kid":"1","kty":"EC"},{"use":"X509-SVID"},');
    expect(typeof skipped === "string" ? skipped : skipped.roots.length).toBe(1);
    expect(parseChanged('"use":"x509-svid",', "")).toBe("bundle_key");
  });

  test.each([
    ["no JSON", /^\{/, "[", "bundle_form"],
    ["an unknown member", '"spiffe_sequence"', '"x":1,"spiffe_sequence"', "bundle_form"],
    ["no sequence", '"spiffe_sequence":7,', "", "bundle_sequence"],
    ["a sequence as text", '"spiffe_sequence":7', '"spiffe_sequence":"7"', "bundle_sequence"],
    ["a negative sequence", '"spiffe_sequence":7', '"spiffe_sequence":-7', "bundle_sequence"],
    ["a broken sequence", '"spiffe_sequence":7', '"spiffe_sequence":7.5', "bundle_sequence"],
    [
      "a sequence that numbers do not hold",
      '"spiffe_sequence":7',
      '"spiffe_sequence":9007199254740993',
      "bundle_sequence",
    ],
    ["a hint as text", '"spiffe_refresh_hint":300', '"spiffe_refresh_hint":"300"', "bundle_form"],
    ["a hint of zero", '"spiffe_refresh_hint":300', '"spiffe_refresh_hint":0', "bundle_form"],
    ["keys that are no list", /"keys":\[.*\],/, '"keys":{},', "bundle_form"],
    ["a key that is no object", /"keys":\[.*\],/, '"keys":[1],', "bundle_key"],
    ["a kid beside a certificate", '"kty":"EC"', '"kty":"EC","kid":"1"', "bundle_key"],
    ["no certificate", /"x5c":\["[^"]*"\]/, '"x5c":[]', "bundle_key"],
    ["two certificates", '"x5c":[', '"x5c":["AAAA",', "bundle_key"],
    ["base64 that is none", '"x5c":["', '"x5c":["*', "bundle_key"],
    ["another curve", '"crv":"P-256"', '"crv":"P-384"', "bundle_key"],
    ["another key type", '"kty":"EC"', '"kty":"RSA"', "bundle_key"],
    ["another key than the certificate's", /"x":"[^"]*"/, '"x":"AAAA"', "bundle_key"],
    ["a torn certificate", /"x5c":\["(....)[^"]*"\]/, '"x5c":["$1"]', "der_truncated"],
  ])("%s is refused", (_, from, to, expected) => {
    expect(parseChanged(from, to)).toBe(expected as never);
  });

  test("more than a bundle can be is not even parsed", () => {
    expect(parseBundle(`${" ".repeat(BUNDLE_BYTES_MAX)}{}`, TD)).toBe("bundle_form");
    const many = Array.from({ length: 17 }, () => '{"use":"x"}').join(",");
    expect(parseBundle(`{"keys":[${many}],"spiffe_sequence":1}`, TD)).toBe("bundle_form");
  });
});

describe("roots", () => {
  const rootIs = (wrong: Forgery) => {
    const made = makeBundle(TD, 1, [site.makeRoot(wrong)]);
    return typeof made === "string" ? made : "accepted";
  };

  test.each([
    ["as made", {}, "accepted"],
    ["without path length", { basic: basic(true, bool(true)) }, "accepted"],
    ["with path length 0", { basic: basic(true, bool(true), int(0)) }, "ca_path_length"],
    ["that is no CA", { basic: basic(true) }, "ca_not_ca"],
    ["without keyCertSign", { usage: keyUsage(true, 7, 0x80) }, "ca_key_usage"],
    ["without an ID", { san: null }, "ca_uri_count"],
    ["with a DNS name besides", { san: san(false, uri(`spiffe://${TD}`), dns("x.y")) }, "ca_uri_count"],
    ["with a path", { san: san(false, uri(`spiffe://${TD}/x`)) }, "ca_path"],
    ["of another domain", { san: san(false, uri("spiffe://site-b.example")) }, "ca_trust_domain"],
    ["issued by somebody else", { issuer: dn(["2.5.4.3", "other"]) }, "chain_name"],
    ["signed by another key", { signer: makeKey() }, "root_signature"],
    ["that has expired, which is judged when it is used", { notAfter: utcTime(site.nowMs - 1) }, "accepted"],
  ] as readonly (readonly [string, Forgery, string])[])("a root %s", (_, wrong, expected) => {
    expect(rootIs(wrong)).toBe(expected);
  });

  test("no more than two, none twice, no domain that is none", () => {
    expect(makeBundle(TD, 1, [site.root, other.root, forgeSite().root])).toBe("bundle_roots");
    expect(makeBundle(TD, 1, [site.root, site.makeRoot()])).toBe("bundle_roots");
    expect(makeBundle("Site-A", 1, [])).toBe("trust_domain_byte");
    expect(makeBundle(TD, -1, [])).toBe("bundle_sequence");
    expect(makeBundle(TD, 1, [], 0.5)).toBe("bundle_form");
  });
});

describe("one after the other", () => {
  test("a higher sequence follows, a lower one never, an equal one only unchanged", () => {
    const current = bundle(5, site.root);
    const next = bundle(6, site.root, other.root);
    expect(adoptBundle(current, next)).toBe(next);
    expect(adoptBundle(next, current)).toBe("bundle_lower");
    expect(adoptBundle(current, bundle(5, site.root))).toBe(current);
    expect(adoptBundle(current, bundle(5, other.root))).toBe("bundle_differs");
    const foreign = makeBundle("site-b.example", 9, []);
    if (typeof foreign === "string") throw new Error(foreign);
    expect(adoptBundle(current, foreign)).toBe("bundle_domain");
  });
});
