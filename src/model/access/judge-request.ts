/** One request through everything that has a say in it, as the worker would judge it, with the reasons. */
import { CALLS_PERMITTED, type CallsVerdict, checkCalls } from "../authz/calls.ts";
import { explain, type Trace } from "../authz/explain.ts";
import type { PlainRequest } from "../authz/plain-facts.ts";
import type { Subject } from "../authz/trace.ts";
import { SplitRegistry } from "../route/split-registry.ts";
import { RouteTable } from "../route/table.ts";
import type { ServicePortRecord, ServiceRecord, WorkloadRecord } from "../snapshot.ts";
import { detachedRule, forwardedAlong, type Leg, ownLegs, ruleLegs, rulesFor } from "./legs.ts";
import type { SnapshotIndex } from "./snapshot-index.ts";

export interface JudgedLeg {
  readonly leg: Leg;
  readonly trace: Trace;
}

export interface JudgedRequest {
  readonly service: ServiceRecord;
  readonly port: ServicePortRecord;
  /** Refused where any of the caller's workloads may not call the Service; `callsOf` is that workload. */
  readonly calls: CallsVerdict;
  readonly callsOf: WorkloadRecord | undefined;
  /** What the policies that target the Service say; `undefined` where none does. */
  readonly serviceTrace: Trace | undefined;
  /** One for every workload that the request can be forwarded to. */
  readonly legs: readonly JudgedLeg[];
  /** Why there is no leg, in the words of the response flags: `NR`, `UH`, `NC`, or `redirect`. */
  readonly ends: string | undefined;
  /** Everything that is asked permits it, on every leg. */
  readonly allowed: boolean;
  /** Some legs permit it and some do not. */
  readonly isMixed: boolean;
}

/** Where the caller is, as far as that matters. Absent: on this node, and it did not come in at a Gateway. */
export interface CallerPlace {
  readonly isFromNode?: boolean;
  readonly isAtGateway?: boolean;
}

/** `request.destinationPort` is the Service's port. */
export function judgeRequest(
  index: SnapshotIndex,
  service: ServiceRecord,
  port: ServicePortRecord,
  request: PlainRequest,
  place: CallerPlace = {},
): JudgedRequest {
  const isTcp = port.protocol === "tcp";
  const { calls, callsOf } = callsVerdict(index, request, service);
  const refs = service.policies;
  const hasPolicies = refs.deny.length + refs.allow.length + refs.audit.length > 0;
  const subject = (facts: PlainRequest): Subject => ({ protocol: isTcp ? "tcp" : "http", facts });
  const site = index.site;
  const lookup = index.policy;
  const target = { namespace: service.namespace, name: service.name };
  const { legs, ends } = legsFor(index, service, port, request);
  const crossesTo = ({ endpoint }: Leg): boolean =>
    place.isAtGateway !== true && (place.isFromNode === true || endpoint.node !== undefined);
  const crosses = legs.length > 0 && legs.every(crossesTo);
  const serviceTrace = hasPolicies
    ? explain({ refs, lookup, site, isWorkloadTarget: false, subject: subject(request), target, crosses })
    : undefined;
  const judged = legs.map((leg) => {
    const { workload } = leg;
    const facts = subject(forwardedAlong(leg, request));
    const labelled = { namespace: workload.namespace, name: workload.app, labels: { app: workload.app } };
    const labels = workload.labels["app"] === undefined ? workload.labels : labelled.labels;
    const input = {
      refs: workload.policies,
      lookup,
      site,
      isWorkloadTarget: true,
      subject: facts,
      crosses: crossesTo(leg),
    };
    return { leg, trace: explain({ ...input, target: { ...labelled, labels } }) };
  });
  const isOpen = calls.allowed && (serviceTrace?.decision.allowed ?? true);
  const permits = judged.map((one) => one.trace.decision.allowed);
  return {
    service,
    port,
    calls,
    callsOf,
    serviceTrace,
    legs: judged,
    ends,
    allowed: isOpen && permits.every(Boolean),
    isMixed: isOpen && permits.includes(true) && permits.includes(false),
  };
}

function callsVerdict(index: SnapshotIndex, { caller }: PlainRequest, service: ServiceRecord) {
  for (const workload of index.workloadsOf(caller.namespace, caller.serviceAccount)) {
    const calls = checkCalls(workload.calls, { serviceKey: service.key });
    if (!calls.allowed) return { calls, callsOf: workload };
  }
  return { calls: CALLS_PERMITTED, callsOf: undefined };
}

function legsFor(
  index: SnapshotIndex,
  service: ServiceRecord,
  port: ServicePortRecord,
  request: PlainRequest,
): { legs: Leg[]; ends: string | undefined } {
  const rule = matchedRule(port, request);
  if (rule === null) return { legs: [], ends: "NR" };
  if (rule?.filters?.redirect !== undefined) return { legs: [], ends: "redirect" };
  const legs = rule === undefined ? ownLegs(index, service, port) : ruleLegs(index, rule);
  const ends = rule === undefined || rule.backends.some((backend) => backend.service !== null) ? "UH" : "NC";
  return { legs, ends: legs.length === 0 ? ends : undefined };
}

function matchedRule(port: ServicePortRecord, request: PlainRequest) {
  if (port.routes === null) return undefined;
  if (port.routes.protocol === "http") return new RouteTable(port.routes, new SplitRegistry(() => 0)).match(request);
  const rules = rulesFor(port.routes, request.caller.namespace);
  const first = rules?.[0];
  return first === undefined ? (rules === undefined ? undefined : null) : detachedRule(first);
}
