import type { Denied } from "../model/authz/decision.ts";
import type { Permit } from "../model/authz/permit.ts";
import type { Rule } from "../model/route/rule.ts";
import { AccessRecord, RECORD_PROTOCOL, VERDICT } from "../telemetry/access-record.ts";
import type { EdgeDestination, EdgePeer } from "../telemetry/edge-labels.ts";
import type { EdgeStats } from "../telemetry/edge-stats.ts";
import { COUNTER, DENIED_COUNTER, type DenialReason } from "../telemetry/fixed-metrics.ts";
import type { EdgeProtocol, Reporter } from "../telemetry/layout.ts";
import type { LogSampler } from "../telemetry/log-sampler.ts";
import type { StatsWriter } from "../telemetry/stats-writer.ts";
import { isTraceparent, readTraceId, TRACEPARENT_BYTES } from "../telemetry/trace-context.ts";
import { STRENGTHS } from "../wire/channel/frames.ts";
import { FORM, HEADER, type RequestHead } from "../wire/http1/head.ts";
import type { CallerIdentity } from "./caller.ts";
import type { RequestHeadPlan } from "./exchange/request-head.ts";
import type { Destination, Target } from "./mesh/destination.ts";

/** What a request came to, as far as it got. One per connection, reused. */
export class RequestSummary {
  status = 0;
  flag = 0;
  durationUs = 0;
  upstreamUs = 0;
  requestBytes = 0;
  responseBytes = 0;
  idHigh = 0;
  idLow = 0;
  /** The request was a gRPC call. */
  isGrpc = false;
  /** Its status, -1 where there was none. */
  grpcStatus = -1;
  edge: EdgeStats | null = null;
  target: Target | null = null;
  rule: Rule | null = null;
  denial: Denied | null = null;
  permit: Permit | null = null;
  /** The endpoint's node answered in the endpoint's stead: flag and id are that node's. */
  isFromNode = false;
}

const NOWHERE: EdgeDestination = {
  workload: "",
  namespace: "",
  principal: "",
  app: "",
  version: "",
  service: "",
  serviceName: "",
  serviceNamespace: "",
};
const NOWHERE_KEY = {};
const METRIC_OF_DENIAL: Readonly<Record<Denied["reason"], DenialReason>> = {
  explicit_deny: "policy",
  no_allow_matched: "no_allow",
  default_deny: "default",
  broken_policy: "broken",
  calls: "calls",
};

/** Counts every request, and writes the record of those that are to be looked at: all that went wrong, and a sample. */
export class Recorder {
  /** Which requests are looked at. */
  readonly sampler: LogSampler;
  readonly #stats: StatsWriter;
  readonly #record = new AccessRecord();
  readonly #epochMs: () => number;

  /** @param epochMs wall clock, for records. */
  constructor(stats: StatsWriter, sampler: LogSampler, epochMs: () => number) {
    this.#stats = stats;
    this.sampler = sampler;
    this.#epochMs = epochMs;
  }

  /** The counters of what `caller` does with a target, a destination without one, or nowhere. */
  edge(
    caller: CallerIdentity,
    target: Target | null,
    destination: Destination | null,
    protocol: EdgeProtocol,
  ): EdgeStats {
    const { workload, node } = caller;
    const edges = workload.edgesFrom(node);
    const place = target ?? destination ?? NOWHERE_KEY;
    const key = protocol === "grpc" ? grpcKey(place) : place;
    let edge = edges.get(key);
    if (!edge) {
      const labels = target
        ? target.port.kind === "service"
          ? target.port.labels(target.workload, target.node)
          : target.port.labels()
        : destination
          ? destination.kind === "service"
            ? destination.labels(undefined)
            : destination.labels()
          : NOWHERE;
      const reporter = node !== "" ? "destination" : target && target.node !== "" ? "source" : "both";
      const source = node === "" ? workload.peer : { ...workload.peer, cluster: node };
      edge = this.#stats.edge({
        key: edgeKey(source, labels, protocol, reporter),
        reporter,
        source,
        destination: labels,
        protocol,
        security: reporter === "destination" ? "mutual_tls" : "none",
      });
      edges.set(key, edge);
    }
    return edge;
  }

  /** Counts a finished HTTP request and, where it is worth it, writes its record. */
  request(
    summary: RequestSummary,
    caller: CallerIdentity,
    bytes: Buffer,
    head: RequestHead,
    headPlan: RequestHeadPlan | null,
    generation: number,
  ): void {
    const { status, flag } = summary;
    if (summary.isGrpc) this.#grpcRequest(summary);
    else summary.edge?.request(status, flag, summary.durationUs, summary.requestBytes, summary.responseBytes);
    if (summary.denial) this.#stats.counter(DENIED_COUNTER[METRIC_OF_DENIAL[summary.denial.reason]]);
    const wouldDeny = summary.permit?.wouldDeny;
    if (wouldDeny) this.#stats.counter(COUNTER.auditDenied);
    if (!wouldDeny && !this.sampler.takes(status, flag)) return;
    const record = this.#record;
    record.reset();
    this.#common(summary, caller, generation);
    record.protocol = protocolOf(head.version);
    record.method.setBytes(bytes, head.methodStart, head.methodEnd);
    if (head.form === FORM.AUTHORITY) record.protocol = RECORD_PROTOCOL.connect;
    else record.path.setBytes(bytes, head.pathStart, head.pathEnd);
    record.host.setBytes(bytes, head.authorityStart, head.authorityEnd);
    if (headPlan) this.#ids(headPlan, bytes);
    else this.#receivedIds(bytes, head);
    this.#stats.records.write(record);
  }

  #grpcRequest(summary: RequestSummary): void {
    const { status, flag, grpcStatus, durationUs, requestBytes, responseBytes } = summary;
    summary.edge?.grpcRequest(status, flag, grpcStatus, durationUs, requestBytes, responseBytes);
  }

  /** A message that could not be parsed: there is no head to tell of. */
  unparsed(summary: RequestSummary, caller: CallerIdentity, generation: number): void {
    summary.edge?.request(summary.status, summary.flag, summary.durationUs, 0, 0);
    this.#record.reset();
    this.#common(summary, caller, generation);
    this.#stats.records.write(this.#record);
  }

  /** A relayed or refused TCP connection. */
  connection(summary: RequestSummary, caller: CallerIdentity, generation: number): void {
    if (summary.denial) this.#stats.counter(DENIED_COUNTER[METRIC_OF_DENIAL[summary.denial.reason]]);
    if (!this.sampler.takes(0, summary.flag)) return;
    this.#record.reset();
    this.#common(summary, caller, generation);
    this.#record.protocol = RECORD_PROTOCOL.tcp;
    this.#stats.records.write(this.#record);
  }

  #common(summary: RequestSummary, caller: CallerIdentity, generation: number): void {
    const record = this.#record;
    record.edge = summary.edge?.index ?? -1;
    record.timeMs = this.#epochMs() - summary.durationUs / 1000;
    record.idHigh = summary.idHigh;
    record.idLow = summary.idLow;
    record.generation = generation;
    record.durationUs = summary.durationUs;
    record.upstreamUs = summary.upstreamUs;
    record.bytesReceived = summary.requestBytes;
    record.bytesSent = summary.responseBytes;
    record.status = summary.status;
    record.flag = summary.flag;
    record.strength = STRENGTHS.indexOf(caller.facts.strength);
    record.ip.setText(caller.facts.ip);
    record.route = summary.rule ? this.#stats.intern(summary.rule.id) : 0;
    record.upstream = summary.target?.endpoint.addressId ?? 0;
    this.#verdict(summary);
  }

  #verdict(summary: RequestSummary): void {
    const record = this.#record;
    const { denial, permit } = summary;
    const decided = denial ?? permit?.wouldDeny ?? permit;
    if (!decided) return;
    record.verdict = summary.isFromNode
      ? VERDICT.elsewhere
      : denial
        ? VERDICT.denied
        : permit?.wouldDeny
          ? VERDICT.audit
          : VERDICT.allowed;
    record.policy = decided.policy === undefined ? 0 : this.#stats.intern(decided.policy.replace(/^policy\//, ""));
    record.rule = decided.rule;
  }

  /** Of a request that was not forwarded: as they came, from the caller or from its node. */
  #receivedIds(bytes: Buffer, { lines }: RequestHead): void {
    const record = this.#record;
    for (let i = 0; i < lines.count; i++) {
      const start = lines.valueStart[i]!;
      const end = lines.valueEnd[i]!;
      if (lines.kind[i] === HEADER.TRACEPARENT && !record.hasTrace && isTraceparent(bytes, start, end)) {
        readTraceId(bytes, start, record.traceId);
        record.hasTrace = true;
      } else if (lines.kind[i] === HEADER.REQUEST_ID && record.requestId.length === 0) {
        record.requestId.setBytes(bytes, start, end);
      }
    }
  }

  #ids(plan: RequestHeadPlan, bytes: Buffer): void {
    const record = this.#record;
    if (plan.traceparentAt >= 0) readTraceId(bytes, plan.traceparentAt, record.traceId);
    else readTraceId(plan.generated, 0, record.traceId);
    record.hasTrace = true;
    if (plan.requestIdStart >= 0) record.requestId.setBytes(bytes, plan.requestIdStart, plan.requestIdEnd);
    else record.requestId.setBytes(plan.generated, TRACEPARENT_BYTES, plan.generated.length);
  }
}

const grpcKeys = new WeakMap<object, object>();

/** Stands for a place among the edges where its gRPC calls are counted: the other requests there have series of their own. */
function grpcKey(place: object): object {
  let key = grpcKeys.get(place);
  if (key === undefined) {
    key = {};
    grpcKeys.set(place, key);
  }
  return key;
}

function protocolOf(version: number): number {
  if (version === 20) return RECORD_PROTOCOL.http2;
  return version === 10 ? RECORD_PROTOCOL.http10 : RECORD_PROTOCOL.http11;
}

/** Everything that the labels of an edge can differ in. */
function edgeKey(source: EdgePeer, destination: EdgeDestination, protocol: EdgeProtocol, reporter: Reporter): string {
  const peer = (end: EdgePeer): string =>
    `${end.namespace}/${end.workload}/${end.principal}/${end.app}/${end.version}/${end.cluster ?? ""}`;
  return `${peer(source)}|${peer(destination)}|${destination.serviceNamespace}/${destination.service}|${protocol}|${reporter}`;
}
