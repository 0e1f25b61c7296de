/** The other end of a tunnel: judged after the handshake and before the first byte. */
import { placementProblem } from "./placement.ts";
import { isRefusal, type Refusal, type RefusalReason, refusal } from "./refusal.ts";
import { type Trust, type VerifiedChain, verifyChain } from "./verify.ts";

/** The one protocol of a tunnel. */
export const TUNNEL_ALPN = "h2";

/** The one version of TLS between nodes, as the runtime names it. */
export const TUNNEL_TLS = "TLSv1.3";

/** What the runtime says about a session. What it does not say is to be given as the value that is refused. */
export interface PeerFacts {
  /** The runtime's own verdict on the peer's certificate. */
  readonly isAuthorized: boolean;
  /** `""` = none negotiated. */
  readonly alpn: string;
  readonly protocol: string;
  /** A resumed session presented no certificate. */
  readonly isResumed: boolean;
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[];
}

/** Whom a tunnel may reach. */
export interface PeerExpectation {
  /** Dialer: exactly the node that the snapshot names. */
  readonly node?: string;
  readonly trustDomain: string;
  /** Listener: whether a node of this name stands in the documents. Asked in either case. */
  readonly isRegistered: (node: string) => boolean;
}

/** A node at the other end. */
export interface VerifiedPeer {
  readonly node: string;
  readonly verified: VerifiedChain;
}

/** The node at the other end, or why the connection is to be closed. Never throws. */
export function verifyPeer(facts: PeerFacts, expected: PeerExpectation, trust: Trust): VerifiedPeer | Refusal {
  const problem = sessionProblem(facts);
  if (problem !== undefined) return refusal("peer", problem);
  const verified = verifyChain(facts.chain, trust);
  if (isRefusal(verified)) return verified;
  const { subject, id } = verified;
  // A workload's certificate opens no tunnel: it would lend the workload's node to whoever holds the workload's key.
  if (subject.kind !== "node") return refusal("leaf", "leaf_kind");
  const placed = placementProblem(verified, () => false);
  if (placed !== undefined) return placed;
  if (id.trustDomain !== expected.trustDomain) return refusal("peer", "node_expected");
  if (expected.node !== undefined && subject.name !== expected.node) return refusal("peer", "node_expected");
  if (!expected.isRegistered(subject.name)) return refusal("peer", "node_unknown");
  return { node: subject.name, verified };
}

/** Only exactly `true` and `false` count: what the runtime leaves out in a later version must not pass for a yes. */
function sessionProblem(facts: PeerFacts): RefusalReason | undefined {
  if (facts.isAuthorized !== true) return "not_authorized";
  if (facts.isResumed !== false) return "resumed";
  if (facts.protocol !== TUNNEL_TLS) return "protocol";
  return facts.alpn === TUNNEL_ALPN ? undefined : "alpn";
}
