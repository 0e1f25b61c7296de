import { type Refusal, refusal } from "./refusal.ts";
import type { VerifiedChain } from "./verify.ts";

/** Whether the documents place a workload with this namespace and service account on this node. */
export type Placement = (
  workload: { readonly namespace: string; readonly serviceAccount: string },
  node: string,
) => boolean;

/**
 * Whether the node that issued an SVID may speak for it: for itself, and for workloads that the documents place on it. X.509
 * cannot say this, so a stolen node would else speak for everybody.
 */
export function placementProblem(verified: VerifiedChain, isPlaced: Placement): Refusal | undefined {
  const { subject, issuerNode } = verified;
  if (subject.kind === "node")
    return subject.name === issuerNode ? undefined : refusal("issuer", "issuer_of_another_node");
  return isPlaced(subject, issuerNode) ? undefined : refusal("issuer", "not_placed");
}
