/**
 * A node shows that a request for a new issuer is its own by the key of the issuer that it has: the tunnel proves it to a worker,
 * this proves it to the keeper that signs, so that whoever has taken over a worker of the root's node gets no issuer of another.
 */
import { createHash } from "node:crypto";
import { packFields, textField } from "../../identity/fields.ts";
import type { Signer } from "../../identity/issue-protocol.ts";
import { nodeId, printSpiffeId } from "../../model/spiffe-id.ts";
import type { SiteIdentity } from "../identity/site-identity.ts";
import { judgeIssuerWord, signByIssuer } from "./issuer-word.ts";

/** What is asked, by whom. */
export interface RenewalClaim {
  readonly trustDomain: string;
  readonly node: string;
  readonly challenge: Uint8Array;
  readonly request: Uint8Array;
}

/** Signs with the issuer's key. */
export function proveRenewal(claim: RenewalClaim, signer: Signer): Uint8Array {
  return signByIssuer(signedBytes(claim), signer);
}

/** Why the claim is not that of the node, or `undefined`. Never throws. */
export function renewalProblem(
  site: SiteIdentity,
  claim: RenewalClaim,
  issuer: Uint8Array,
  proof: Uint8Array,
): string | undefined {
  const judged = judgeIssuerWord(site, claim.node, { issuer, signed: signedBytes(claim), signature: proof });
  return typeof judged === "string" ? judged : undefined;
}

function signedBytes({ trustDomain, node, challenge, request }: RenewalClaim): Uint8Array {
  return packFields([
    textField("selvedge-renewal-v1"),
    textField(printSpiffeId(nodeId(trustDomain, node))),
    challenge,
    createHash("sha256").update(request).digest(),
  ]);
}
