/** The one table of every metric this mesh shows: what `/metrics` renders from, and what `docs/metrics.md` is made of. */
import { COUNTERS, type FixedMetric, GAUGES } from "./fixed-metrics.ts";
import { EDGE_VALUE, SERIES_VALUE } from "./layout.ts";

/** A metric as a reader of `/metrics` sees it. */
export interface MetricFamily {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly unit: string;
  readonly labels: readonly string[];
  readonly help: string;
}

const PEER_LABELS = ["workload", "workload_namespace", "principal", "app", "version", "cluster"] as const;
const CANONICAL_LABELS = ["canonical_service", "canonical_revision"] as const;

const sideLabels = (side: string): string[] => [...PEER_LABELS, ...CANONICAL_LABELS].map((label) => `${side}_${label}`);

/** Labels of everything that is about an edge, in the order they are printed. */
export const EDGE_LABELS: readonly string[] = [
  "reporter",
  ...sideLabels("source"),
  ...sideLabels("destination"),
  "destination_service",
  "destination_service_name",
  "destination_service_namespace",
  "request_protocol",
  "connection_security_policy",
];

/** Labels of HTTP and gRPC series. `grpc_response_status` is there for gRPC only. */
export const REQUEST_LABELS: readonly string[] = [
  ...EDGE_LABELS,
  "response_code",
  "grpc_response_status",
  "response_flags",
];

const TCP_LABELS: readonly string[] = [...EDGE_LABELS, "response_flags"];

/** One sample per series. */
export const REQUESTS_TOTAL: MetricFamily = {
  name: "istio_requests_total",
  type: "counter",
  unit: "1",
  labels: REQUEST_LABELS,
  help: "Requests that were answered, by the mesh or by a service.",
};

/** A histogram of each series, with where it stands in the series' values. */
export interface SeriesHistogram extends MetricFamily {
  readonly shape: "duration" | "bytes";
  readonly bucketsAt: number;
  readonly sumAt: number;
  /** What the stored sum is to be multiplied by. */
  readonly sumScale: number;
}

export const SERIES_HISTOGRAMS: readonly SeriesHistogram[] = [
  {
    name: "istio_request_duration_milliseconds",
    type: "histogram",
    unit: "ms",
    labels: REQUEST_LABELS,
    help: "From the first byte of a request's head to the last byte of its answer.",
    shape: "duration",
    bucketsAt: SERIES_VALUE.durationBuckets,
    sumAt: SERIES_VALUE.durationSumUs,
    sumScale: 0.001,
  },
  {
    name: "istio_request_bytes",
    type: "histogram",
    unit: "By",
    labels: REQUEST_LABELS,
    help: "Body bytes of requests.",
    shape: "bytes",
    bucketsAt: SERIES_VALUE.requestBytesBuckets,
    sumAt: SERIES_VALUE.requestBytesSum,
    sumScale: 1,
  },
  {
    name: "istio_response_bytes",
    type: "histogram",
    unit: "By",
    labels: REQUEST_LABELS,
    help: "Body bytes of answers.",
    shape: "bytes",
    bucketsAt: SERIES_VALUE.responseBytesBuckets,
    sumAt: SERIES_VALUE.responseBytesSum,
    sumScale: 1,
  },
];

/** A value of each edge, with its position in EDGE_VALUE. */
export interface EdgeMetric extends MetricFamily {
  readonly valueAt: number;
}

export const EDGE_COUNTERS: readonly EdgeMetric[] = [
  {
    name: "istio_tcp_connections_opened_total",
    type: "counter",
    unit: "1",
    labels: TCP_LABELS,
    help: "TCP connections (and upgraded ones) that were relayed.",
    valueAt: EDGE_VALUE.tcpOpened,
  },
  {
    name: "istio_tcp_connections_closed_total",
    type: "counter",
    unit: "1",
    labels: TCP_LABELS,
    help: "Relayed TCP connections that ended.",
    valueAt: EDGE_VALUE.tcpClosed,
  },
  {
    name: "istio_tcp_sent_bytes_total",
    type: "counter",
    unit: "By",
    labels: TCP_LABELS,
    help: "Bytes relayed to callers.",
    valueAt: EDGE_VALUE.tcpSentBytes,
  },
  {
    name: "istio_tcp_received_bytes_total",
    type: "counter",
    unit: "By",
    labels: TCP_LABELS,
    help: "Bytes relayed from callers.",
    valueAt: EDGE_VALUE.tcpReceivedBytes,
  },
];

/** TCP connections that came to nothing, by flag. */
export const TCP_FAILED: MetricFamily = {
  name: "istio_tcp_connections_failed_total",
  type: "counter",
  unit: "1",
  labels: TCP_LABELS,
  help: "TCP connections that were refused or could not be opened to a service.",
};

const SHORT_LABELS = ["source_workload", "source_workload_namespace", "destination_service"] as const;

export const EDGE_GAUGES: readonly EdgeMetric[] = [
  {
    name: "selvedge_requests_in_flight",
    type: "gauge",
    unit: "1",
    labels: SHORT_LABELS,
    help: "Requests that have begun and not ended.",
    valueAt: EDGE_VALUE.inFlight,
  },
  {
    name: "selvedge_tcp_connections_open",
    type: "gauge",
    unit: "1",
    labels: SHORT_LABELS,
    help: "TCP connections being relayed.",
    valueAt: EDGE_VALUE.tcpOpen,
  },
];

/** Always 1; the version is a label. */
export const BUILD_INFO: MetricFamily = {
  name: "selvedge_build_info",
  type: "gauge",
  unit: "1",
  labels: ["version"],
  help: "Version of the mesh; the value is always 1.",
};

/** The metrics of a process as a whole. */
export const FIXED_METRICS: readonly FixedMetric[] = [...Object.values(COUNTERS), ...Object.values(GAUGES)];

const familyOf = (metric: FixedMetric): MetricFamily => ({
  name: metric.name,
  type: metric.type,
  unit: metric.unit,
  labels: metric.label === undefined ? [] : [metric.label],
  help: metric.help,
});

/** Every metric, in the order of `/metrics`. */
export const CATALOGUE: readonly MetricFamily[] = [
  BUILD_INFO,
  ...FIXED_METRICS.map(familyOf),
  ...EDGE_GAUGES,
  ...EDGE_COUNTERS,
  TCP_FAILED,
  REQUESTS_TOTAL,
  ...SERIES_HISTOGRAMS,
];
