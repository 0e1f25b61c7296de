/** Reads Prometheus text: requests, errors and latency per edge of the mesh. */

export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Series of the text; comments are left out. */
export function parseMetrics(text: string): Series[] {
  const series: Series[] = [];
  for (const line of text.split("\n")) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (match === null) continue;
    const labels = Object.fromEntries(
      [...(match[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map((label) => [label[1], label[2]]),
    ) as Record<string, string>;
    series.push({ name: match[1] as string, labels, value: Number(match[3]) });
  }
  return series;
}

export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly requests: number;
  /** Answers 5xx. */
  readonly errors: number;
  /** Answers 403. */
  readonly refused: number;
  /** Requests that came from another machine, as the machine that they came to tells it. */
  readonly crossed: number;
  /** Upper bounds of the buckets that hold the median and the 99th percentile, in milliseconds; NaN: no requests. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** One row per pair of caller and service, in alphabetical order. */
export function edgesOf(all: readonly Series[]): Edge[] {
  const reporters = new Set(all.map(({ labels }) => labels["reporter"]));
  // A call may be told from both ends; one of them is enough.
  const reporter = reporters.has("destination") && !reporters.has("source") ? "destination" : "source";
  const groups = new Map<string, Series[]>();
  for (const one of all) {
    const { labels } = one;
    if (!one.name.startsWith("istio_request")) continue;
    if ((labels["reporter"] ?? reporter) !== reporter && !isCrossed(one)) continue;
    const name = (side: string) => {
      const workload =
        labels[`${side}_canonical_service`] ?? labels[`${side}_app`] ?? labels[`${side}_workload`] ?? "unknown";
      return `${workload}.${labels[`${side}_workload_namespace`] ?? labels[`${side}_service_namespace`] ?? "unknown"}`;
    };
    const key = `${name("source")} ${destinationOf(labels)}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups]
    .map(([key, group]) => edgeOf(key, group))
    .sort((a, b) => (`${a.from} ${a.to}` < `${b.from} ${b.to}` ? -1 : 1));
}

function destinationOf(labels: Readonly<Record<string, string>>): string {
  const name = labels["destination_service_name"] ?? labels["destination_workload"] ?? "unknown";
  // Versions of one service are one edge here.
  return `${name.replace(/-v\d+$/, "")}.${labels["destination_service_namespace"] ?? labels["destination_workload_namespace"] ?? "unknown"}`;
}

/** Told by the machine that the request came to, over the mutual TLS between machines. */
function isCrossed({ labels }: Series): boolean {
  return labels["reporter"] === "destination" && labels["connection_security_policy"] === "mutual_tls";
}

function edgeOf(key: string, both: readonly Series[]): Edge {
  const [from, to] = key.split(" ") as [string, string];
  const crossed = both.filter((one) => isCrossed(one) && one.name === "istio_requests_total");
  const group = both.filter((one) => !isCrossed(one));
  const totals = group.filter(({ name }) => name === "istio_requests_total");
  const sum = (of: readonly Series[]) => of.reduce((total, { value }) => total + value, 0);
  const coded = (pattern: RegExp) => sum(totals.filter(({ labels }) => pattern.test(labels["response_code"] ?? "")));
  const buckets = new Map<number, number>();
  for (const { name, labels, value } of group) {
    if (name !== "istio_request_duration_milliseconds_bucket") continue;
    const bound = labels["le"] === "+Inf" ? Number.POSITIVE_INFINITY : Number(labels["le"]);
    buckets.set(bound, (buckets.get(bound) ?? 0) + value);
  }
  return {
    from,
    to,
    requests: sum(totals),
    errors: coded(/^5/),
    refused: coded(/^403$/),
    crossed: sum(crossed),
    p50Ms: quantile(buckets, 0.5),
    p99Ms: quantile(buckets, 0.99),
  };
}

function quantile(buckets: ReadonlyMap<number, number>, share: number): number {
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  const total = sorted.at(-1)?.[1] ?? 0;
  if (total === 0) return Number.NaN;
  return sorted.find(([, count]) => count >= share * total)?.[0] ?? Number.NaN;
}

/** All requests counted, whoever made them. */
export function requestsIn(all: readonly Series[]): number {
  return edgesOf(all).reduce((sum, edge) => sum + edge.requests, 0);
}
