/**
 * A node shows that a request for a new issuer is its own by the key of the issuer that it has: the tunnel proves it to a worker,
 * this proves it to the keeper that signs, so that whoever has taken over a worker of the root's node gets no issuer of another.
 */
import { createHash, createPrivateKey, sign, verify } from "node:crypto";
import { type Certificate, isSignedBy, readCertificate } from "../../identity/certificate.ts";
import { CertificateError } from "../../identity/certificate-error.ts";
import { packFields, textField } from "../../identity/fields.ts";
import type { Signer } from "../../identity/issue-protocol.ts";
import { judgeIssuer } from "../../identity/profile.ts";
import { isValidAt } from "../../identity/rotation.ts";
import { nodeId, printSpiffeId } from "../../model/spiffe-id.ts";
import type { SiteIdentity } from "../identity/site-identity.ts";

/** What is asked, by whom. */
export interface RenewalClaim {
  readonly trustDomain: string;
  readonly node: string;
  readonly challenge: Uint8Array;
  readonly request: Uint8Array;
}

/** Signs with the issuer's key. */
export function proveRenewal(claim: RenewalClaim, { key }: Signer): Uint8Array {
  const privateKey = createPrivateKey({ key: Buffer.from(key), format: "der", type: "pkcs8" });
  return new Uint8Array(sign("sha256", signedBytes(claim), privateKey));
}

/** Why the claim is not that of the node, or `undefined`. Never throws. */
export function renewalProblem(
  site: SiteIdentity,
  claim: RenewalClaim,
  issuer: Uint8Array,
  proof: Uint8Array,
): string | undefined {
  let certificate: Certificate;
  try {
    certificate = readCertificate(issuer);
  } catch (error) {
    if (error instanceof CertificateError) return `its issuer cannot be read: ${error.problem}`;
    throw error;
  }
  const judged = judgeIssuer(certificate, site.trustDomain);
  if (typeof judged === "string") return `its issuer cannot be used: ${judged}`;
  if (judged.node !== claim.node) return `its issuer is of ${judged.node}`;
  if (!site.trust().bundle.roots.some((root) => isSignedBy(certificate, root))) return "its issuer is of no root here";
  if (site.siteTrust.isBanned(certificate.keyHash)) return "its issuer's key is banned";
  if (!isValidAt(certificate, site.nowMs())) return "its issuer is over: it has to join anew";
  return isRight(certificate, claim, proof) ? undefined : "its issuer's key did not sign this";
}

function isRight(certificate: Certificate, claim: RenewalClaim, proof: Uint8Array): boolean {
  try {
    return verify("sha256", signedBytes(claim), certificate.publicKey, proof);
  } catch {
    return false;
  }
}

function signedBytes({ trustDomain, node, challenge, request }: RenewalClaim): Uint8Array {
  return packFields([
    textField("selvedge-renewal-v1"),
    textField(printSpiffeId(nodeId(trustDomain, node))),
    challenge,
    createHash("sha256").update(request).digest(),
  ]);
}
