/**
 * What one keeper says to another, signed by the key of its node's issuer, which never leaves the keeper: workers carry it, and
 * whoever has taken over a worker can hold it back, but say nothing in a node's name.
 */
import { createPrivateKey, sign, verify } from "node:crypto";
import { type Certificate, isSignedBy, readCertificate } from "../../identity/certificate.ts";
import { CertificateError } from "../../identity/certificate-error.ts";
import type { Signer } from "../../identity/issue-protocol.ts";
import { judgeIssuer } from "../../identity/profile.ts";
import { isValidAt } from "../../identity/rotation.ts";
import type { SiteIdentity } from "../identity/site-identity.ts";

/** Longest signature: an ECDSA-Sig-Value of P-256 in DER. */
export const ISSUER_SIGNATURE_BYTES_MAX = 72;

/** Signs with the issuer's key. */
export function signByIssuer(signed: Uint8Array, { key }: Pick<Signer, "key">): Uint8Array {
  const privateKey = createPrivateKey({ key: Buffer.from(key), format: "der", type: "pkcs8" });
  return new Uint8Array(sign("sha256", signed, privateKey));
}

/**
 * The issuer of `node` that signed, or why it is not believed, for people. Never throws.
 * @param issuer its certificate as it came, DER.
 */
export function judgeIssuerWord(
  site: SiteIdentity,
  node: string,
  {
    issuer,
    signed,
    signature,
  }: { readonly issuer: Uint8Array; readonly signed: Uint8Array; readonly signature: Uint8Array },
): Certificate | string {
  let certificate: Certificate;
  try {
    certificate = readCertificate(issuer);
  } catch (error) {
    if (error instanceof CertificateError) return `its issuer cannot be read: ${error.problem}`;
    throw error;
  }
  const judged = judgeIssuer(certificate, site.trustDomain);
  if (typeof judged === "string") return `its issuer cannot be used: ${judged}`;
  if (judged.node !== node) return `its issuer is of ${judged.node}`;
  if (!site.trust().bundle.roots.some((root) => isSignedBy(certificate, root))) return "its issuer is of no root here";
  if (site.siteTrust.isBanned(certificate.keyHash)) return "its issuer's key is banned";
  if (!isValidAt(certificate, site.nowMs())) return "its issuer is over: it has to join anew";
  return isRight(certificate, signed, signature) ? certificate : "its issuer's key did not sign this";
}

function isRight(certificate: Certificate, signed: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify("sha256", signed, certificate.publicKey, signature);
  } catch {
    return false;
  }
}
