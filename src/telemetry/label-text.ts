/** Prometheus label pairs of edges and series, with Istio's names. Text format 0.0.4: `\`, `"` and line feed are escaped. */
import type { EdgePeer } from "./edge-labels.ts";
import { type EdgeInfo, OVERFLOW, type SeriesInfo } from "./stats-source.ts";

/** What Istio writes where a label has no value. */
export const UNKNOWN = "unknown";

const NEEDS_ESCAPE = /[\\"\n]/g;

/** A label value between quotes. */
export function escapeLabel(value: string): string {
  return value.replace(NEEDS_ESCAPE, (found) => (found === "\n" ? "\\n" : `\\${found}`));
}

const pair = (name: string, value: string): string => `${name}="${value === "" ? UNKNOWN : escapeLabel(value)}"`;

/** Istio prints principals as SPIFFE ids. */
const principal = (value: string): string => (value === "" || value === OVERFLOW ? value : `spiffe://${value}`);

function peerLabels(side: "source" | "destination", peer: EdgePeer): string[] {
  const isKnown = peer.workload !== "" || peer.app !== "";
  return [
    pair(`${side}_workload`, peer.workload),
    pair(`${side}_workload_namespace`, peer.namespace),
    pair(`${side}_principal`, principal(peer.principal)),
    pair(`${side}_app`, peer.app),
    pair(`${side}_version`, peer.version),
    pair(`${side}_cluster`, peer.cluster ?? ""),
    pair(`${side}_canonical_service`, peer.app || peer.workload),
    // Istio's revision of a workload that names none.
    pair(`${side}_canonical_revision`, peer.version || (isKnown ? "latest" : "")),
  ];
}

/** Who reports: an edge reported by both ends appears once for each. */
export function reportersOf(edge: EdgeInfo): readonly ("source" | "destination")[] {
  return edge.reporter === "both" ? ["source", "destination"] : [edge.reporter];
}

/** The labels that all series of an edge have, without braces. */
export function edgeLabelText(edge: EdgeInfo, reporter: "source" | "destination"): string {
  const { destination } = edge;
  // Istio knows the security of a connection only where it was accepted.
  const security = reporter === "source" ? UNKNOWN : edge.security;
  return [
    pair("reporter", edge.isOverflow ? OVERFLOW : reporter),
    ...peerLabels("source", edge.source),
    ...peerLabels("destination", destination),
    pair("destination_service", destination.service),
    pair("destination_service_name", destination.serviceName),
    pair("destination_service_namespace", destination.serviceNamespace),
    pair("request_protocol", edge.isOverflow ? OVERFLOW : edge.protocol),
    pair("connection_security_policy", edge.isOverflow ? OVERFLOW : security),
  ].join(",");
}

/** The labels that tell one series of an edge from the others, to be put after the edge's. */
export function seriesLabelText(series: SeriesInfo): string {
  if (series.kind === "overflow") return `,${pair("response_code", OVERFLOW)},${pair("response_flags", OVERFLOW)}`;
  const flags = pair("response_flags", series.flag);
  if (series.kind === "tcp") return `,${flags}`;
  const grpc = series.grpc < 0 ? "" : `,${pair("grpc_response_status", String(series.grpc))}`;
  return `,${pair("response_code", String(series.code))}${grpc},${flags}`;
}
