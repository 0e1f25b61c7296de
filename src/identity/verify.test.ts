import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { generalizedTime, int, octets, seq, utcTime } from "../../test/support/der-build.ts";
import { dns, extension, forgeSite, nameConstraints, san, uri } from "../../test/support/forge-certificate.ts";
import { bundleOf, DAY_MS, judge, NODE, names, site, trust, WEB } from "../../test/support/judge-chain.ts";
import { NO_BANS, withBan } from "./bans.ts";
import { readCertificate } from "./certificate.ts";
import { nodeServerName } from "./node-names.ts";
import { isRefusal } from "./refusal.ts";
import { verifyChain } from "./verify.ts";

describe("a chain that is right", () => {
  test("gives the identity, the node that issued it, and the keys it hangs on", () => {
    const leaf = site.makeLeaf();
    const answer = verifyChain([leaf, site.issuer], trust);
    if (isRefusal(answer)) throw new Error(answer.refused);
    expect(answer.subject).toEqual({ kind: "workload", namespace: "prod", serviceAccount: "web" });
    expect(answer.issuerNode).toBe("till-1");
    expect(answer.notAfterMs).toBe(site.nowMs + DAY_MS);
    expect(answer.keyHashes[0]).toBe(createHash("sha256").update(site.leafKey.spki).digest("hex"));
  });

  test.each([
    ["with its root sent along", [site.makeLeaf(), site.issuer, site.root]],
    ["without purposes, which the standard allows", [site.makeLeaf({ purposes: null }), site.issuer]],
    ["without basic constraints", [site.makeLeaf({ basic: null }), site.issuer]],
    ["without a subject, names critical", [site.makeLeaf({ subject: seq(), san: san(true, uri(WEB)) }), site.issuer]],
    [
      "with an unknown extension that is not critical",
      [site.makeLeaf({ more: [extension("1.3.6.1.4.1.99999.1", false, octets())] }), site.issuer],
    ],
    [
      "of a node with its server name",
      [site.makeLeaf({ san: names(uri(NODE), dns(nodeServerName(site.trustDomain, "till-1"))) }), site.issuer],
    ],
    ["under an issuer without constraints", [site.makeLeaf(), site.makeIssuer({ constraints: null })]],
    [
      "under a constraint by suffix",
      [site.makeLeaf(), site.makeIssuer({ constraints: nameConstraints([uri(".example")]) })],
    ],
    ["valid far beyond 2050", [site.makeLeaf({ notAfter: generalizedTime(Date.UTC(2060, 0, 1)) }), site.issuer]],
  ])("%s", (_, chain) => {
    expect(judge(chain)).toBe("accepted");
  });
});

describe("time, bans and bundles", () => {
  const chain = [site.makeLeaf(), site.issuer];

  test("a time that is no number refuses", () => {
    expect(judge(chain, { nowMs: Number.NaN })).toBe("leaf not_yet_valid");
  });

  test.each([
    ["leaf", site.leafKey.spki],
    ["issuer", site.issuerKey.spki],
    ["root", site.rootKey.spki],
  ])("a banned key of the %s refuses, whatever certificate it stands in", (part, spki) => {
    const keyHash = createHash("sha256").update(spki).digest("hex");
    const bans = withBan(NO_BANS, { keyHash, node: "till-1", state: "banned", reason: "stolen", atMs: 0 });
    expect(judge(chain, { bans })).toBe(`${part} key_banned`);
    expect(judge([site.makeLeaf({ serial: int(77) }), site.issuer], { bans })).toBe(`${part} key_banned`);
  });

  test("a bundle without roots makes everything invalid, and a bundle filed under another name too", () => {
    expect(judge(chain, { bundles: new Map([[site.trustDomain, bundleOf(site.trustDomain)]]) })).toBe(
      "root bundle_empty",
    );
    const misfiled = new Map([[site.trustDomain, bundleOf("site-b.example")]]);
    expect(judge(chain, { bundles: misfiled })).toBe("chain trust_domain_unknown");
  });

  test("an expired root refuses", () => {
    const late = { nowMs: readCertificate(site.root).notAfterMs + 1 };
    const long = { notAfter: utcTime(site.nowMs + 9 * DAY_MS) };
    expect(judge([site.makeLeaf(long), site.makeIssuer(long)], late)).toBe("root expired");
  });

  test("while two roots are trusted, issuers of both are believed", () => {
    const next = forgeSite();
    const both = new Map([[site.trustDomain, bundleOf(site.trustDomain, site.root, next.root)]]);
    expect(judge(chain, { bundles: both })).toBe("accepted");
    expect(judge([next.makeLeaf(), next.issuer], { bundles: both })).toBe("accepted");
    expect(judge([next.makeLeaf(), next.issuer])).toBe("issuer chain_key_id");
  });

  test("an issuer or a root that shares its key with the leaf refuses", () => {
    const shared = { key: site.leafKey, aki: null, ski: null };
    const issuer = site.makeIssuer({ ...shared });
    const leaf = site.makeLeaf({ signer: site.leafKey, aki: null, ski: null });
    expect(judge([leaf, issuer])).toBe("chain key_shared");
  });
});
