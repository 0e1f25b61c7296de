import { BANS_TEXT_BYTES_MAX, banSequence, bansBytes } from "../../identity/bans.ts";
import type { Certificate } from "../../identity/certificate.ts";
import { ROOT_DUE_BEFORE_MS, renewAtMs, stopsAt } from "../../identity/rotation.ts";
import type { Renewal } from "./renewal.ts";
import type { SiteIdentity } from "./site-identity.ts";

/** One certificate as operators see it; times are ISO 8601. */
export interface CertificateRow {
  readonly kind: "root" | "issuer" | "svid";
  /** What `identity show` calls it: `root`, `root-2`, `issuer`, `node`, or `namespace/name` of a workload. */
  readonly name: string;
  readonly id: string;
  readonly serial: string;
  /** SHA-256 of the public key, hex. */
  readonly keyHash: string;
  readonly notBefore: string;
  readonly notAfter: string;
  /** When it is due; absent where this node does not renew it. */
  readonly renewAt?: string;
  readonly state: "valid" | "not_yet_valid" | "expired" | "banned";
}

/** Everything that one look at an identity should tell; plain JSON. */
export interface IdentityDescription {
  readonly trustDomain: string;
  readonly node: string;
  readonly origin: string;
  readonly holdsRoot: boolean;
  readonly judgedTime: string;
  /** Why the wall clock is not followed, where it is not. */
  readonly clock: string | null;
  readonly bundleSequence: number;
  readonly banSequence: number;
  readonly banned: readonly { readonly node: string; readonly keyHash: string; readonly reason: string }[];
  /** What the list takes, lifted bans included, of what the root can say. */
  readonly bansBytes: number;
  readonly bansBytesMax: number;
  readonly rootChange: string;
  readonly certificates: readonly CertificateRow[];
  /** What stops, and when, if this node meets nobody from now on. */
  readonly stops: readonly { readonly what: string; readonly at: string }[];
  readonly troubles: readonly { readonly what: string; readonly reason: string }[];
}

/** Describes an identity. @param renewal absent where none runs. */
export function describeIdentity(site: SiteIdentity, renewal: Renewal | undefined): IdentityDescription {
  const { bundle, bans } = site.trust();
  const banned = [...bans.values()].filter((ban) => ban.state === "banned");
  return {
    trustDomain: site.trustDomain,
    node: site.node,
    origin: site.origin,
    holdsRoot: site.holdsRoot,
    judgedTime: iso(site.nowMs()),
    clock: site.clock.pendingMs !== null ? "jump_pending" : site.clock.disbelief,
    bundleSequence: bundle.sequence,
    banSequence: banSequence(bans),
    banned: banned.map(({ node, keyHash, reason }) => ({ node, keyHash, reason })),
    bansBytes: bansBytes(bans),
    bansBytesMax: BANS_TEXT_BYTES_MAX,
    rootChange: site.root?.rotation.phase ?? (bundle.roots.length > 1 ? "announced" : "steady"),
    certificates: certificateRows(site),
    stops: stopRows(site, renewal),
    troubles: [...(renewal?.troubles ?? [])].map(([what, reason]) => ({ what, reason })),
  };
}

/** Roots, the issuer, SVIDs; in this order. */
export function certificateRows(site: SiteIdentity): CertificateRow[] {
  const { roots } = site.siteTrust.bundle;
  const rows = roots.map((root, index) =>
    row(site, "root", index === 0 ? "root" : `root-${index + 1}`, root, root.notAfterMs - ROOT_DUE_BEFORE_MS),
  );
  const issuer = site.issuerCertificate();
  if (issuer !== undefined) rows.push(row(site, "issuer", "issuer", issuer, renewAtMs(issuer, 0.5)));
  for (const { key, certificate, jitter } of site.svids.all) {
    rows.push(row(site, "svid", svidName(key), certificate, renewAtMs(certificate, jitter)));
  }
  return rows;
}

/** Certificates of one name as DER, leaf first, for `identity show`; `undefined` where there is none. */
export function chainOfName(site: SiteIdentity, name: string): readonly Uint8Array[] | undefined {
  const { roots } = site.siteTrust.bundle;
  const at = name === "root" ? 0 : name === "root-2" ? 1 : -1;
  if (at >= 0) return roots[at] === undefined ? undefined : [roots[at].der];
  const issuer = site.issuerCertificate();
  if (name === "issuer") return issuer === undefined ? undefined : [issuer.der];
  return site.svids.all.find(({ key }) => svidName(key) === name)?.chain;
}

function svidName(key: string): string {
  return key === "" ? "node" : key.replace(/^workload\//, "");
}

function row(
  site: SiteIdentity,
  kind: CertificateRow["kind"],
  name: string,
  certificate: Certificate,
  dueMs: number,
): CertificateRow {
  const { serial, keyHash, notBeforeMs, notAfterMs, names } = certificate;
  const isOwn = kind !== "root" || site.holdsRoot;
  return {
    kind,
    name,
    id: names?.list.find((one) => one.kind === "uri")?.text ?? "",
    serial,
    keyHash,
    notBefore: iso(notBeforeMs),
    notAfter: iso(notAfterMs),
    ...(isOwn ? { renewAt: iso(dueMs) } : {}),
    state: stateOf(certificate, site),
  };
}

function stateOf({ keyHash, notBeforeMs, notAfterMs }: Certificate, site: SiteIdentity): CertificateRow["state"] {
  const nowMs = site.nowMs();
  if (site.siteTrust.isBanned(keyHash)) return "banned";
  if (nowMs < notBeforeMs) return "not_yet_valid";
  return nowMs > notAfterMs ? "expired" : "valid";
}

function stopRows(site: SiteIdentity, renewal: Renewal | undefined): IdentityDescription["stops"] {
  const held = renewal?.held();
  if (held === undefined) return [];
  const { issuingMs, callsBetweenNodesMs, joiningMs } = stopsAt(held, site.nowMs());
  const rows = [{ what: "calls on this node", at: "never" }];
  // The root's node renews its own issuer as long as the root lives.
  const alone = site.holdsRoot ? joiningMs : callsBetweenNodesMs;
  rows.push({ what: "calls between nodes", at: iso(alone) });
  rows.push({ what: "new certificates on this node", at: iso(site.holdsRoot ? joiningMs : issuingMs) });
  if (site.holdsRoot) rows.push({ what: "letting nodes in, renewing their issuers", at: iso(joiningMs) });
  return rows;
}

function iso(ms: number): string {
  return new Date(Math.min(ms, 8.64e15)).toISOString();
}
