/**
 * The metrics that are not about an edge: every worker and the keeper have each of them once. A position in the region is a
 * contract with workers of other versions, so it is written down here: append only, never renumber.
 */
import { PARSE_ERROR, type ParseError } from "../wire/http1/head.ts";

/** Position of a counter in the region. Only this file makes them. */
export type CounterId = number & { readonly isCounterId: true };

/** Position of a gauge in the region. Only this file makes them. */
export type GaugeId = number & { readonly isGaugeId: true };

/** How the values of several workers become one. A gauge of value 0 takes no part in `min`: its owner never set it. */
export type Combine = "sum" | "max" | "min";

export interface FixedMetric {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly unit: string;
  readonly help: string;
  readonly combine: Combine;
  /** First position; the values of the label follow one another from there. */
  readonly at: number;
  /** The one label, where there is one. */
  readonly label?: string;
  readonly values: readonly string[];
  /** Values of 0 mean that there is nothing to say, and are left out. */
  readonly isOptional?: boolean;
}

/** Where the caller's identity came from, or why there is none. Append only, at most 16. */
export const ATTESTATION_RESULTS = [
  "cgroup",
  "uid",
  "tree",
  "address",
  "none",
  "closed",
  "reused",
  "timeout",
  "overload",
  "error",
  "mtls",
] as const;
export type AttestationResult = (typeof ATTESTATION_RESULTS)[number];

/** Why a request or connection was refused by policy. Append only, at most 16. */
export const DENIAL_REASONS = [
  "policy",
  "no_allow",
  "default",
  "calls",
  "broken",
  "no_identity",
  "policy_change",
  "listener_mismatch",
] as const;
export type DenialReason = (typeof DENIAL_REASONS)[number];

/** Every named bound that traffic can run into. Append only, at most 128. */
export const LIMITS = [
  "head_bytes",
  "header_lines",
  "target_bytes",
  "trailer_bytes",
  "pipelined_bytes",
  "downstream_connections",
  "upstream_connections",
  "descriptors",
  "pending_requests",
  "attestations_pending",
  "lookups",
  "scrapes",
  "head_timeout",
  "idle_timeout",
  "tunnel_idle_timeout",
  "request_timeout",
  "backend_request_timeout",
  "connect_timeout",
  "drain_timeout",
  "handshakes",
  "handshakes_of_address",
  "handshake_timeout",
  "tunnels",
  "tunnel_proofs",
  "peer_messages",
  "http2_budget",
  "http2_settings_timeout",
  "slow_receivers",
  "frame_timeout",
  "cancelled_requests",
  "banned_keys",
  "kept_bodies",
] as const;
export type LimitName = (typeof LIMITS)[number];

/** States of a connection to an endpoint. Append only, at most 8. */
export const UPSTREAM_STATES = ["connecting", "active", "idle"] as const;
export type UpstreamState = (typeof UPSTREAM_STATES)[number];

/** Certificates of this node whose ends are told. Append only, at most 8. */
export const IDENTITY_KINDS = ["root", "issuer", "svid"] as const;
export type IdentityKind = (typeof IDENTITY_KINDS)[number];

/** Label values of parse errors: the names in PARSE_ERROR, lower case, each at the position of its negated code. */
const PARSE_ERROR_CLASSES: readonly string[] = Object.entries(PARSE_ERROR).reduce<string[]>((names, [name, code]) => {
  names[-code - 1] = name.toLowerCase();
  return names;
}, []);

const counter = (at: number, name: string, help: string, label?: string, values?: readonly string[]): FixedMetric => ({
  name,
  type: "counter",
  unit: "1",
  help,
  combine: "sum",
  at,
  values: values ?? [""],
  ...(label === undefined ? {} : { label }),
});

const gauge = (
  at: number,
  name: string,
  unit: string,
  combine: Combine,
  help: string,
  label?: string,
  values?: readonly string[],
): FixedMetric => ({ ...counter(at, name, help, label, values), type: "gauge", unit, combine });

/** Fixed counters. Room between positions is for values to come. */
export const COUNTERS = {
  configRejected: counter(
    0,
    "selvedge_config_rejected_total",
    "Configurations that were refused; the one before serves on.",
  ),
  workerRestarts: counter(1, "selvedge_worker_restarts_total", "Proxy workers started in place of one that died."),
  seriesOverflow: counter(
    2,
    "selvedge_series_overflow_total",
    "Events counted in the overflow series, because every series of the region is taken.",
  ),
  recordsLost: counter(
    3,
    "selvedge_records_lost_total",
    "Request records overwritten in the ring before anybody read them.",
  ),
  regionCorrupt: counter(
    4,
    "selvedge_region_corrupt_total",
    "Values in a worker's statistics that made no sense and were left out.",
  ),
  connectionsAccepted: counter(
    5,
    "selvedge_downstream_connections_accepted_total",
    "Connections accepted from callers.",
  ),
  upstreamOpened: counter(6, "selvedge_upstream_connections_opened_total", "Connections opened to endpoints."),
  upstreamFailed: counter(
    7,
    "selvedge_upstream_connect_failures_total",
    "Connections to endpoints that could not be opened.",
  ),
  retries: counter(8, "selvedge_upstream_retries_total", "Requests sent again because the connection was stale."),
  cpuSeconds: {
    ...counter(9, "process_cpu_seconds_total", "CPU time of the mesh's processes in user and system mode."),
    unit: "s",
  },
  auditDenied: counter(
    10,
    "selvedge_authorization_audit_total",
    "Requests let through that would have been refused outside of audit.",
  ),
  peersRefused: counter(
    13,
    "selvedge_node_peers_refused_total",
    "Connections and identities of other machines that were not believed; the audit log says why.",
  ),
  nodesJoined: counter(14, "selvedge_node_joins_total", "Machines that were let in by a token."),
  joinsRefused: counter(
    15,
    "selvedge_node_joins_refused_total",
    "Machines that asked to join and were refused; the audit log says why.",
  ),
  attestations: counter(
    16,
    "selvedge_attestations_total",
    "Callers looked up in the kernel, by how they were recognised or why they were not.",
    "result",
    ATTESTATION_RESULTS,
  ),
  denied: counter(
    32,
    "selvedge_authorization_denied_total",
    "Requests and connections refused by policy, by reason.",
    "reason",
    DENIAL_REASONS,
  ),
  parseErrors: counter(
    64,
    "selvedge_parse_errors_total",
    "Messages refused by the HTTP parser, by class.",
    "class",
    PARSE_ERROR_CLASSES,
  ),
  limits: counter(128, "selvedge_limit_exceeded_total", "Times a named bound was reached.", "limit", LIMITS),
} as const satisfies Record<string, FixedMetric>;

/** Fixed gauges. */
export const GAUGES = {
  configGeneration: gauge(
    0,
    "selvedge_config_generation",
    "1",
    "min",
    "Generation of the configuration that every worker serves.",
  ),
  configLastSuccess: gauge(
    1,
    "selvedge_config_last_success_timestamp_seconds",
    "s",
    "max",
    "When a configuration was last taken up.",
  ),
  workers: gauge(2, "selvedge_workers", "1", "sum", "Proxy workers that are alive."),
  downstreamConnections: gauge(3, "selvedge_downstream_connections", "1", "sum", "Connections open from callers."),
  pendingRequests: gauge(
    4,
    "selvedge_pending_requests",
    "1",
    "sum",
    "Requests that wait for a connection to an endpoint.",
  ),
  eventLoopLag: gauge(
    5,
    "selvedge_event_loop_lag_seconds",
    "s",
    "max",
    "Longest delay of a timer of a worker in the last second.",
  ),
  residentMemory: gauge(6, "process_resident_memory_bytes", "By", "sum", "Resident memory of the mesh's processes."),
  openDescriptors: gauge(7, "process_open_fds", "1", "sum", "Open file descriptors of the mesh's processes."),
  maxDescriptors: gauge(8, "process_max_fds", "1", "min", "Most file descriptors one process may open."),
  startTime: gauge(9, "process_start_time_seconds", "s", "min", "When the oldest process of the mesh started."),
  endpointsDown: gauge(10, "selvedge_endpoints_down", "1", "max", "Endpoints that take no requests."),
  tapActive: gauge(
    11,
    "selvedge_tap_active",
    "1",
    "max",
    "Whether every request is recorded, because somebody watches: 0 or 1.",
  ),
  upstreamConnections: gauge(
    16,
    "selvedge_upstream_connections",
    "1",
    "sum",
    "Connections to endpoints, by state.",
    "state",
    UPSTREAM_STATES,
  ),
  identityExpiry: {
    ...gauge(
      24,
      "selvedge_identity_expiry_timestamp_seconds",
      "s",
      "min",
      "When the first certificate of a kind ends, if nothing renews it; absent where there is none.",
      "kind",
      IDENTITY_KINDS,
    ),
    isOptional: true,
  },
} as const satisfies Record<string, FixedMetric>;

type SingleCounter = Exclude<keyof typeof COUNTERS, "attestations" | "denied" | "parseErrors" | "limits">;
type SingleGauge = Exclude<keyof typeof GAUGES, "upstreamConnections" | "identityExpiry">;

function single<Key extends string, Id extends number>(metrics: Record<Key, FixedMetric>): Record<Key, Id> {
  const ids = {} as Record<Key, Id>;
  for (const key of Object.keys(metrics) as Key[]) ids[key] = metrics[key].at as Id;
  return ids;
}

function byValue<Value extends string, Id extends number>(at: number, values: readonly Value[]): Record<Value, Id> {
  const ids = {} as Record<Value, Id>;
  for (const [position, value] of values.entries()) ids[value] = (at + position) as Id;
  return ids;
}

/** Counters without a label: `stats.counter(COUNTER.retries)`. */
export const COUNTER: Readonly<Record<SingleCounter, CounterId>> = single(COUNTERS);
/** Gauges without a label: `stats.gauge(GAUGE.pendingRequests, 3)`. */
export const GAUGE: Readonly<Record<SingleGauge, GaugeId>> = single(GAUGES);
/** `selvedge_attestations_total` by result. */
export const ATTESTATION_COUNTER: Readonly<Record<AttestationResult, CounterId>> = byValue(
  COUNTERS.attestations.at,
  ATTESTATION_RESULTS,
);
/** `selvedge_authorization_denied_total` by reason. */
export const DENIED_COUNTER: Readonly<Record<DenialReason, CounterId>> = byValue(COUNTERS.denied.at, DENIAL_REASONS);
/** `selvedge_limit_exceeded_total` by limit. */
export const LIMIT_COUNTER: Readonly<Record<LimitName, CounterId>> = byValue(COUNTERS.limits.at, LIMITS);
/** `selvedge_upstream_connections` by state. */
export const UPSTREAM_GAUGE: Readonly<Record<UpstreamState, GaugeId>> = byValue(
  GAUGES.upstreamConnections.at,
  UPSTREAM_STATES,
);

/** `selvedge_identity_expiry_timestamp_seconds` by kind. */
export const IDENTITY_EXPIRY_GAUGE: Readonly<Record<IdentityKind, GaugeId>> = byValue(
  GAUGES.identityExpiry.at,
  IDENTITY_KINDS,
);

/** `selvedge_parse_errors_total` of one of the parser's answers. */
export function parseErrorCounter(error: ParseError): CounterId {
  return (COUNTERS.parseErrors.at - 1 - error) as CounterId;
}

const LIMIT_OF_PARSE_ERROR: ReadonlyMap<number, LimitName> = new Map<number, LimitName>([
  [PARSE_ERROR.HEAD_TOO_LARGE, "head_bytes"],
  [PARSE_ERROR.TOO_MANY_HEADERS, "header_lines"],
  [PARSE_ERROR.TARGET_TOO_LONG, "target_bytes"],
  [PARSE_ERROR.TRAILERS_TOO_LARGE, "trailer_bytes"],
]);

/** The bound that one of the parser's answers stands for, or `undefined` where the message was not too large but wrong. */
export function limitOfParseError(error: ParseError): CounterId | undefined {
  const limit = LIMIT_OF_PARSE_ERROR.get(error);
  return limit === undefined ? undefined : LIMIT_COUNTER[limit];
}
