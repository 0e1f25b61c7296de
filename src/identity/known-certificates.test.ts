import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { judge, site, trust } from "../../test/support/judge-chain.ts";
import { NO_BANS, withBan } from "./bans.ts";
import { readCertificate } from "./certificate.ts";
import { CERTIFICATES_KNOWN_MAX, KnownCertificates } from "./known-certificates.ts";
import { isRefusal } from "./refusal.ts";
import { verifyChain } from "./verify.ts";

const chain = [site.makeLeaf(), site.issuer];

function leafOf(known: KnownCertificates) {
  const answer = verifyChain(
    chain.map((der) => Uint8Array.from(der)),
    { ...trust, known },
  );
  if (isRefusal(answer)) throw new Error(answer.refused);
  return answer.leaf;
}

test("certificates of a chain that held are read once", () => {
  const known = new KnownCertificates();
  expect(leafOf(known)).toBe(leafOf(known));
});

test("those of a chain that was refused are not remembered", () => {
  const known = new KnownCertificates();
  expect(judge(chain, { known, nowMs: Number.NaN })).toBe("leaf not_yet_valid");
  expect(known.read(chain[0]!)).not.toBe(known.read(chain[0]!));
});

test("a chain that is known is judged anew: by the time, the bans and the roots of the moment", () => {
  const known = new KnownCertificates();
  leafOf(known);
  const keyHash = createHash("sha256").update(site.issuerKey.spki).digest("hex");
  const bans = withBan(NO_BANS, { keyHash, node: "till-1", state: "banned", reason: "stolen", atMs: 0 });
  expect(judge(chain, { known })).toBe("accepted");
  expect(judge(chain, { known, bans })).toBe("issuer key_banned");
  expect(judge(chain, { known, nowMs: site.nowMs + 10 * 365 * 86_400_000 })).toBe("leaf expired");
  expect(judge(chain, { known, bundles: new Map() })).toBe("chain trust_domain_unknown");
});

test("a certificate that differs from a known one in any single byte is another one", () => {
  const known = new KnownCertificates();
  const leaf = leafOf(known);
  for (let at = 0; at < leaf.der.length; at++) {
    const changed = Uint8Array.from(leaf.der);
    changed[at]! ^= 1;
    expect(judge([changed, site.issuer], { known })).not.toBe("accepted");
  }
});

test("no more are remembered than may be, and the oldest goes first", () => {
  const known = new KnownCertificates();
  const [first, ...others] = Array.from({ length: CERTIFICATES_KNOWN_MAX + 1 }, () => readCertificate(site.makeLeaf()));
  known.remember([first!]);
  expect(known.read(first!.der)).toBe(first!);
  known.remember(others);
  expect(known.read(first!.der)).not.toBe(first!);
  for (const other of others) expect(known.read(other.der)).toBe(other);
});
