/**
 * The proof by which a node shows, once per connection and workload, that it holds the workload's key (the idea of RFC 9261).
 *
 * The workload's key signs: what this is, the role of the sender, both nodes, the chain, and keying material that only the two
 * ends of this TLS session can know, exported under a label that names the role (RFC 8446 7.5). So a proof is of no use to
 * whoever receives it: not back to its sender, since the roles differ, and not on another connection, since the material does.
 */
import { nodeId, printSpiffeId, type SpiffeId, sameSpiffeId } from "../model/spiffe-id.ts";
import { CERTIFICATE_BYTES_MAX } from "./certificate.ts";
import { packFields, textField, unpackFields } from "./fields.ts";
import { nodeCrypto } from "./node-crypto.ts";
import { type Placement, placementProblem } from "./placement.ts";
import { isRefusal, type Refusal, refusal } from "./refusal.ts";
import { CHAIN_CERTIFICATES_MAX, type Trust, type VerifiedChain, verifyChain } from "./verify.ts";

/** Which end of a connection somebody is: who dialed is the dialer. Known from the connection, never from a message. */
export type TunnelRole = "dialer" | "listener";

/** What the proof is called in what is signed; a later form has another name. */
export const PROOF_NAME = "selvedge-proof-v1";

/** Bytes of keying material that both ends export. */
export const KEYING_MATERIAL_BYTES = 32;

/** Longest proof. Reason: three certificates, a signature of 72 bytes, lengths. */
export const PROOF_BYTES_MAX = CHAIN_CERTIFICATES_MAX * CERTIFICATE_BYTES_MAX + 256;

const SIGNATURE_BYTES_MAX = 72;

/** Label under which both ends export the material for proofs of this role's sender; the context is empty. */
export function exporterLabel(sender: TunnelRole): string {
  return `EXPORTER-${PROOF_NAME}-${sender}`;
}

/** The connection that a proof is for, the same at both ends. */
export interface ProofBinding {
  /** Role of whoever sends the proof. */
  readonly sender: TunnelRole;
  readonly senderNode: SpiffeId;
  readonly receiverNode: SpiffeId;
  /** `KEYING_MATERIAL_BYTES`, exported under `exporterLabel(sender)`. */
  readonly keyingMaterial: Uint8Array;
}

/**
 * Makes a proof. `key`: the workload's, PKCS #8; `chain`: leaf first. Throws RangeError where the binding or the chain is not
 * within its bounds, and what the crypto library says of a key that is none.
 */
export function makeProof(binding: ProofBinding, chain: readonly Uint8Array[], key: Uint8Array): Uint8Array {
  if (chain.length === 0 || chain.length > CHAIN_CERTIFICATES_MAX)
    throw new RangeError("a proof has 1 to 3 certificates");
  const privateKey = nodeCrypto().createPrivateKey({ key: Buffer.from(key), format: "der", type: "pkcs8" });
  return packFields([...chain, nodeCrypto().sign("sha256", signedBytes(binding, chain), privateKey)]);
}

/**
 * The workload that a proof is for, or why it is not believed. Believed until the chain is over, the connection ends, or bundle,
 * bans or placement change: whoever keeps the answer watches for these. Throws RangeError where our own side of the binding is
 * not within its bounds; never for what the peer sent.
 */
export function verifyProof(
  proof: Uint8Array,
  binding: ProofBinding,
  trust: Trust,
  isPlaced: Placement,
): VerifiedChain | Refusal {
  const parts = proof.length > PROOF_BYTES_MAX ? undefined : unpackFields(proof);
  const signature = parts?.pop();
  if (parts === undefined || signature === undefined) return refusal("proof", "proof_form");
  if (parts.length === 0 || parts.length > CHAIN_CERTIFICATES_MAX || signature.length > SIGNATURE_BYTES_MAX)
    return refusal("proof", "proof_form");
  const verified = verifyChain(parts, trust);
  if (isRefusal(verified)) return verified;
  return (
    senderProblem(verified, binding, isPlaced) ??
    (isSignatureRight(verified, signedBytes(binding, parts), signature)
      ? verified
      : refusal("proof", "proof_signature"))
  );
}

/** Whether the node at the other end may speak for this workload: it issued the SVID, and the documents place it there. */
function senderProblem(verified: VerifiedChain, binding: ProofBinding, isPlaced: Placement): Refusal | undefined {
  if (verified.subject.kind !== "workload") return refusal("proof", "leaf_kind");
  const { trustDomain } = binding.senderNode;
  if (verified.id.trustDomain !== trustDomain) return refusal("proof", "proof_sender");
  if (!sameSpiffeId(binding.senderNode, nodeId(trustDomain, verified.issuerNode)))
    return refusal("proof", "proof_sender");
  return placementProblem(verified, isPlaced);
}

function isSignatureRight(verified: VerifiedChain, signed: Uint8Array, signature: Uint8Array): boolean {
  try {
    return nodeCrypto().verify("sha256", signed, verified.leaf.publicKey, signature);
  } catch {
    return false;
  }
}

function signedBytes(binding: ProofBinding, chain: readonly Uint8Array[]): Uint8Array {
  if (binding.keyingMaterial.length !== KEYING_MATERIAL_BYTES)
    throw new RangeError(`keying material has ${KEYING_MATERIAL_BYTES} bytes`);
  return packFields([
    textField(PROOF_NAME),
    textField(binding.sender),
    textField(printSpiffeId(binding.senderNode)),
    textField(printSpiffeId(binding.receiverNode)),
    nodeCrypto().createHash("sha256").update(packFields(chain)).digest(),
    binding.keyingMaterial,
  ]);
}
