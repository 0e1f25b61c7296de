import type { RequestRecord } from "./access-record.ts";

/**
 * What JSON lets through and a log line must not hold: delete and the C1 controls (a terminal obeys some), the line separators
 * that some readers split at, and the invisible marks that hide text or turn its direction around.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** By UTF-16 unit, as JSON does: a character beyond U+FFFF is two of them. */
const escapeUnits = (character: string): string =>
  character.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** A value as one line of printable JSON, without the line feed. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, escapeUnits);
}

const orNull = (text: string): string | null => (text === "" ? null : text);

const milliseconds = (us: number): number => Math.round(us) / 1000;

/** The largest time a Date can hold, ECMA-262 21.4.1.1. */
const TIME_MAX = 8.64e15;

/**
 * A record with the keys of the access log: Envoy's and Istio's where they have one, `null` where there is no value.
 * Times in milliseconds.
 */
export function accessLogEntry(record: RequestRecord): Readonly<Record<string, string | number | null>> {
  return {
    start_time: new Date(Math.min(record.timeMs, TIME_MAX)).toISOString(),
    method: orNull(record.method),
    path: orNull(record.path),
    protocol: record.protocol,
    response_code: record.status,
    response_flags: record.flag,
    bytes_received: record.bytesReceived,
    bytes_sent: record.bytesSent,
    duration: milliseconds(record.durationUs),
    upstream_service_time: record.upstreamUs === 0 ? null : milliseconds(record.upstreamUs),
    request_id: orNull(record.requestId),
    authority: orNull(record.host),
    upstream_host: orNull(record.upstream),
    route_name: orNull(record.route),
    downstream_remote_address: orNull(record.ip),
    src_workload: nameOf(record.source),
    src_identity: orNull(record.source.principal),
    identity_strength: record.strength,
    dst_workload: nameOf(record.destination),
    dst_identity: orNull(record.destination.principal),
    dst_service: orNull(record.service),
    reporter: record.reporter,
    src_node: orNull(record.source.node ?? ""),
    dst_node: orNull(record.destination.node ?? ""),
    authz_verdict: record.verdict,
    authz_policy: orNull(record.policy),
    authz_rule: record.rule < 0 ? null : record.rule,
    trace_id: orNull(record.traceId),
    selvedge_id: orNull(record.id),
    generation: record.generation,
  };
}

/** One line of the access log, without the line feed. Whatever a request held, it is one line of printable JSON. */
export function accessLogLine(record: RequestRecord): string {
  return jsonLine(accessLogEntry(record));
}

function nameOf({ namespace, workload }: { readonly namespace: string; readonly workload: string }): string | null {
  return workload === "" ? null : `${namespace}/${workload}`;
}
