import { bump, type EdgeActivity, type Outcome } from "./edge-activity.ts";
import { DURATION_HISTOGRAM } from "./exponential.ts";
import { quantile } from "./quantile.ts";

/** Flags of what policy refused. */
const DENIED: ReadonlySet<string> = new Set(["RBAC", "CALLS"]);

/** Flags that do not make an answer a failure by themselves: none, and a caller that left. */
const HARMLESS: ReadonlySet<string> = new Set(["-", "DC"]);

/** The figures that `stat` and `edges` show of some activity. Rates are per second, latencies milliseconds. */
export interface ActivitySummary {
  /** HTTP requests, refused ones included. */
  readonly requests: number;
  readonly rps: number;
  /** 0 to 1, of the requests that policy let through; `null` without any. A failure is 5xx, no status, a gRPC error or a flag. */
  readonly success: number | null;
  readonly failed: number;
  /** `null` without requests. At most 4.5 % off. */
  readonly latencyP50Ms: number | null;
  readonly latencyP95Ms: number | null;
  readonly latencyP99Ms: number | null;
  /** Refused by policy: requests and TCP connections. */
  readonly denied: number;
  readonly deniedPerSecond: number;
  /** The most frequent failure (a flag, else a status, else `grpc N`) and its share of all requests; `null` without failures. */
  readonly topError: { readonly name: string; readonly share: number } | null;
  readonly tcpOpened: number;
  readonly sentBytesPerSecond: number;
  readonly receivedBytesPerSecond: number;
}

const isDenied = ({ flag }: Outcome): boolean => DENIED.has(flag);

function isFailed(outcome: Outcome): boolean {
  if (isDenied(outcome)) return false;
  return (
    outcome.kind === "tcp" ||
    outcome.code >= 500 ||
    outcome.code === 0 ||
    outcome.grpc > 0 ||
    !HARMLESS.has(outcome.flag)
  );
}

function failureName({ flag, code, grpc }: Outcome): string {
  if (flag !== "-") return flag;
  return grpc > 0 ? `grpc ${grpc}` : String(code);
}

const total = (outcomes: readonly Outcome[]): number => outcomes.reduce((sum, { count }) => sum + count, 0);

/** Sums some activity up. @param coveredMs how long it took; 0 gives rates of 0. */
export function summarise(activity: EdgeActivity, coveredMs: number): ActivitySummary {
  const outcomes = activity.outcomeList();
  const perSecond = (count: number): number => (coveredMs > 0 ? (count * 1000) / coveredMs : 0);
  const http = outcomes.filter(({ kind }) => kind === "http");
  const requests = total(http);
  const permitted = total(http.filter((outcome) => !isDenied(outcome)));
  const failed = total(http.filter(isFailed));
  const denied = total(outcomes.filter(isDenied));
  const [tcpOpened, , sent, received] = activity.tcp;
  return {
    requests,
    rps: perSecond(requests),
    success: permitted === 0 ? null : 1 - failed / permitted,
    failed,
    ...latencies(activity),
    denied,
    deniedPerSecond: perSecond(denied),
    topError: topError(outcomes),
    tcpOpened: tcpOpened!,
    sentBytesPerSecond: perSecond(sent!),
    receivedBytesPerSecond: perSecond(received!),
  };
}

function latencies(activity: EdgeActivity) {
  const durations = activity.durations();
  const at = (q: number): number | null => {
    const value = quantile(DURATION_HISTOGRAM, durations, q);
    return Number.isNaN(value) ? null : value;
  };
  return { latencyP50Ms: at(0.5), latencyP95Ms: at(0.95), latencyP99Ms: at(0.99) };
}

function topError(outcomes: readonly Outcome[]): ActivitySummary["topError"] {
  const counts = new Map<string, number>();
  for (const outcome of outcomes) if (isFailed(outcome)) bump(counts, failureName(outcome), outcome.count);
  const [top] = [...counts].toSorted(([aName, a], [bName, b]) => b - a || (aName < bName ? -1 : 1));
  return top === undefined ? null : { name: top[0], share: top[1] / total(outcomes) };
}
