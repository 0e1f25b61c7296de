/** A mesh of documents, asked what would become of a request: decoding, compiling and routing, without a socket. */

import { compile } from "../../../src/keeper/config/compile/compile.ts";
import { decodeFiles } from "../../../src/keeper/config/decode/decode-files.ts";
import type { Issue } from "../../../src/model/issue.ts";
import type { RouteCondition } from "../../../src/model/route/condition.ts";
import { isPreflight } from "../../../src/model/route/cors.ts";
import { GatewayTable } from "../../../src/model/route/gateway-table.ts";
import type { HeaderEdits, HeaderLine } from "../../../src/model/route/header-edits.ts";
import { rewritePath } from "../../../src/model/route/path-rewrite.ts";
import { redirectLocation } from "../../../src/model/route/redirect.ts";
import type { Rule } from "../../../src/model/route/rule.ts";
import { SplitRegistry } from "../../../src/model/route/split-registry.ts";
import { RouteTable } from "../../../src/model/route/table.ts";
import { TcpRouteTable } from "../../../src/model/route/tcp.ts";
import { type RequestSketch, requestFacts } from "../../../src/model/route/testing.ts";
import type { ListenerRecord, ServicePortRecord, ServiceRecord, SnapshotRecord } from "../../../src/model/snapshot.ts";

/** What becomes of a request. */
export interface Outcome {
  /** 200: forwarded to `service`. */
  readonly status: number;
  /** `namespace/name`; the Service itself where no route speaks. */
  readonly service?: string;
  readonly port?: number;
  readonly path?: string;
  readonly host?: string;
  readonly location?: string;
  /** Request headers as the backend would get them, names lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Edits of the answer. */
  readonly responseHeaders?: HeaderEdits | null;
  readonly cors?: readonly HeaderLine[];
  readonly rule?: Rule;
}

/** Three Services of one workload each in `prod`, one in `dev`, and a caller in each. */
export const BASE = ["prod/orders", "prod/orders-v1", "prod/orders-v2", "dev/orders", "dev/tools"]
  .map((qualified, index) => {
    const [namespace, name] = qualified.split("/");
    return `
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  selector: { app: ${name} }
  ports:
    - { name: http, port: 80, targetPort: http }
    - { name: alt, port: 8080, targetPort: http }
    - { name: raw, port: 7000, targetPort: raw, appProtocol: tcp }
---
apiVersion: selvedge/v1
kind: Workload
metadata: { name: ${name}, namespace: ${namespace}, labels: { app: ${name} } }
spec: { address: 127.0.0.1, ports: { http: ${9000 + index}, raw: ${9100 + index} } }
`;
  })
  .join("");

/** An HTTPRoute, or another kind, of `prod` for the Service orders; `rules` is a YAML flow sequence or an indented block. */
export function routeYaml(
  rules: string,
  options: { kind?: string; name?: string; namespace?: string; parents?: string } = {},
): string {
  const {
    kind = "HTTPRoute",
    name = "route",
    namespace = "prod",
    parents = '[{ group: "", kind: Service, name: orders, port: 80 }]',
  } = options;
  return `
---
apiVersion: gateway.networking.k8s.io/v1
kind: ${kind}
metadata: { name: ${name}, namespace: ${namespace} }
spec: { parentRefs: ${parents}, rules: ${rules} }
`;
}

/** Documents, compiled and made ready as a worker does. */
export class SmallMesh {
  readonly issues: readonly Issue[];
  readonly conditions: readonly RouteCondition[];
  readonly records: readonly SnapshotRecord[];
  readonly #splits = new SplitRegistry(Math.random);
  readonly #tables = new Map<string, RouteTable>();

  constructor(...yaml: readonly string[]) {
    const decoded = decodeFiles([{ path: "mesh.yaml", text: BASE + yaml.join("\n") }]);
    const compiled = compile(decoded.documents, { node: "n", hostname: "h", resolveUser: () => undefined });
    this.issues = [...decoded.issues, ...compiled.issues];
    this.conditions = compiled.conditions;
    this.records = compiled.records;
  }

  /** The record of a Service's port. */
  port(service: string, port: number): ServicePortRecord {
    const record = this.records.find((one): one is ServiceRecord => one.key === `service/${service}`);
    const found = record?.ports.find((one) => one.port === port);
    if (found === undefined) throw new Error(`no ${service}:${port}`);
    return found;
  }

  /** Sends a request to a Service. */
  ask(sketch: RequestSketch = {}, service = "prod/orders", port = 80): Outcome {
    const record = this.port(service, port);
    if (record.routes === null) return { status: 200, service, port, path: sketch.path ?? "/" };
    const key = `${service}:${port}`;
    const table = this.#tables.get(key) ?? new RouteTable(record.routes, this.#splits, key);
    this.#tables.set(key, table);
    const rule = table.match(requestFacts(sketch));
    if (rule === undefined) return { status: 200, service, port, path: sketch.path ?? "/" };
    return follow(rule, sketch, port);
  }

  /** Opens a connection to a Service's TCP port. */
  connect(callerNamespace = "prod", service = "prod/orders", port = 7000): string | null {
    const record = this.port(service, port);
    if (record.routes === null) return service;
    const rule = new TcpRouteTable(record.routes, this.#splits, `${service}:${port}`).match(callerNamespace);
    if (rule === undefined) return service;
    return rule?.backends[rule.split.next()]?.service?.replace("service/", "") ?? null;
  }

  /** Sends a request to a Gateway's listener. */
  enter(sketch: RequestSketch, address = "0.0.0.0:8000"): Outcome {
    const record = this.records.find((one): one is ListenerRecord => one.key === `listener/gateway/${address}`);
    if (record?.gateway === undefined) throw new Error(`no gateway on ${address}`);
    const table = new GatewayTable(record.gateway.hosts, this.#splits, record.gateway.name);
    const rule = table.match(requestFacts({ callerNamespace: "", ...sketch }));
    return follow(rule, sketch, record.port);
  }

  /** `type=status reason` of each condition of a route. */
  conditionsOf(name: string): string[] {
    return this.conditions
      .filter((one) => `${one.namespace}/${one.name}` === name)
      .map((one) => `${one.parent} ${one.type}=${one.status} ${one.reason}`);
  }
}

function follow(rule: Rule | null, sketch: RequestSketch, port: number): Outcome {
  if (rule === null) return { status: 404 };
  const facts = requestFacts(sketch);
  const origin = facts.header("origin");
  if (rule.filters?.unsupported !== undefined) return { status: 500, rule };
  const cors = origin === undefined ? undefined : rule.cors?.actual(origin);
  const requestedMethod = facts.header("access-control-request-method");
  if (rule.cors !== null && isPreflight(facts.method, origin, requestedMethod)) {
    const lines = rule.cors.preflight(origin!, requestedMethod!, facts.header("access-control-request-headers"));
    return { status: 204, cors: lines, rule };
  }
  const ruleAnswer = redirected(rule, rule.filters?.redirect, sketch, port);
  if (ruleAnswer !== undefined) return ruleAnswer;
  const backend = rule.backends[rule.split.next()];
  if (backend?.service == null || backend.filters?.unsupported !== undefined) return { status: 500, rule };
  const backendAnswer = redirected(rule, backend.filters?.redirect, sketch, port);
  if (backendAnswer !== undefined) return backendAnswer;
  const rewrite = backend.filters?.rewritePath ?? rule.filters?.rewritePath;
  return {
    status: 200,
    service: backend.service.replace("service/", ""),
    port: backend.port,
    path: rewrite === undefined ? facts.path : rewritePath(facts.path, rewrite, rule.pathPrefix),
    host: backend.filters?.rewriteHostname ?? rule.filters?.rewriteHostname ?? facts.host,
    headers: edited(sketch, backend.requestHeaders),
    responseHeaders: backend.responseHeaders,
    ...(cors === undefined ? {} : { cors }),
    rule,
  };
}

function redirected(
  rule: Rule,
  redirect: Parameters<typeof redirectLocation>[0] | undefined,
  sketch: RequestSketch,
  port: number,
): Outcome | undefined {
  if (redirect === undefined) return undefined;
  const { host, path, query } = requestFacts(sketch);
  const source = { scheme: "http" as const, host, port, path, query };
  return { status: redirect.statusCode, location: redirectLocation(redirect, source, rule.pathPrefix), rule };
}

function edited(sketch: RequestSketch, edits: HeaderEdits | null): Record<string, string> {
  const result: Record<string, string> = {};
  const put = (name: string, value: string): void => {
    const key = name.toLowerCase();
    result[key] = result[key] === undefined ? value : `${result[key]},${value}`;
  };
  for (const [name, value] of Object.entries(sketch.headers ?? {})) {
    if (edits?.dropped.has(name) === true) continue;
    for (const one of typeof value === "string" ? [value] : value) put(name, one);
  }
  for (const line of edits?.lines ?? []) put(line.name, line.value);
  return result;
}
