import { nodeId, printSpiffeId } from "../../model/spiffe-id.ts";
import type { LocalWorkload } from "../attest/caller-index.ts";
import type { SiteFacts } from "../site-facts.ts";
import type { SvidSubject } from "./held-svids.ts";

/** What the documents ask of an identity. */
export interface SiteWishes {
  readonly trustDomain: string;
  readonly node: string;
  /** Whether other nodes are to be reached: without that no SVIDs are made. */
  readonly hasTunnel: boolean;
  /** Local workloads and the node itself. */
  readonly subjects: readonly SvidSubject[];
}

/** Reads them out of what is served; `undefined` where there is no site. */
export function siteWishes(facts: SiteFacts, workloads: readonly LocalWorkload[]): SiteWishes | undefined {
  const { site, listeners } = facts;
  if (site === undefined) return undefined;
  const { trustDomain, node } = site;
  const own: SvidSubject = { key: "", id: printSpiffeId(nodeId(trustDomain, node)) };
  const subjects = workloads.map(({ key, principal }) => ({ key, id: `spiffe://${principal}` }));
  const hasTunnel = listeners.some(({ role }) => role === "tunnel");
  return { trustDomain, node, hasTunnel, subjects: hasTunnel ? [own, ...subjects] : [] };
}

/** Whether two wishes are about the same node of the same site. */
export function isSameNode(a: SiteWishes, b: SiteWishes): boolean {
  return a.trustDomain === b.trustDomain && a.node === b.node && a.hasTunnel === b.hasTunnel;
}
