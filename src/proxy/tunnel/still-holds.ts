import { isKeyBanned } from "../../identity/bans.ts";
import { isRefusal, type Refusal, refusal } from "../../identity/refusal.ts";
import { type Trust, type VerifiedChain, verifyChain } from "../../identity/verify.ts";

/** A chain that was believed, with what it takes to judge it again. */
export interface Believed {
  readonly chain: readonly Uint8Array[];
  readonly verified: VerifiedChain;
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
export function lifeProblem(verified: VerifiedChain, { bans, nowMs }: Trust): Refusal | undefined {
  if (verified.keyHashes.some((hash) => isKeyBanned(bans, hash))) return refusal("chain", "key_banned");
  return nowMs <= verified.notAfterMs ? undefined : refusal("chain", "expired");
}
