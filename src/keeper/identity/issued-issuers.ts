import type { TrustBundle } from "../../identity/bundle.ts";
import { type Certificate, isSignedBy } from "../../identity/certificate.ts";
import { ISSUED_MAX, type IssuedIssuer, type StoredIssued } from "./identity-files.ts";

/** The list with one more; those that are over are forgotten, and the oldest where there are too many. */
export function withIssued(
  issued: StoredIssued,
  certificate: Certificate,
  bundle: TrustBundle,
  { ownNode, nowMs }: { readonly ownNode: string; readonly nowMs: number },
): StoredIssued {
  const root = bundle.roots.find((one) => isSignedBy(certificate, one));
  const { keyHash, serial, notAfterMs, subject } = certificate;
  const added: IssuedIssuer = {
    node: subject.commonName ?? "",
    keyHash,
    serial,
    notAfterMs,
    rootKeyHash: root?.keyHash ?? "",
    atMs: Math.floor(nowMs),
  };
  const kept = issued.issuers.filter((one) => one.notAfterMs > nowMs && one.keyHash !== keyHash);
  const isShared = issued.isShared || added.node !== ownNode;
  return { ...issued, isShared, issuers: [...kept, added].slice(-ISSUED_MAX) };
}

/** The newest issuer of each node, by node. */
export function newestByNode(issuers: readonly IssuedIssuer[]): ReadonlyMap<string, IssuedIssuer> {
  return new Map(issuers.map((issuer) => [issuer.node, issuer]));
}
