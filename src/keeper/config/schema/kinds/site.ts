import { listenAddress } from "../addresses.ts";
import { list } from "../collections.ts";
import { declareKind } from "../kind.ts";
import { defaultTrustDomain, dnsLabel, trustDomain } from "../names.ts";
import { object, optional, withDefault } from "../object.ts";
import { decimal, oneOf } from "../scalars.ts";

/** Ways of treating requests to a workload that no ALLOW policy selects. */
export const defaultAction = oneOf(["deny", "audit", "allow"]);
/** Ways of treating calls to hosts that no document names. */
export const outboundTrafficPolicy = oneOf(["REGISTRY_ONLY", "ALLOW_ANY"]);

/** Where applications call out when nothing else is said. Istio's port for the same purpose. */
export const OUTBOUND_DEFAULT = "127.0.0.1:15001";
/** Where metrics are read when nothing else is said. Istio's port for the same purpose. */
export const METRICS_DEFAULT = "127.0.0.1:15020";
/** Namespace whose policies hold for the whole mesh. */
export const ROOT_NAMESPACE_DEFAULT = "selvedge-system";
/** Share of successful requests in the access log. Reason: a small box at full speed must not wear out its disk. */
export const ACCESS_LOG_SAMPLE_PERCENT_DEFAULT = 1;

const spec = object("SiteSpec", {
  trustDomain: optional(
    trustDomain,
    "Trust domain of all identities of the site. Each site has its own, so that a stolen one is worth nothing elsewhere.",
    "<metadata.name>.mesh",
  ),
  trustDomainAliases: withDefault(
    list(trustDomain, { itemsMax: 16 }),
    "Trust domains that mean this one in policies, beside `cluster.local`.",
    [],
  ),
  node: optional(dnsLabel, "Name of this node. `--node` and `SELVEDGE_NODE` go before it.", "the host name"),
  outbound: withDefault(
    listenAddress,
    "Shared outbound listener; the destination is chosen by `Host` or CONNECT.",
    OUTBOUND_DEFAULT,
  ),
  metrics: withDefault(listenAddress, "Listener for `GET /metrics`, read-only, nothing else.", METRICS_DEFAULT),
  tunnel: optional(listenAddress, "Listener for mTLS tunnels from other nodes.", "single node"),
  defaultAction: withDefault(
    defaultAction,
    "What happens to a request for a workload that no ALLOW policy selects. `audit` lets it pass and says so.",
    "deny",
  ),
  outboundTrafficPolicy: withDefault(
    outboundTrafficPolicy,
    "Whether workloads may call hosts that no Service or ServiceEntry names.",
    "REGISTRY_ONLY",
  ),
  rootNamespace: withDefault(dnsLabel, "Policies in this namespace hold for the whole mesh.", ROOT_NAMESPACE_DEFAULT),
  accessLogSamplePercent: withDefault(
    decimal(0, 100),
    "Share of successful requests that reach the access log, in percent. Errors and denials always do.",
    ACCESS_LOG_SAMPLE_PERCENT_DEFAULT,
  ),
});

/** Settings of the site as a whole. */
export const siteKind = declareKind({
  kind: "Site",
  apiVersions: ["selvedge/v1"],
  doc: "Settings of the site. One per site, the same on every node; everything has a default.",
  isSpecRequired: false,
  spec,
  toModel: (written, metadata) => ({
    ...written,
    trustDomain: written.trustDomain ?? defaultTrustDomain(metadata.name),
  }),
  toFile: (model) => model,
});
