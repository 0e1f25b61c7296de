import { CATALOGUE, EDGE_LABELS, type MetricFamily, REQUEST_LABELS } from "./catalogue.ts";
import { COUNTERS, GAUGES } from "./fixed-metrics.ts";

const VALUES = new Map(
  [...Object.values(COUNTERS), ...Object.values(GAUGES)].map(({ name, values }) => [name, values]),
);

function labelsText({ name, labels }: MetricFamily): string {
  if (labels === REQUEST_LABELS) return "edge, `response_code`, `grpc_response_status`, `response_flags`";
  if (labels.length > EDGE_LABELS.length) return "edge, `response_flags`";
  const [only] = labels;
  const values = VALUES.get(name);
  if (labels.length === 1 && values !== undefined) {
    return `\`${only}\`: ${values.map((value) => `\`${value}\``).join(", ")}`;
  }
  return labels.map((label) => `\`${label}\``).join(", ");
}

/** The text of `docs/metrics.md`, made from the catalogue. */
export function metricsMarkdown(): string {
  const rows = CATALOGUE.map(
    (family) => `| \`${family.name}\` | ${family.type} | ${family.unit} | ${labelsText(family)} | ${family.help} |`,
  );
  return `# Metrics

Made from the catalogue in \`src/telemetry/catalogue.ts\`; \`UPDATE_DOCS=1 bun test src/telemetry/catalogue\` writes it anew.

Served as Prometheus text at \`GET /metrics\` on \`Site.spec.metrics\`, and on nothing else. Names and labels that begin with
\`istio_\` are Istio's, so that its dashboards work. A label without a value is \`unknown\`. Label values come from the
configuration or from closed sets, never from a request.

*edge* stands for these labels: ${EDGE_LABELS.map((label) => `\`${label}\``).join(", ")}.

- An edge that is one hop on this node is reported by both its ends: choose one \`reporter\`, or requests count twice.
- \`connection_security_policy\` is known to the \`destination\` only, as in Istio.
- Counts of workers that died are kept and added; their gauges are gone with them.
- Histograms are kept exponentially (each bucket 9.05 % wider than the one before). The boundaries printed are Envoy's, and each
  is counted at the nearest boundary that is kept: up to 4.5 % beside the one printed.
- A worker keeps 4,096 series (edge, status, flag). What finds no room is counted with \`_overflow\` in every label, and in
  \`selvedge_series_overflow_total\`.

| name | type | unit | labels | meaning |
|---|---|---|---|---|
${rows.join("\n")}
`;
}
