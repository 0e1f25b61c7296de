import type { TrustBundle } from "../../identity/bundle.ts";
import { type Certificate, isSignedBy } from "../../identity/certificate.ts";
import { ISSUER_LIFE_MS } from "../../identity/lifetimes.ts";
import { ISSUED_MAX, type IssuedIssuer, LATE_RECORDS_MAX, type StoredIssued } from "./identity-files.ts";

/** How long after its end an issuer may be renewed by its key: 400 days. Reason: a box that lay on a shelf for a year, and a month. */
export const LATE_RENEWAL_MS = 400 * 86_400_000;

/** How an issuer was asked for; `{}`: by no issuer. */
export interface AskedFor {
  /** Key of the issuer that vouches, hex. */
  readonly askedBy?: string;
  /** That one has ended. */
  readonly isLate?: boolean;
}

/** Who signed what for whom. */
export interface Issuing extends AskedFor {
  readonly ownNode: string;
  readonly nowMs: number;
}

/** The list with one more. Of those that are over the newest of each node is remembered, where it has no other. */
export function withIssued(
  issued: StoredIssued,
  certificate: Certificate,
  bundle: TrustBundle,
  { ownNode, nowMs, askedBy, isLate }: Issuing,
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
    ...(askedBy === undefined ? {} : { askedBy }),
    ...(isLate === true ? { isUnseen: true } : {}),
  };
  const others = issued.issuers.filter((one) => one.keyHash !== keyHash);
  const isShared = issued.isShared || added.node !== ownNode;
  // One that is seen again after the list was lost may be older than those that are known.
  const all = [...others, added].sort((a, b) => a.notAfterMs - b.notAfterMs);
  return aged({ ...issued, isShared, issuers: all }, nowMs);
}

/** The list after a node has shown an issuer that it got late; `undefined` where that changes nothing. */
export function withSeen(issued: StoredIssued, keyHash: string): StoredIssued | undefined {
  const seen = issued.issuers.find((one) => one.keyHash === keyHash);
  if (seen?.isUnseen !== true) return undefined;
  const { isUnseen: _, ...rest } = seen;
  return { ...issued, issuers: issued.issuers.map((one) => (one === seen ? rest : one)) };
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
  const { ended = [] } = issued;
  return aged({ completeSinceMs: 0, isShared: true, issuers: [...issued.issuers, ...added], ended }, nowMs);
}

/** The newest issuer of each node, by node. */
export function newestByNode(issuers: readonly IssuedIssuer[]): ReadonlyMap<string, IssuedIssuer> {
  return new Map(issuers.map((issuer) => [issuer.node, issuer]));
}

/** The issuer of a node that ends last, over or not, and of equal ones the one signed last. */
export function newestOf({ issuers, ended = [] }: StoredIssued, node: string): IssuedIssuer | undefined {
  const own = [...ended, ...issuers].filter((one) => one.node === node);
  return own.reduce<IssuedIssuer | undefined>(
    (newest, one) => (newest === undefined || one.notAfterMs >= newest.notAfterMs ? one : newest),
    undefined,
  );
}

/** Of each node whose issuers are all over the newest, by end, while it may be renewed by its key. */
export function endedIssuers(issued: StoredIssued, nowMs: number): readonly IssuedIssuer[] {
  const { issuers, ended = [] } = issued;
  const nodes = new Set([...ended, ...issuers].map(({ node }) => node));
  return [...nodes]
    .flatMap((node) => newestOf(issued, node) ?? [])
    .filter(({ notAfterMs }) => notAfterMs <= nowMs && nowMs <= notAfterMs + LATE_RENEWAL_MS)
    .sort((a, b) => a.notAfterMs - b.notAfterMs);
}

/**
 * Of each node that may come to the join door by its key the issuer that is on record: one that has ended, or one that was signed
 * late and that nobody has used yet.
 */
export function lateIssuers(issued: StoredIssued, nowMs: number): readonly IssuedIssuer[] {
  const unseen = issued.issuers.filter((one) => one.isUnseen === true && newestOf(issued, one.node) === one);
  return [...endedIssuers(issued, nowMs), ...unseen.filter(({ notAfterMs }) => notAfterMs > nowMs)];
}

/** Keys that a ban of a node has to name: of issuers that are not over, or of the one that may be renewed late. */
export function keysOfNode(issued: StoredIssued, node: string, nowMs: number): readonly string[] {
  const living = issued.issuers.filter((one) => one.node === node && one.notAfterMs > nowMs);
  const ended = endedIssuers(issued, nowMs).filter((one) => one.node === node);
  return [...new Set([...living, ...ended].map(({ keyHash }) => keyHash))];
}

/** Nodes whose issuer could have been renewed late before, and cannot any more for want of room. */
export function nodesForgotten(before: StoredIssued, next: StoredIssued, nowMs: number): readonly string[] {
  return endedIssuers(before, nowMs)
    .map(({ node }) => node)
    .filter((node) => newestOf(next, node) === undefined);
}

function aged(issued: StoredIssued, nowMs: number): StoredIssued {
  const issuers = issued.issuers.filter((one) => one.notAfterMs > nowMs).slice(-ISSUED_MAX);
  const served = new Set(issuers.map(({ node }) => node));
  const ended = endedIssuers(issued, nowMs).filter(({ node }) => !served.has(node));
  return { ...issued, issuers, ended: ended.slice(-LATE_RECORDS_MAX) };
}
