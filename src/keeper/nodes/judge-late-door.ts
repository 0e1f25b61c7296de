import type { BanList } from "../../identity/bans.ts";
import type { TrustBundle } from "../../identity/bundle.ts";
import { readCertificate } from "../../identity/certificate.ts";
import { CertificateError } from "../../identity/certificate-error.ts";
import { JOIN_ALPN } from "../../identity/join-protocol.ts";
import { BACKDATE_MS } from "../../identity/lifetimes.ts";
import { placementProblem } from "../../identity/placement.ts";
import { isRefusal } from "../../identity/refusal.ts";
import { verifyChain } from "../../identity/verify.ts";
import { type PeerFacts, TUNNEL_TLS } from "../../identity/verify-peer.ts";

/** Whom a node that was off for long believes. */
export interface LateTrust {
  readonly bundle: TrustBundle;
  readonly bans: BanList;
  /** The node that was called. */
  readonly node: string;
}

/**
 * Why the other end is not that node of this site, or `undefined`. Judged by the time at which its certificate was made, since the
 * clock of a box that was off may have stood still. So one that has a certificate of long ago is believed; it gets a request that is
 * good for its session alone, and nothing of its answer counts but what the root has signed.
 */
export function lateDoorProblem(facts: Omit<PeerFacts, "isAuthorized">, trust: LateTrust): string | undefined {
  if (facts.isResumed !== false) return "resumed";
  if (facts.protocol !== TUNNEL_TLS) return "protocol";
  if (facts.alpn !== JOIN_ALPN) return "alpn";
  const { bundle, bans, node } = trust;
  const nowMs = madeMs(facts.chain[0]);
  if (typeof nowMs === "string") return nowMs;
  const verified = verifyChain(facts.chain, { bundles: new Map([[bundle.trustDomain, bundle]]), bans, nowMs });
  if (isRefusal(verified)) return verified.refused;
  if (verified.subject.kind !== "node") return "leaf_kind";
  const placed = placementProblem(verified, () => false);
  if (placed !== undefined) return placed.refused;
  return verified.subject.name === node ? undefined : "node_expected";
}

function madeMs(leaf: Uint8Array | undefined): number | string {
  if (leaf === undefined) return "chain_empty";
  try {
    return readCertificate(leaf).notBeforeMs + BACKDATE_MS;
  } catch (error) {
    if (error instanceof CertificateError) return error.problem;
    throw error;
  }
}
