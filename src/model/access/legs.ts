/** Where requests for a Service can end: every backend of the routes, and every workload behind each. */
import { PlainRequest } from "../authz/plain-facts.ts";
import { rewritePath } from "../route/path-rewrite.ts";
import type { RouteTableRecord, RuleRecord } from "../route/record.ts";
import { Rule, type RuleBackend } from "../route/rule.ts";
import { SplitRegistry } from "../route/split-registry.ts";
import type { EndpointRecord, ServicePortRecord, ServiceRecord, WorkloadRecord } from "../snapshot.ts";
import type { SnapshotIndex } from "./snapshot-index.ts";

/** One workload that a request can be forwarded to. */
export interface Leg {
  /** The route rule that leads there; `undefined` for the Service's own endpoints. */
  readonly rule: Rule | undefined;
  readonly backend: RuleBackend | undefined;
  readonly service: ServiceRecord;
  readonly port: ServicePortRecord;
  readonly endpoint: EndpointRecord;
  readonly workload: WorkloadRecord;
}

/** The rules that a caller of a namespace is routed by; `undefined`: none, the Service's own endpoints take everything. */
export function rulesFor(routes: RouteTableRecord | null, callerNamespace: string): readonly RuleRecord[] | undefined {
  if (routes === null) return undefined;
  const consumer = Object.hasOwn(routes.consumers, callerNamespace) ? routes.consumers[callerNamespace] : undefined;
  if (consumer !== undefined) return consumer;
  return routes.hasProducer ? routes.producer : undefined;
}

/** A rule by itself, without the accumulators of a worker: questions about access draw nothing from the split. */
export function detachedRule(record: RuleRecord): Rule {
  return new Rule(record, new SplitRegistry(() => 0), "");
}

/** The legs of a Service's own endpoints. */
export function ownLegs(index: SnapshotIndex, service: ServiceRecord, port: ServicePortRecord): Leg[] {
  return legsTo(index, service, port, undefined, undefined);
}

/** The legs of a rule; none where it redirects, or where none of its backends has a share and can be reached. */
export function ruleLegs(index: SnapshotIndex, rule: Rule): Leg[] {
  if (rule.filters?.redirect !== undefined || rule.filters?.unsupported !== undefined) return [];
  return rule.backends.flatMap((backend) => {
    if (backend.weight === 0 || backend.service === null || backend.filters?.unsupported !== undefined) return [];
    const service = index.services.get(backend.service);
    const port = service?.ports.find((candidate) => candidate.port === backend.port);
    return service === undefined || port === undefined ? [] : legsTo(index, service, port, rule, backend);
  });
}

/** The request as the leg's workload receives it. */
export function forwardedAlong(leg: Leg, received: PlainRequest): PlainRequest {
  const rewrite = leg.backend?.filters?.rewritePath ?? leg.rule?.filters?.rewritePath;
  const edits = leg.backend?.requestHeaders;
  const kept = received.headerLines.filter(([name]) => !edits?.dropped.has(name.toLowerCase()));
  return new PlainRequest({
    caller: received.caller,
    method: received.method,
    path: rewrite === undefined ? received.path : rewritePath(received.path, rewrite, leg.rule?.pathPrefix ?? ""),
    query: received.query,
    host: leg.backend?.filters?.rewriteHostname ?? leg.rule?.filters?.rewriteHostname ?? received.host,
    destinationPort: leg.endpoint.port ?? leg.port.port,
    destinationIp: leg.endpoint.hostname ?? "",
    remoteIp: received.remoteIp,
    headers: [...kept, ...(edits?.lines ?? []).map((line) => [line.name, line.value] as const)],
  });
}

function legsTo(
  index: SnapshotIndex,
  service: ServiceRecord,
  port: ServicePortRecord,
  rule: Rule | undefined,
  backend: RuleBackend | undefined,
): Leg[] {
  return port.endpoints.flatMap((endpoint) => {
    const workload = endpoint.workload === undefined ? undefined : index.workloads.get(endpoint.workload);
    return workload === undefined ? [] : [{ rule, backend, service, port, endpoint, workload }];
  });
}
