import { expect, test } from "bun:test";
import {
  bitString,
  bits,
  bool,
  context,
  contextBytes,
  dn,
  element,
  generalizedTime,
  int,
  octets,
  oid,
  raw,
  seq,
  set,
  text,
  utcTime,
} from "../../test/support/der-build.ts";
import {
  basic,
  CLIENT_AUTH,
  extension,
  type Forgery,
  keyUsage,
  makeKey,
  nameConstraints,
  purposes,
  SERVER_AUTH,
  san,
  uri,
} from "../../test/support/forge-certificate.ts";
import { DAY_MS, leafIs, site, WEB } from "../../test/support/judge-chain.ts";

const NEUTRAL = extension("1.3.6.1.4.1.99999.1", false, octets());

const LEAF_FIELDS: readonly (readonly [string, Forgery, string])[] = [
  ["cA is true", { basic: basic(true, bool(true)) }, "leaf leaf_is_ca"],
  ["cA false is written out", { basic: basic(true, bool(false)) }, "leaf der_default"],
  ["cA is a BOOLEAN of 0x01", { basic: basic(true, raw("010101")) }, "leaf der_boolean"],
  ["a path length without cA", { basic: basic(true, int(0)) }, "leaf der_tag"],
  ["no key usage", { usage: null }, "leaf leaf_key_usage"],
  ["key usage is not critical", { usage: keyUsage(false, 7, 0x80) }, "leaf leaf_key_usage"],
  ["keyCertSign besides", { usage: keyUsage(true, 2, 0x84) }, "leaf leaf_key_usage"],
  ["cRLSign besides", { usage: keyUsage(true, 1, 0x82) }, "leaf leaf_key_usage"],
  ["keyCertSign alone", { usage: keyUsage(true, 2, 0x04) }, "leaf leaf_key_usage"],
  ["no digitalSignature", { usage: keyUsage(true, 5, 0x20) }, "leaf leaf_key_usage"],
  ["key usage without a bit", { usage: keyUsage(true, 0) }, "leaf extension_form"],
  ["key usage with trailing zero bits", { usage: keyUsage(true, 0, 0x80) }, "leaf der_bit_string"],
  ["key usage with set padding", { usage: keyUsage(true, 7, 0xff) }, "leaf der_bit_string"],
  ["serverAuth alone", { purposes: purposes(SERVER_AUTH) }, "leaf leaf_purpose"],
  ["clientAuth alone", { purposes: purposes(CLIENT_AUTH) }, "leaf leaf_purpose"],
  ["any purpose instead of both", { purposes: purposes("2.5.29.37.0") }, "leaf leaf_purpose"],
  ["code signing", { purposes: purposes("1.3.6.1.5.5.7.3.3") }, "leaf leaf_purpose"],
  ["an empty list of purposes", { purposes: purposes() }, "leaf extension_form"],
  ["name constraints on a leaf", { constraints: nameConstraints([uri("site-a.example")]) }, "leaf leaf_constraints"],
  ["no subject and names not critical", { subject: seq() }, "leaf san_not_critical"],
  ["an unknown critical extension", { more: [extension("1.2.3.4", true, octets())] }, "leaf extension_critical"],
  ["critical policy constraints", { more: [extension("2.5.29.36", true, seq())] }, "leaf extension_critical"],
  ["an extension twice", { more: [NEUTRAL, NEUTRAL] }, "leaf extension_repeated"],
  ["names twice", { more: [san(false, uri(`${WEB}-2`))] }, "leaf extension_repeated"],
  ["names twice, once critical", { more: [san(true, uri(WEB))] }, "leaf extension_repeated"],
  ["critical false is written out", { more: [seq(oid("1.2.3.4"), bool(false), octets())] }, "leaf der_default"],
  [
    "more extensions than a list may have",
    { more: Array.from({ length: 12 }, (_, index) => extension(`1.2.3.${index}`, false, octets())) },
    "leaf extension_count",
  ],
  [
    "bytes after the names",
    { san: extension("2.5.29.17", false, Buffer.concat([seq(uri(WEB)), raw("0500")])) },
    "leaf der_trailing",
  ],
  ["no extensions", { extensionList: null }, "leaf extension_count"],
  ["an empty list of extensions", { extensionList: context(3, seq()) }, "leaf extension_count"],
  ["an issuer named by serial", { aki: extension("2.5.29.35", false, seq(contextBytes(2, 1))) }, "leaf der_tag"],
  [
    "the key identifier of another issuer",
    { aki: extension("2.5.29.35", false, seq(contextBytes(0, 1, 2))) },
    "leaf chain_key_id",
  ],
  ["version 1", { version: raw("") }, "leaf version"],
  ["version 2", { version: context(0, int(1)) }, "leaf version"],
  ["version 4", { version: context(0, int(3)) }, "leaf version"],
  ["serial number zero", { serial: int(0) }, "leaf serial"],
  ["a negative serial number", { serial: int(0x80) }, "leaf der_integer"],
  ["a serial number with a needless zero", { serial: int(0, 1) }, "leaf der_integer"],
  ["a serial number of 21 bytes", { serial: int(...Array.from({ length: 21 }, () => 1)) }, "leaf der_integer"],
  ["an empty serial number", { serial: int() }, "leaf der_integer"],
  ["a unique identifier", { uniqueId: contextBytes(1, 0, 1) }, "leaf unique_id"],
  [
    "RSA with SHA-256 outside",
    { outerAlgorithm: seq(oid("1.2.840.113549.1.1.11"), raw("0500")) },
    "leaf signature_algorithm",
  ],
  ["ECDSA with SHA-1 inside", { innerAlgorithm: seq(oid("1.2.840.10045.4.1")) }, "leaf signature_algorithm"],
  [
    "ECDSA with SHA-384",
    { innerAlgorithm: seq(oid("1.2.840.10045.4.3.3")), outerAlgorithm: seq(oid("1.2.840.10045.4.3.3")) },
    "leaf signature_algorithm",
  ],
  [
    "parameters after ECDSA",
    { innerAlgorithm: seq(oid("1.2.840.10045.4.3.2"), raw("0500")) },
    "leaf signature_algorithm",
  ],
  ["a P-384 key", { key: makeKey("P-384") }, "leaf public_key"],
  ["a point off the curve", { spki: offCurve() }, "leaf public_key"],
  [
    "the point at infinity",
    { spki: Buffer.concat([site.leafKey.spki.subarray(0, 27), Buffer.alloc(64)]) },
    "leaf public_key",
  ],
  ["a compressed point", { spki: compressed() }, "leaf public_key"],
  ["a signature of zeros", { signature: bitString(seq(int(0), int(0))) }, "leaf signature_form"],
  ["a signature with one number", { signature: bitString(seq(int(1))) }, "leaf der_truncated"],
  ["a signature with three numbers", { signature: bitString(seq(int(1), int(1), int(1))) }, "leaf der_trailing"],
  ["a negative signature", { signature: bitString(seq(int(0x81), int(1))) }, "leaf der_integer"],
  ["no signature", { signature: bitString(new Uint8Array()) }, "leaf der_truncated"],
  ["a signature with padding bits", { signature: bits(1, 0x30) }, "leaf der_bit_string"],
  ["a signature by nobody", { signature: bitString(seq(int(1), int(1))) }, "leaf chain_signature"],
  ["a signature by itself", { signer: site.leafKey }, "leaf chain_signature"],
  ["a signature by the root", { signer: site.rootKey }, "leaf chain_signature"],
  ["bytes behind the signature", { tail: raw("0500") }, "leaf der_trailing"],
  [
    "another issuer's name",
    { issuer: dn(["2.5.4.10", "Selvedge node issuer"], ["2.5.4.3", "till-2"]) },
    "leaf chain_name",
  ],
  [
    "the issuer's name in another string type",
    {
      issuer: seq(
        set(seq(oid("2.5.4.10"), text(0x13, "Selvedge node issuer"))),
        set(seq(oid("2.5.4.3"), text(0x13, "till-1"))),
      ),
    },
    "leaf chain_name",
  ],
  ["a NUL in the subject", { subject: dn(["2.5.4.3", "a\0b"]) }, "leaf name_form"],
  [
    "two attributes in one step",
    { subject: seq(set(seq(oid("2.5.4.3"), text(0x0c, "a")), seq(oid("2.5.4.10"), text(0x0c, "b")))) },
    "leaf der_trailing",
  ],
  [
    "a BMPString in the subject",
    { subject: seq(set(seq(oid("2.5.4.3"), element(0x1e, raw("0061"))))) },
    "leaf name_form",
  ],
  ["expired", { notAfter: utcTime(site.nowMs - 1000) }, "leaf expired"],
  ["not valid yet", { notBefore: utcTime(site.nowMs + 1000) }, "leaf not_yet_valid"],
  [
    "ends before it begins",
    { notBefore: utcTime(site.nowMs), notAfter: utcTime(site.nowMs - DAY_MS) },
    "leaf validity",
  ],
  ["GeneralizedTime before 2050", { notAfter: generalizedTime(site.nowMs + DAY_MS) }, "leaf der_time"],
  ["a time without seconds", { notAfter: text(0x17, "3006010000Z") }, "leaf der_time"],
  ["a time with fractions", { notAfter: text(0x18, "20600101000000.5Z") }, "leaf der_time"],
  ["a time with an offset", { notAfter: text(0x17, "300601000000+0000") }, "leaf der_time"],
  ["the 30th of February", { notAfter: text(0x17, "300230000000Z") }, "leaf der_time"],
  ["hour 24", { notAfter: text(0x17, "300601240000Z") }, "leaf der_time"],
  ["second 60", { notAfter: text(0x17, "300601000060Z") }, "leaf der_time"],
];

/** The curve's equation fails when one coordinate changes by one bit. */
function offCurve(): Uint8Array {
  const spki = Uint8Array.from(site.leafKey.spki);
  spki[90] = spki[90]! ^ 1;
  return spki;
}

function compressed(): Uint8Array {
  const x = site.leafKey.spki.subarray(27, 59);
  const algorithm = seq(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7"));
  return seq(algorithm, bitString(Buffer.concat([Uint8Array.of(2), x])));
}

test.each(LEAF_FIELDS)("leaf: %s is refused", (_, wrong, expected) => {
  expect(leafIs(wrong)).toBe(expected);
});

test("more than 70 wrong leaves were judged", () => {
  expect(LEAF_FIELDS.length).toBeGreaterThan(70);
});
