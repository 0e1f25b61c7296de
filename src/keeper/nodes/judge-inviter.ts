import { NO_BANS } from "../../identity/bans.ts";
import { makeBundle, type TrustBundle } from "../../identity/bundle.ts";
import { type Certificate, readCertificate } from "../../identity/certificate.ts";
import { CertificateError } from "../../identity/certificate-error.ts";
import { JOIN_ALPN } from "../../identity/join-protocol.ts";
import type { JoinToken } from "../../identity/join-token.ts";
import { BACKDATE_MS } from "../../identity/lifetimes.ts";
import { placementProblem } from "../../identity/placement.ts";
import { isRefusal, type RefusalReason } from "../../identity/refusal.ts";
import { verifyChain } from "../../identity/verify.ts";
import { type PeerFacts, TUNNEL_TLS } from "../../identity/verify-peer.ts";

/** Longest time from an invitation to its end: 14 days. Reason: a courier and a weekend. */
export const INVITE_VALID_MS_MAX = 14 * 86_400_000;

/** Why the other end is not the node that invited; `root_pin`: another site's root, or an impostor's. */
export type InviterProblem = RefusalReason | "root_pin" | "root_missing";

/** The other end is the node that invited, and holds a chain to the root that the token names. */
export interface Inviter {
  readonly root: Certificate;
  readonly bundle: TrustBundle;
}

/**
 * Judges who answers, before anything is shown to it: a machine without identity knows the root by its key alone, and takes the
 * certificate from the chain. The runtime's own verdict says nothing here, since nobody has told it a root yet.
 * @param nowMs see `joiningTimeMs`.
 */
export function judgeInviter(
  facts: Omit<PeerFacts, "isAuthorized">,
  token: JoinToken,
  nowMs: number,
): Inviter | InviterProblem {
  if (facts.isResumed !== false) return "resumed";
  if (facts.protocol !== TUNNEL_TLS) return "protocol";
  if (facts.alpn !== JOIN_ALPN) return "alpn";
  const sent = facts.chain[2];
  if (sent === undefined) return "root_missing";
  const root = certificateOf(sent);
  if (typeof root === "string") return root;
  if (root.keyHash !== token.pin) return "root_pin";
  const bundle = makeBundle(token.trustDomain, 0, [sent]);
  if (typeof bundle === "string") return "ca_trust_domain";
  const bundles = new Map([[token.trustDomain, bundle]]);
  const verified = verifyChain(facts.chain, { bundles, bans: NO_BANS, nowMs });
  if (isRefusal(verified)) return verified.refused;
  const { subject, id } = verified;
  if (subject.kind !== "node") return "leaf_kind";
  const placed = placementProblem(verified, () => false);
  if (placed !== undefined) return placed.refused;
  if (id.trustDomain !== token.trustDomain || subject.name !== token.rootNode) return "node_expected";
  return { root, bundle };
}

/**
 * The time by which the other end is judged: that of this machine's clock, unless the token is younger than it. A new box may
 * wake in 1970; then it goes by when the other end's certificate was made, whose signer is known by the token.
 */
export function joiningTimeMs(wallMs: number, token: JoinToken, leaf: Uint8Array | undefined): number {
  if (wallMs >= token.expiresAtMs - INVITE_VALID_MS_MAX) return wallMs;
  const certificate = leaf === undefined ? "chain_empty" : certificateOf(leaf);
  return typeof certificate === "string" ? wallMs : certificate.notBeforeMs + BACKDATE_MS;
}

function certificateOf(der: Uint8Array): Certificate | RefusalReason {
  try {
    return readCertificate(der);
  } catch (error) {
    if (error instanceof CertificateError) return error.problem;
    throw error;
  }
}
