/** From a chain of certificates to an identity, or to a reason why not (X509-SVID 5, RFC 5280 6). Any doubt refuses. */
import type { SpiffeId, SpiffeSubject } from "../model/spiffe-id.ts";
import { type BanList, isKeyBanned } from "./bans.ts";
import type { TrustBundle } from "./bundle.ts";
import { type Certificate, isSignedBy, readCertificate } from "./certificate.ts";
import { CertificateError } from "./certificate-error.ts";
import type { KnownCertificates } from "./known-certificates.ts";
import { isNamePermitted } from "./name-constraints.ts";
import { judgeIssuer, judgeLeaf } from "./profile.ts";
import { isRefusal, type Refusal, type RefusalReason, type RefusedPart, refusal } from "./refusal.ts";

/** Most certificates of a chain. Reason: leaf, node issuer and, from those who send it, the root: there are no other levels. */
export const CHAIN_CERTIFICATES_MAX = 3;

/** What is believed at the moment of judging. */
export interface Trust {
  /** By trust domain: a chain is judged by the bundle of the domain that its leaf names, never by another one. */
  readonly bundles: ReadonlyMap<string, TrustBundle>;
  readonly bans: BanList;
  /** The clock with its floor; see `clock.ts`. A time that is no number makes everything invalid. */
  readonly nowMs: number;
  /** Saves reading what was read before; absent: everything is read. */
  readonly known?: KnownCertificates;
}

/** An identity whose chain holds. Whether its issuer may speak for it is judged apart: see `placement.ts`. */
export interface VerifiedChain {
  readonly id: SpiffeId;
  readonly subject: Extract<SpiffeSubject, { kind: "workload" | "node" }>;
  /** The node whose issuer signed the leaf. */
  readonly issuerNode: string;
  readonly leaf: Certificate;
  readonly issuer: Certificate;
  /** Keys of leaf, issuer and root: the identity ends when one of them is banned. */
  readonly keyHashes: readonly [string, string, string];
  /** The first moment at which a certificate of the path is over. */
  readonly notAfterMs: number;
  /** Sequence of the bundle that vouched. */
  readonly bundleSequence: number;
}

/** Judges a chain in DER, leaf first. Never throws, whatever the bytes are. */
export function verifyChain(chain: readonly Uint8Array[], trust: Trust): VerifiedChain | Refusal {
  const read = readChain(chain, trust.known);
  if (isRefusal(read)) return read;
  const [leaf, issuer, sentRoot] = read;
  if (leaf === undefined) return refusal("chain", "chain_empty");
  const claim = judgeLeaf(leaf);
  if (typeof claim === "string") return refusal("leaf", claim);
  if (issuer === undefined) return refusal("chain", "chain_incomplete");
  const { trustDomain } = claim.id;
  const bundle = trust.bundles.get(trustDomain);
  if (bundle === undefined || bundle.trustDomain !== trustDomain) return refusal("chain", "trust_domain_unknown");
  if (bundle.roots.length === 0) return refusal("root", "bundle_empty");
  const issuing = judgeIssuer(issuer, trustDomain);
  if (typeof issuing === "string") return refusal("issuer", issuing);
  const linkProblem = linkedProblem(leaf, issuer);
  if (linkProblem !== undefined) return refusal("leaf", linkProblem);
  const root = rootOf(issuer, bundle, sentRoot);
  if (isRefusal(root)) return root;
  const path = [leaf, issuer, root] as const;
  const problem = pathProblem(path, trust);
  if (problem !== undefined) return problem;
  trust.known?.remember(path);
  return {
    ...claim,
    issuerNode: issuing.node,
    leaf,
    issuer,
    keyHashes: [leaf.keyHash, issuer.keyHash, root.keyHash],
    notAfterMs: Math.min(...path.map((certificate) => certificate.notAfterMs)),
    bundleSequence: bundle.sequence,
  };
}

type Path = readonly [Certificate, Certificate, Certificate];
const PARTS: readonly RefusedPart[] = ["leaf", "issuer", "root"];

function readChain(chain: readonly Uint8Array[], known: KnownCertificates | undefined): Certificate[] | Refusal {
  if (chain.length > CHAIN_CERTIFICATES_MAX) return refusal("chain", "chain_too_long");
  const read: Certificate[] = [];
  for (const [index, der] of chain.entries()) {
    try {
      read.push(known === undefined ? readCertificate(der) : known.read(der));
    } catch (error) {
      if (error instanceof CertificateError) return refusal(PARTS[index] ?? "chain", error.problem);
      throw error;
    }
  }
  return read;
}

/** Whether a certificate says that this one issued it; what it says proves nothing yet. */
function linkedProblem(certificate: Certificate, issuer: Certificate): RefusalReason | undefined {
  if (certificate.issuer.raw.toHex() !== issuer.subject.raw.toHex()) return "chain_name";
  const { authorityKeyId } = certificate;
  const { subjectKeyId } = issuer;
  const isOther = authorityKeyId !== undefined && subjectKeyId !== undefined && authorityKeyId !== subjectKeyId;
  return isOther ? "chain_key_id" : undefined;
}

/** The root of the bundle that the issuer names. Roots that a peer sends are never believed, only recognised. */
function rootOf(issuer: Certificate, bundle: TrustBundle, sentRoot: Certificate | undefined): Certificate | Refusal {
  let problem: RefusalReason = "chain_name";
  for (const root of bundle.roots) {
    const linkProblem = linkedProblem(issuer, root);
    if (linkProblem !== undefined) {
      if (linkProblem === "chain_key_id") problem = linkProblem;
      continue;
    }
    if (!isSignedBy(issuer, root)) {
      problem = "chain_signature";
      continue;
    }
    const isSent = sentRoot === undefined || sentRoot.der.toHex() === root.der.toHex();
    return isSent ? root : refusal("root", "chain_root");
  }
  return refusal("issuer", problem);
}

function pathProblem(path: Path, { bans, nowMs }: Trust): Refusal | undefined {
  const [leaf, issuer, root] = path;
  for (const [index, certificate] of path.entries()) {
    const part = PARTS[index]!;
    if (isKeyBanned(bans, certificate.keyHash)) return refusal(part, "key_banned");
    // Written so that a time that is no number is never within.
    if (!(nowMs >= certificate.notBeforeMs)) return refusal(part, "not_yet_valid");
    if (!(nowMs <= certificate.notAfterMs)) return refusal(part, "expired");
  }
  // X509-SVID 4.1: what signs must not authenticate, so its key must not be in a leaf either.
  if (new Set(path.map((certificate) => certificate.keyHash)).size !== path.length)
    return refusal("chain", "key_shared");
  if (!isWithinConstraints(issuer, leaf) || !isWithinConstraints(root, leaf)) return refusal("leaf", "name_constraint");
  if (!isWithinConstraints(root, issuer)) return refusal("issuer", "name_constraint");
  return isSignedBy(leaf, issuer) ? undefined : refusal("leaf", "chain_signature");
}

function isWithinConstraints(above: Certificate, below: Certificate): boolean {
  const { constraints } = above;
  return constraints === undefined || (below.names?.list ?? []).every((name) => isNamePermitted(constraints, name));
}
