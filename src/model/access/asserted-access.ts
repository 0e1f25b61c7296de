/** The requests that an assertion speaks of, and where each can end. */
import { callerOf, PlainRequest } from "../authz/plain-facts.ts";
import type { AssertionSpec } from "../documents.ts";
import { SplitRegistry } from "../route/split-registry.ts";
import { RouteTable } from "../route/table.ts";
import type { ServicePortRecord, ServiceRecord } from "../snapshot.ts";
import { detachedRule, forwardedAlong, type Leg, ownLegs, ruleLegs, rulesFor } from "./legs.ts";
import type { PartialRequest } from "./possible-access.ts";
import type { SnapshotIndex } from "./snapshot-index.ts";

/** Whom an assertion pairs. */
export interface AssertedPair {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly service: ServiceRecord;
}

/** A leg, and the request as its workload receives it. */
export interface AssertedLeg {
  readonly leg: Leg;
  readonly received: PartialRequest;
}

/** What `expect: deny` leaves out is unknown; what `expect: allow` leaves out is `GET`, `/`, no header, the Service's full name. */
export function partialRequest(
  index: SnapshotIndex,
  pair: AssertedPair,
  port: ServicePortRecord,
  spec: AssertionSpec,
): PartialRequest {
  const isWhole = spec.expect === "allow";
  const caller = callerOf(index.site.trustDomain, pair.namespace, pair.serviceAccount, "");
  const facts = new PlainRequest({
    caller,
    method: spec.method ?? "GET",
    path: spec.path ?? "/",
    host: pair.service.host,
    destinationPort: port.port,
    headers: Object.entries(spec.headers),
  });
  return {
    protocol: port.protocol === "tcp" ? "tcp" : "http",
    facts,
    isMethodKnown: isWhole || spec.method !== undefined,
    isPathKnown: isWhole || spec.path !== undefined,
    isHostKnown: isWhole,
    areHeadersKnown: isWhole,
  };
}

/** For a request that is not wholly known, the legs of every rule that the caller has. */
export function legsOfAssertion(
  index: SnapshotIndex,
  pair: AssertedPair,
  port: ServicePortRecord,
  request: PartialRequest,
): AssertedLeg[] {
  return legsFor(index, pair, port, request).map((leg) => ({ leg, received: receivedAlong(leg, request) }));
}

function legsFor(index: SnapshotIndex, pair: AssertedPair, port: ServicePortRecord, request: PartialRequest): Leg[] {
  const rules = rulesFor(port.routes, pair.namespace);
  if (port.routes === null || rules === undefined) return ownLegs(index, pair.service, port);
  const isWhole = request.isMethodKnown && request.isPathKnown && request.areHeadersKnown;
  if (request.protocol === "tcp" || !isWhole) return rules.flatMap((rule) => ruleLegs(index, detachedRule(rule)));
  const rule = new RouteTable(port.routes, new SplitRegistry(() => 0)).match(request.facts);
  if (rule === undefined) return ownLegs(index, pair.service, port);
  return rule === null ? [] : ruleLegs(index, rule);
}

function receivedAlong(leg: Leg, request: PartialRequest): PartialRequest {
  const { backend, rule } = leg;
  const rewrite = backend?.filters?.rewritePath ?? rule?.filters?.rewritePath;
  const hostname = backend?.filters?.rewriteHostname ?? rule?.filters?.rewriteHostname;
  return {
    ...request,
    facts: forwardedAlong(leg, request.facts),
    isPathKnown: request.isPathKnown || rewrite?.type === "full",
    isHostKnown: request.isHostKnown || hostname !== undefined,
  };
}
