/** One forged site and judgements on chains as one line each. */
import { NO_BANS } from "../../src/identity/bans.ts";
import { makeBundle, type TrustBundle } from "../../src/identity/bundle.ts";
import { isRefusal } from "../../src/identity/refusal.ts";
import { type Trust, verifyChain } from "../../src/identity/verify.ts";
import { type Forgery, forgeSite, san } from "./forge-certificate.ts";

export const site = forgeSite();
export const WEB = "spiffe://site-a.example/ns/prod/sa/web";
export const NODE = "spiffe://site-a.example/selvedge/node/till-1";
export const DAY_MS = 86_400_000;

export function bundleOf(trustDomain: string, ...roots: readonly Uint8Array[]): TrustBundle {
  const bundle = makeBundle(trustDomain, 1, roots);
  if (typeof bundle === "string") throw new Error(bundle);
  return bundle;
}

export const trust: Trust = {
  bundles: new Map([[site.trustDomain, bundleOf(site.trustDomain, site.root)]]),
  bans: NO_BANS,
  nowMs: site.nowMs,
};

/** `accepted`, or which part was refused and why. */
export function judge(chain: readonly Uint8Array[], changed: Partial<Trust> = {}): string {
  const answer = verifyChain(chain, { ...trust, ...changed });
  return isRefusal(answer) ? `${answer.at} ${answer.refused}` : "accepted";
}

export const leafIs = (wrong: Forgery) => judge([site.makeLeaf(wrong), site.issuer]);
export const issuerIs = (wrong: Forgery) => judge([site.makeLeaf(), site.makeIssuer(wrong)]);
export const names = (...list: readonly Uint8Array[]) => san(false, ...list);
