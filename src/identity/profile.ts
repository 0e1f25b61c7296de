/** What a certificate must be for its place in a chain: the X509-SVID rules (sections 2 to 5), and our own where they leave room. */
import { parseSpiffeId, type SpiffeId, type SpiffeSubject, spiffeSubject } from "../model/spiffe-id.ts";
import { type Certificate, isSignedBy } from "./certificate.ts";
import { KEY_USAGE, PURPOSE } from "./extensions.ts";
import { ISSUER_ORGANIZATION, nodeServerName } from "./node-names.ts";
import type { RefusalReason } from "./refusal.ts";

/** What a leaf says it is; believed only when its chain is. */
export interface LeafClaim {
  readonly id: SpiffeId;
  readonly subject: Extract<SpiffeSubject, { kind: "workload" | "node" }>;
}

/** What a leaf claims to be, or why no chain could make it an SVID. */
export function judgeLeaf(leaf: Certificate): LeafClaim | RefusalReason {
  const names = leaf.names?.list ?? [];
  const uris = names.filter((name) => name.kind === "uri");
  if (uris.length !== 1) return "uri_count";
  if (names.some((name) => name.kind !== "uri" && name.kind !== "dns")) return "san_kind";
  if (leaf.subject.isEmpty && leaf.names?.isCritical !== true) return "san_not_critical";
  const id = parseSpiffeId(uris[0]!.text);
  if (typeof id === "string") return id;
  const subject = spiffeSubject(id);
  if (subject.kind === "trust-domain") return "leaf_without_path";
  if (subject.kind === "other") return "leaf_kind";
  const dnsNames = names.filter((name) => name.kind === "dns").map((name) => name.text);
  if (!areDnsNamesOwn(id.trustDomain, subject, dnsNames)) return "dns_name";
  return leafUseProblem(leaf) ?? { id, subject };
}

/** A node may bear its own server name, a workload none: a DNS name that nobody needs is one that somebody could misuse. */
function areDnsNamesOwn(trustDomain: string, subject: LeafClaim["subject"], dnsNames: readonly string[]): boolean {
  if (dnsNames.length === 0) return true;
  return dnsNames.length === 1 && subject.kind === "node" && dnsNames[0] === nodeServerName(trustDomain, subject.name);
}

/** X509-SVID 4.1, 4.3, 4.4 and 5.2. */
function leafUseProblem(leaf: Certificate): RefusalReason | undefined {
  const { basic, keyUsage } = leaf;
  if (basic?.isCa === true) return "leaf_is_ca";
  if (leaf.constraints !== undefined) return "leaf_constraints";
  const signing = KEY_USAGE.keyCertSign | KEY_USAGE.crlSign;
  const isUsable =
    keyUsage?.isCritical === true &&
    (keyUsage.bits & KEY_USAGE.digitalSignature) !== 0 &&
    (keyUsage.bits & signing) === 0;
  if (!isUsable) return "leaf_key_usage";
  return hasBothPurposes(leaf) ? undefined : "leaf_purpose";
}

/** X509-SVID 4.4: where purposes are named, both ends of a connection are among them. */
function hasBothPurposes({ purposes }: Certificate): boolean {
  return purposes === undefined || (purposes.includes(PURPOSE.serverAuth) && purposes.includes(PURPOSE.clientAuth));
}

/** The node whose issuer this is, or why it may not issue SVIDs of this trust domain. */
export function judgeIssuer(issuer: Certificate, trustDomain: string): { readonly node: string } | RefusalReason {
  const problem = signerProblem(issuer, trustDomain);
  if (problem !== undefined) return problem;
  if (issuer.basic?.pathLengthMax !== 0) return "ca_path_length";
  const { organization, commonName } = issuer.subject;
  if (organization !== ISSUER_ORGANIZATION || commonName === undefined) return "ca_name";
  return { node: commonName };
}

/** Why a certificate cannot be a root of this trust domain, or `undefined`. Its validity is judged when a chain is. */
export function rootProblem(root: Certificate, trustDomain: string): RefusalReason | undefined {
  const problem = signerProblem(root, trustDomain);
  if (problem !== undefined) return problem;
  if (root.basic?.pathLengthMax === 0) return "ca_path_length";
  if (root.subject.raw.toHex() !== root.issuer.raw.toHex()) return "chain_name";
  return isSignedBy(root, root) ? undefined : "root_signature";
}

/** Common to root and issuer: X509-SVID 4.1 and 4.3, RFC 5280 4.2.1.3 and 4.2.1.9, and exactly one SPIFFE ID without path. */
function signerProblem(signer: Certificate, trustDomain: string): RefusalReason | undefined {
  if (signer.basic?.isCa !== true || !signer.basic.isCritical) return "ca_not_ca";
  const { keyUsage } = signer;
  if (keyUsage?.isCritical !== true || (keyUsage.bits & KEY_USAGE.keyCertSign) === 0) return "ca_key_usage";
  if (!hasBothPurposes(signer)) return "ca_purpose";
  if (signer.subject.isEmpty) return "ca_name";
  const names = signer.names?.list ?? [];
  const uri = names.find((name) => name.kind === "uri");
  if (uri === undefined || names.length !== 1) return "ca_uri_count";
  const id = parseSpiffeId(uri.text);
  if (typeof id === "string") return id;
  if (id.path !== "") return "ca_path";
  return id.trustDomain === trustDomain ? undefined : "ca_trust_domain";
}
