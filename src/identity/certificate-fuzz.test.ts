import { expect, test } from "bun:test";
import fc from "fast-check";
import { judge, site, trust } from "../../test/support/judge-chain.ts";
import { readCertificate } from "./certificate.ts";
import { CertificateError } from "./certificate-error.ts";
import { isRefusal } from "./refusal.ts";
import { verifyChain } from "./verify.ts";

const leaf = site.makeLeaf();
const { issuer } = site;

/** Reads bytes; anything thrown that is not a CertificateError comes through. */
function tryRead(bytes: Uint8Array): boolean {
  try {
    readCertificate(bytes);
    return true;
  } catch (error) {
    if (error instanceof CertificateError) return false;
    throw error;
  }
}

test("each byte of a leaf changed in one bit: refused, and nothing but CertificateError is thrown", () => {
  let accepted = 0;
  for (let at = 0; at < leaf.length; at++) {
    const changed = Uint8Array.from(leaf);
    changed[at] = changed[at]! ^ (1 << (at % 8));
    tryRead(changed);
    if (!isRefusal(verifyChain([changed, issuer], trust))) accepted++;
  }
  expect(accepted).toBe(0);
});

test("every beginning of a certificate is refused", () => {
  for (let length = 0; length < issuer.length; length++) expect(tryRead(issuer.subarray(0, length))).toBe(false);
});

/** Edits as a fuzzer makes them: bytes replaced, removed, put in, ranges copied over others. */
const edit = fc.record({
  kind: fc.constantFrom("set", "cut", "insert", "copy"),
  at: fc.nat(700),
  from: fc.nat(700),
  length: fc.integer({ min: 1, max: 40 }),
  byte: fc.constantFrom(0x00, 0x01, 0x02, 0x03, 0x04, 0x06, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x82, 0x86, 0xa0, 0xa3, 0xff),
});

function apply(
  bytes: Uint8Array,
  { kind, at, from, length, byte }: { kind: string; at: number; from: number; length: number; byte: number },
) {
  const list = [...bytes];
  const index = at % Math.max(1, list.length);
  if (kind === "set") list[index] = byte;
  else if (kind === "cut") list.splice(index, length);
  else if (kind === "insert") list.splice(index, 0, ...Array.from({ length }, () => byte));
  else list.splice(index, length, ...list.slice(from % list.length, (from % list.length) + length));
  return Uint8Array.from(list);
}

test("mutated certificates throw nothing but CertificateError and are never accepted", () => {
  let read = 0;
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.boolean(), (edits, isIssuer) => {
      const original = isIssuer ? issuer : leaf;
      const changed = edits.reduce(apply, original);
      if (tryRead(changed)) read++;
      if (changed.toHex() === original.toHex()) return;
      expect(judge(isIssuer ? [leaf, changed] : [changed, issuer])).not.toBe("accepted");
    }),
    { numRuns: 6000 },
  );
  // Some must get through the reader, or the mutations would only ever test its first line.
  expect(read).toBeGreaterThan(20);
});

test("noise throws nothing but CertificateError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      expect(tryRead(bytes)).toBe(false);
    }),
    { numRuns: 3000 },
  );
});

test("a certificate nested as deep as its size allows costs no more than its size", () => {
  const deep = new Uint8Array(8192).fill(0x30);
  for (let at = 1; at < deep.length; at += 2) deep[at] = 0x7e;
  expect(tryRead(deep)).toBe(false);
});
