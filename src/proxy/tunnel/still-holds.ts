import { isKeyBanned } from "../../identity/bans.ts";
import { isRefusal, type Refusal, refusal } from "../../identity/refusal.ts";
import { type Trust, type VerifiedChain, verifyChain } from "../../identity/verify.ts";

/** Of a verified chain what outlives the judgement: parsed certificates weigh more than everything else of an idle connection. */
export type KeptChain = Pick<VerifiedChain, "issuerNode" | "keyHashes" | "notAfterMs">;

/** A chain that was believed, with what it takes to judge it again. */
export interface Believed {
  /** DER of leaf and issuer; the root is the bundle's. */
  readonly chain: readonly Uint8Array[];
  readonly verified: KeptChain;
}

/** What is to be kept of a chain that was just verified. */
export function keep({ leaf, issuer, issuerNode, keyHashes, notAfterMs }: VerifiedChain): Believed {
  // Their own copies: shared by all connections that show the same, and no views of what they were sent with.
  return { chain: [leaf.der, issuer.der], verified: { issuerNode, keyHashes, notAfterMs } };
}

/**
 * Whether a chain that was believed still is; the reason why not. Whole, because roots may have changed: two signatures, which
 * is why nobody asks without a reason.
 */
export function stillHolds({ chain, verified }: Believed, trust: Trust): Refusal | undefined {
  const quick = lifeProblem(verified, trust);
  if (quick !== undefined) return quick;
  const again = verifyChain(chain, trust);
  return isRefusal(again) ? again : undefined;
}

/** The same where only time has gone on since it was judged. */
export function lifeProblem(verified: KeptChain, { bans, nowMs }: Trust): Refusal | undefined {
  if (verified.keyHashes.some((hash) => isKeyBanned(bans, hash))) return refusal("chain", "key_banned");
  return nowMs <= verified.notAfterMs ? undefined : refusal("chain", "expired");
}
