import { expect, test } from "bun:test";
import { contextBytes, dn, seq } from "../../test/support/der-build.ts";
import {
  extension,
  type ForgedSite,
  type Forgery,
  forgeSite,
  nameConstraints,
  san,
  uri,
} from "../../test/support/forge-certificate.ts";
import { NO_BANS } from "./bans.ts";
import { makeBundle, type TrustBundle } from "./bundle.ts";
import { isRefusal } from "./refusal.ts";
import { type Trust, verifyChain } from "./verify.ts";

const victim = forgeSite({ trustDomain: "store-2.fleet.example", node: "till-2" });
/** Whose every key the thief has: root and issuer of store-1. */
const stolen = forgeSite({ trustDomain: "store-1.fleet.example", node: "till-1" });
/** The thief may name things as he likes: everything as the victim's, signed by stolen keys. */
const posing = forgeSite({
  trustDomain: victim.trustDomain,
  node: victim.node,
  rootKey: stolen.rootKey,
  issuerKey: stolen.issuerKey,
});

function bundleOf(site: ForgedSite): readonly [string, TrustBundle] {
  const bundle = makeBundle(site.trustDomain, 1, [site.root]);
  if (typeof bundle === "string") throw new Error(bundle);
  return [site.trustDomain, bundle];
}

/** A verifier that knows both sites: the hardest case, since the stolen root is trusted, for its own site. */
const trust: Trust = { bundles: new Map([bundleOf(victim), bundleOf(stolen)]), bans: NO_BANS, nowMs: victim.nowMs };

const victimNames = [
  "spiffe://store-2.fleet.example/ns/prod/sa/web",
  "spiffe://store-2.fleet.example/selvedge/node/till-2",
];
const victimRootId = extension("2.5.29.35", false, seq(contextBytes(0, ...victim.rootKey.id)));
const victimIssuerId = extension("2.5.29.35", false, seq(contextBytes(0, ...victim.issuerKey.id)));
const claimed: readonly Forgery[] = victimNames.map((name) => ({ san: san(false, uri(name)) }));

/** How the thief builds the issuer for the leaf; everything here is signed by keys that he has. */
const issuers: readonly (readonly [string, Uint8Array])[] = [
  ["the stolen issuer as it is", stolen.issuer],
  ["an issuer in the victim's name", posing.issuer],
  ["the same without constraints", posing.makeIssuer({ constraints: null })],
  [
    "the same, constrained to both",
    posing.makeIssuer({ constraints: nameConstraints([uri("store-1.fleet.example"), uri("store-2.fleet.example")]) }),
  ],
  [
    "the same, naming the victim's root by key identifier",
    posing.makeIssuer({ aki: victimRootId, issuer: victim.rootName }),
  ],
  ["the same without key identifiers", posing.makeIssuer({ aki: null, ski: null, issuer: victim.rootName })],
  [
    "an issuer in its own name for the whole fleet",
    stolen.makeIssuer({ constraints: nameConstraints([uri(".fleet.example")]) }),
  ],
  [
    "an issuer with both IDs",
    stolen.makeIssuer({
      san: san(false, uri("spiffe://store-1.fleet.example"), uri("spiffe://store-2.fleet.example")),
    }),
  ],
  ["the victim's own issuer, whose key he lacks", victim.issuer],
  ["the stolen root as issuer", stolen.root],
];

test("a stolen site CA mints for another site: 0 of 60 accepted", () => {
  const answers: string[] = [];
  const attempt = (chain: readonly Uint8Array[]) => {
    const answer = verifyChain(chain, trust);
    answers.push(isRefusal(answer) ? answer.refused : "accepted");
  };
  for (const [, issuer] of issuers) {
    for (const names of claimed) {
      attempt([posing.makeLeaf(names), issuer]);
      attempt([posing.makeLeaf({ ...names, aki: null, issuer: stolen.issuerName }), issuer, stolen.root]);
      attempt([posing.makeLeaf({ ...names, aki: victimIssuerId }), issuer, victim.root]);
    }
  }
  expect(answers.length).toBe(60);
  expect(answers.filter((answer) => answer === "accepted")).toEqual([]);
});

test("the same keys still speak for their own site, so the refusals above are about the site", () => {
  expect(isRefusal(verifyChain([stolen.makeLeaf(), stolen.issuer], trust))).toBe(false);
  expect(isRefusal(verifyChain([victim.makeLeaf(), victim.issuer], trust))).toBe(false);
});

test("a root whose name is another site's is no root of that site's bundle unless somebody puts it there", () => {
  expect(makeBundle(victim.trustDomain, 2, [stolen.root])).toBe("ca_trust_domain");
  const answer = verifyChain([posing.makeLeaf(), posing.issuer, posing.root], trust);
  expect(isRefusal(answer) && answer.refused).toBe("chain_key_id");
});

test("a fleet root above both sites is held by the name constraint of the site below", () => {
  const names = { subject: dn(["2.5.4.10", "Selvedge node issuer"], ["2.5.4.3", "till-1"]) };
  // Where both bundles hold one root, only the constraint in the stolen issuer separates the sites.
  const shared = forgeSite({ trustDomain: victim.trustDomain, node: "till-1", issuerKey: stolen.issuerKey });
  const bundle = makeBundle(victim.trustDomain, 1, [shared.root]);
  if (typeof bundle === "string") throw new Error(bundle);
  const issuer = shared.makeIssuer({ ...names, constraints: nameConstraints([uri("store-1.fleet.example")]) });
  const answer = verifyChain([shared.makeLeaf(), issuer], {
    ...trust,
    bundles: new Map([[victim.trustDomain, bundle]]),
  });
  expect(isRefusal(answer) && answer.refused).toBe("name_constraint");
});
