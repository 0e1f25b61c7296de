/** Plain facts and records for tests of routing. */
import type { Caller, RequestFacts } from "../request-facts.ts";
import type { MatchRecord, RouteTableRecord, RuleRecord } from "./record.ts";

/** A caller with an identity in a namespace; `""` for one without. */
export function callerIn(namespace: string): Caller {
  const known = namespace !== "";
  return {
    workload: known ? `workload/${namespace}/client` : undefined,
    principal: known ? `local.mesh/ns/${namespace}/sa/client` : "",
    trustDomain: known ? "local.mesh" : "",
    namespace,
    serviceAccount: known ? "client" : "",
    strength: known ? "uid" : "none",
    ip: "127.0.0.1",
  };
}

/** What a request may be given as; everything has a plain default. */
export interface RequestSketch {
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
  readonly host?: string;
  /** Names lower case; the first value counts. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly callerNamespace?: string;
}

/** Facts over plain values. */
export function requestFacts(sketch: RequestSketch = {}): RequestFacts {
  const valuesOf = (name: string): readonly string[] => {
    const value = sketch.headers?.[name];
    return value === undefined ? [] : typeof value === "string" ? [value] : value;
  };
  return {
    caller: callerIn(sketch.callerNamespace ?? "prod"),
    destinationPort: 80,
    destinationIp: "127.0.0.1",
    method: sketch.method ?? "GET",
    path: sketch.path ?? "/",
    query: sketch.query ?? "",
    host: sketch.host ?? "orders.prod",
    remoteIp: "127.0.0.1",
    header: (name) => valuesOf(name)[0],
    headerValues: valuesOf,
  };
}

/** A match with defaults: PathPrefix `/`, nothing else asked for. */
export function matchRecord(values: Partial<MatchRecord> = {}): MatchRecord {
  return { path: { type: "PathPrefix", value: "/" }, headers: [], queryParams: [], ...values };
}

/** A rule of a route, by default with one backend. */
export function ruleRecord(routeName: string, index: number, matches: readonly MatchRecord[]): RuleRecord {
  return {
    id: `httproute/${routeName}/${index}`,
    routeName,
    matches,
    backends: [{ service: "service/prod/orders", port: 80, weight: 1 }],
  };
}

/** A table of producer rules. */
export function producerTable(rules: readonly RuleRecord[]): RouteTableRecord {
  return { protocol: "http", producer: rules, hasProducer: true, consumers: {} };
}
