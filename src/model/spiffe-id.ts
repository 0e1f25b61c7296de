/**
 * SPIFFE IDs (SPIFFE-ID standard, sections 2.1 to 2.3) and the two kinds that this mesh gives: workloads and nodes.
 *
 * Only the canonical spelling is an ID. The standard calls scheme and trust domain case-insensitive but wants them written in
 * lower case; whoever writes them otherwise is refused, so that two IDs are the same exactly when their texts are.
 */

/** Most bytes of an ID: what every implementation must support, and no more is to be made (SPIFFE-ID 2.3). */
export const SPIFFE_ID_BYTES_MAX = 2048;

/** Most bytes of a trust domain (SPIFFE-ID 2.1). */
export const TRUST_DOMAIN_BYTES_MAX = 255;

/** An ID that was parsed. */
export interface SpiffeId {
  readonly trustDomain: string;
  /** `""` for the trust domain itself, else `/` and segments. */
  readonly path: string;
}

/** Why a text is no ID; stable words. */
export type SpiffeIdProblem =
  | "id_too_long"
  | "id_scheme"
  | "trust_domain_empty"
  | "trust_domain_too_long"
  | "trust_domain_byte"
  | "path_byte"
  | "path_empty_segment"
  | "path_dot_segment"
  | "path_trailing_slash";

/** What an ID of this mesh names. `other` is a valid ID that belongs to neither kind. */
export type SpiffeSubject =
  | { readonly kind: "trust-domain" }
  | { readonly kind: "workload"; readonly namespace: string; readonly serviceAccount: string }
  | { readonly kind: "node"; readonly name: string }
  | { readonly kind: "other" };

const SCHEME = "spiffe://";

/** Reads an ID, or says why it is none. Never throws. */
export function parseSpiffeId(text: string): SpiffeId | SpiffeIdProblem {
  // Every character that passes below is one byte, so the length of the text is its length in bytes.
  if (text.length > SPIFFE_ID_BYTES_MAX) return "id_too_long";
  if (!text.startsWith(SCHEME)) return "id_scheme";
  const slash = text.indexOf("/", SCHEME.length);
  const trustDomain = slash < 0 ? text.slice(SCHEME.length) : text.slice(SCHEME.length, slash);
  const path = slash < 0 ? "" : text.slice(slash);
  return trustDomainProblem(trustDomain) ?? pathProblem(path) ?? { trustDomain, path };
}

/** Why a text is no trust domain (SPIFFE-ID 2.1), or `undefined`. */
export function trustDomainProblem(text: string): SpiffeIdProblem | undefined {
  if (text === "") return "trust_domain_empty";
  if (text.length > TRUST_DOMAIN_BYTES_MAX) return "trust_domain_too_long";
  return /^[a-z0-9._-]+$/.test(text) ? undefined : "trust_domain_byte";
}

/** The path `""` is that of the trust domain itself (SPIFFE-ID 2.2). */
function pathProblem(path: string): SpiffeIdProblem | undefined {
  if (path === "") return undefined;
  if (!/^[A-Za-z0-9._/-]+$/.test(path)) return "path_byte";
  if (path.endsWith("/")) return "path_trailing_slash";
  const segments = path.slice(1).split("/");
  if (segments.includes("")) return "path_empty_segment";
  return segments.some((segment) => segment === "." || segment === "..") ? "path_dot_segment" : undefined;
}

/** The one text of an ID. */
export function printSpiffeId(id: SpiffeId): string {
  return `${SCHEME}${id.trustDomain}${id.path}`;
}

/** Whether two IDs are the same: byte for byte, since only canonical ones exist. */
export function sameSpiffeId(a: SpiffeId, b: SpiffeId): boolean {
  return a.trustDomain === b.trustDomain && a.path === b.path;
}

/** The trust domain's own ID, that of its signing certificates. */
export function trustDomainId(trustDomain: string): SpiffeId {
  return { trustDomain, path: "" };
}

/** The ID of a workload, in Istio's form. The caller has checked that both names are single segments. */
export function workloadId(trustDomain: string, namespace: string, serviceAccount: string): SpiffeId {
  return { trustDomain, path: `/ns/${namespace}/sa/${serviceAccount}` };
}

/** The ID of a node. No workload can have it, because the paths of workloads begin with `/ns/`. */
export function nodeId(trustDomain: string, name: string): SpiffeId {
  return { trustDomain, path: `/selvedge/node/${name}` };
}

/** What an ID names: decided by whole segments, never by the beginning of a text. */
export function spiffeSubject(id: SpiffeId): SpiffeSubject {
  if (id.path === "") return { kind: "trust-domain" };
  const [, first = "", second = "", third = "", fourth = "", ...rest] = id.path.split("/");
  if (rest.length > 0) return { kind: "other" };
  if (first === "ns" && third === "sa" && fourth !== "")
    return { kind: "workload", namespace: second, serviceAccount: fourth };
  if (first === "selvedge" && second === "node" && third !== "" && fourth === "") return { kind: "node", name: third };
  return { kind: "other" };
}

/** The principal of an ID as policies write it: without the scheme. */
export function principalOfId(id: SpiffeId): string {
  return `${id.trustDomain}${id.path}`;
}
