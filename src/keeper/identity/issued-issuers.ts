import type { TrustBundle } from "../../identity/bundle.ts";
import { type Certificate, isSignedBy } from "../../identity/certificate.ts";
import { ISSUER_LIFE_MS } from "../../identity/lifetimes.ts";
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
  // One that is seen again after the list was lost may be older than those that are known.
  const issuers = [...kept, added].sort((a, b) => a.notAfterMs - b.notAfterMs);
  return { ...issued, isShared, issuers: issuers.slice(-ISSUED_MAX) };
}

/** What another node says about an issuer that it signed. */
export interface ToldIssuer {
  readonly node: string;
  readonly keyHash: string;
  readonly notAfterMs: number;
}

/**
 * The list with what the root's node tells of it, for the day when this node gets the root; `undefined` where nothing is new.
 * Nothing is removed by what somebody leaves out, and nothing lasts longer than an issuer that is signed now.
 */
export function withTold(issued: StoredIssued, told: readonly ToldIssuer[], nowMs: number): StoredIssued | undefined {
  const known = new Set(issued.issuers.map(({ keyHash }) => keyHash));
  const added = told
    .filter(({ keyHash, notAfterMs }) => !known.has(keyHash) && notAfterMs > nowMs)
    .map(({ node, keyHash, notAfterMs }): IssuedIssuer => {
      const endMs = Math.min(notAfterMs, nowMs + ISSUER_LIFE_MS);
      return { node, keyHash, serial: "", notAfterMs: endMs, rootKeyHash: "", atMs: Math.floor(nowMs) };
    });
  if (added.length === 0) return undefined;
  const kept = issued.issuers.filter((one) => one.notAfterMs > nowMs);
  return { completeSinceMs: 0, isShared: true, issuers: [...kept, ...added].slice(-ISSUED_MAX) };
}

/** The newest issuer of each node, by node. */
export function newestByNode(issuers: readonly IssuedIssuer[]): ReadonlyMap<string, IssuedIssuer> {
  return new Map(issuers.map((issuer) => [issuer.node, issuer]));
}
