/** The site as a whole: its settings, its nodes, and which of them this one is. */
import type { DocumentOf, SiteSpec } from "../../../model/documents.ts";
import type { SiteRecord } from "../../../model/snapshot.ts";
import type { DocumentSet } from "./document-set.ts";
import type { Located, Report } from "./report.ts";

/** Name of a site that has no Site document; its trust domain follows from it. */
export const SITE_NAME_DEFAULT = "local";

/** What a site is like when no Site document says otherwise. */
export const SITE_DEFAULTS: SiteSpec = {
  trustDomain: `${SITE_NAME_DEFAULT}.mesh`,
  trustDomainAliases: [],
  node: undefined,
  outbound: "127.0.0.1:15001",
  metrics: "127.0.0.1:15020",
  tunnel: undefined,
  defaultAction: "deny",
  outboundTrafficPolicy: "REGISTRY_ONLY",
  rootNamespace: "selvedge-system",
  accessLogSamplePercent: 1,
};

/** What compiling must know of the machine. */
export interface CompileEnv {
  /** From `--node` or SELVEDGE_NODE; `undefined` where neither is given. */
  readonly node: string | undefined;
  readonly hostname: string;
  /** The uid of a local user, or `undefined` where there is none of that name. */
  readonly resolveUser: (name: string) => number | undefined;
}

/** The resolved site. */
export interface CompiledSite {
  readonly record: SiteRecord;
  readonly spec: SiteSpec;
  readonly document: DocumentOf<"Site"> | undefined;
  /** Every node that documents name, this one included. */
  readonly nodes: ReadonlySet<string>;
  /** Those of them that have a Node document, and so an address. */
  readonly reachable: ReadonlySet<string>;
}

/** Resolves the site; `--node` and SELVEDGE_NODE go before Site.spec.node, the host name comes after it. */
export function compileSite(documents: DocumentSet, env: CompileEnv, report: Report): CompiledSite {
  const [document, ...others] = documents.all("Site");
  for (const other of others) {
    const message = `Site ${other.metadata.name} beside Site ${document?.metadata.name}, expected one`;
    report.add(other, ["metadata", "name"], "SV1002", message);
  }
  const spec = document?.spec ?? SITE_DEFAULTS;
  const node = env.node ?? spec.node ?? env.hostname;
  const reachable = new Set(documents.all("Node").map((one) => one.metadata.name));
  const declared = [...reachable];
  if (spec.node !== undefined) declared.push(spec.node);
  const nodes = new Set([...declared, node]);
  const where: Located | undefined = document ?? documents.all("Node")[0];
  if (where !== undefined && documents.all("Node").length > 0 && !declared.includes(node)) {
    const message = `this node is ${JSON.stringify(node)}, which no Node document and not Site.spec.node names`;
    report.add(
      where,
      ["metadata", "name"],
      "SV1014",
      message,
      report.didYouMean(node, () => declared) ??
        `say which one it is: --node ${declared.slice(0, 8).join(" or --node ")}`,
    );
  }
  const record: SiteRecord = {
    kind: "site",
    key: "site",
    name: document?.metadata.name ?? SITE_NAME_DEFAULT,
    trustDomain: spec.trustDomain,
    trustDomainAliases: spec.trustDomainAliases,
    node,
    defaultAction: spec.defaultAction,
    outboundTrafficPolicy: spec.outboundTrafficPolicy,
    accessLogSamplePercent: spec.accessLogSamplePercent,
  };
  return { record, spec, document, nodes, reachable };
}
