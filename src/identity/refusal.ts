import type { SpiffeIdProblem } from "../model/spiffe-id.ts";
import type { CertificateProblem } from "./certificate-error.ts";

/** Why a chain, a peer or a proof is not believed; stable words, for audit, metrics and `why`. */
export type RefusalReason =
  | CertificateProblem
  | SpiffeIdProblem
  // The chain as a whole.
  | "chain_empty"
  | "chain_incomplete"
  | "chain_too_long"
  | "chain_root"
  | "chain_name"
  | "chain_key_id"
  | "chain_signature"
  | "key_shared"
  | "key_banned"
  | "name_constraint"
  | "not_yet_valid"
  | "expired"
  | "trust_domain_unknown"
  | "bundle_empty"
  // The leaf (X509-SVID 4 and 5.2).
  | "leaf_is_ca"
  | "leaf_without_path"
  | "leaf_constraints"
  | "leaf_key_usage"
  | "leaf_purpose"
  | "leaf_kind"
  | "uri_count"
  | "san_kind"
  | "san_not_critical"
  | "dns_name"
  // Signing certificates.
  | "ca_not_ca"
  | "ca_path_length"
  | "ca_key_usage"
  | "ca_purpose"
  | "ca_name"
  | "ca_uri_count"
  | "ca_path"
  | "ca_trust_domain"
  | "root_signature"
  // Who may speak for whom.
  | "issuer_of_another_node"
  | "not_placed"
  | "node_expected"
  | "node_unknown"
  // The session.
  | "not_authorized"
  | "alpn"
  | "protocol"
  | "resumed"
  // The proof of a workload.
  | "proof_form"
  | "proof_signature"
  | "proof_sender";

/** What of a chain was not believed. */
export type RefusedPart = "chain" | "leaf" | "issuer" | "root" | "peer" | "proof";

/** The answer no. A value, because it is expected: told apart from a yes by the field `refused`. */
export interface Refusal {
  readonly refused: RefusalReason;
  readonly at: RefusedPart;
}

/** Makes a refusal. */
export function refusal(at: RefusedPart, refused: RefusalReason): Refusal {
  return { refused, at };
}

/** Whether an answer is a no. */
export function isRefusal(answer: object): answer is Refusal {
  return "refused" in answer;
}
