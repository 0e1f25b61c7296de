/** `selvedge authz check`: may this caller do this, by these records, and why. */
import { type AccessTrace, accessTrace } from "../model/access/access-trace.ts";
import { type JudgedLeg, type JudgedRequest, judgeRequest } from "../model/access/judge-request.ts";
import { SnapshotIndex } from "../model/access/snapshot-index.ts";
import { callerOf, PlainRequest } from "../model/authz/plain-facts.ts";
import { serviceKey } from "../model/names.ts";
import type { ServicePortRecord, ServiceRecord, SnapshotRecord } from "../model/snapshot.ts";
import { normalisePath } from "../wire/http1/normalise-path.ts";
import { changeLines, printable, traceLines } from "./trace-lines.ts";

export interface AuthzQuery {
  /** `namespace/serviceAccount`. */
  readonly from: string;
  /** `namespace/service` or `namespace/service:port`. */
  readonly to: string;
  /** Default `GET`. */
  readonly method?: string | undefined;
  /** As a client would send it; normalised here, a query is left out. Default `/`. */
  readonly path?: string | undefined;
  readonly headers?: readonly (readonly [name: string, value: string])[] | undefined;
}

export interface AuthzAnswer {
  /** Every workload that the request can be forwarded to lets it in, and so do the Service's policies and the caller's `calls`. */
  readonly allowed: boolean;
  /** `undefined` where the question could not be asked; `lines` says why. */
  readonly trace: AccessTrace | undefined;
  /** For a terminal, without colour. */
  readonly lines: readonly string[];
}

const FROM = /^([^/]+)\/([^/]+)$/;
const TO = /^([^/]+)\/([^/:]+)(?::([0-9]+))?$/;

/** What is wrong with how a question is written, whatever is served; `undefined` where nothing is. */
export function queryProblem({ from, to }: AuthzQuery): string | undefined {
  if (!FROM.test(from)) return `--from ${from}: expected NAMESPACE/SERVICEACCOUNT`;
  return TO.test(to) ? undefined : `--to ${to}: expected NAMESPACE/SERVICE or NAMESPACE/SERVICE:PORT`;
}

/** Answers by the rules of a worker, whatever endpoints are up. A question that cannot be asked is answered with no. */
export function authzCheck(records: readonly SnapshotRecord[], query: AuthzQuery): AuthzAnswer {
  const index = new SnapshotIndex(records);
  const asked = readQuery(index, query);
  if (typeof asked === "string") return { allowed: false, trace: undefined, lines: [printable(asked)] };
  const judged = judgeRequest(index, asked.service, asked.port, asked.request);
  return { allowed: judged.allowed, trace: accessTrace(judged), lines: judgedLines(index, judged, asked.request) };
}

interface Asked {
  readonly service: ServiceRecord;
  readonly port: ServicePortRecord;
  readonly request: PlainRequest;
}

/** The question in terms of the records, or what is wrong with it. */
function readQuery(index: SnapshotIndex, query: AuthzQuery): Asked | string {
  const problem = queryProblem(query);
  if (problem !== undefined) return problem;
  const [, namespace = "", account = ""] = FROM.exec(query.from) ?? [];
  const [, serviceNamespace = "", serviceName = "", portText] = TO.exec(query.to) ?? [];
  const service = index.services.get(serviceKey(serviceNamespace, serviceName));
  if (service === undefined) return `there is no service ${serviceNamespace}/${serviceName}`;
  const port = servicePort(service, portText === undefined ? undefined : Number(portText));
  if (port === undefined) return `service ${serviceNamespace}/${serviceName} has no such port; name one of its ports`;
  const [raw = "/"] = (query.path ?? "/").split("?");
  const path = normalisePath(raw);
  if (path === null) return `the path ${raw} is ambiguous: the mesh answers 400`;
  const request = new PlainRequest({
    caller: callerOf(index.site.trustDomain, namespace, account),
    method: query.method ?? "GET",
    path,
    host: service.host,
    destinationPort: port.port,
    headers: query.headers ?? [],
  });
  return { service, port, request };
}

/** Without a number as for a Host without port: 80 where the Service has it, else its only one. */
export function servicePort(service: ServiceRecord, port: number | undefined): ServicePortRecord | undefined {
  if (port !== undefined) return service.ports.find((candidate) => candidate.port === port);
  const standard = service.ports.find((candidate) => candidate.port === 80);
  return standard ?? (service.ports.length === 1 ? service.ports[0] : undefined);
}

/** A judged request for a terminal: the verdict, then who said what, then what would help. */
export function judgedLines(index: SnapshotIndex, judged: JudgedRequest, request: PlainRequest): string[] {
  const { caller } = request;
  const { service, port } = judged;
  const who =
    caller.principal === ""
      ? "(no identity)"
      : `${caller.namespace}/${caller.serviceAccount} (spiffe://${caller.principal})`;
  const what = port.protocol === "tcp" ? "TCP" : `${request.method} ${request.path}`;
  const verdict = judged.allowed ? "ALLOW" : "DENY";
  const lines = [
    `${verdict.padEnd(6)} ${printable(`${who} -> ${service.name}.${service.namespace}:${port.port} ${what}`)}`,
  ];
  if (judged.isMixed)
    lines.push("  some of the workloads behind the service refuse it: the split decides each request's fate");
  if (caller.principal !== "" && index.workloadsOf(caller.namespace, caller.serviceAccount).length === 0) {
    lines.push("  note: no Workload has this service account, so nothing is recognised as this caller");
  }
  lines.push(...callsLines(judged), ...serviceLines(judged));
  for (const leg of judged.legs) lines.push(...legLines(leg));
  if (judged.ends !== undefined) lines.push(`  ${ENDS[judged.ends] ?? judged.ends}`);
  const change = helpfulChange(judged);
  return change === undefined ? lines : [...lines, ...change];
}

const ENDS: Readonly<Record<string, string>> = {
  NR: "no route matches: the mesh answers 404 (NR)",
  UH: "no workload is behind the service: the mesh answers 503 (UH)",
  NC: "the route has no backend that exists: the mesh answers 500 (NC)",
  redirect: "the route answers with a redirect",
};

function callsLines({ calls, callsOf, service }: JudgedRequest): string[] {
  if (calls.allowed || callsOf === undefined) return [];
  return [
    `  refused by the caller's side: spec.calls of Workload ${callsOf.namespace}/${callsOf.name} ` +
      `(${callsOf.origin.file}:${callsOf.origin.line}) does not name ${service.name}.${service.namespace}`,
  ];
}

function serviceLines({ serviceTrace, service }: JudgedRequest): string[] {
  if (serviceTrace === undefined) return [];
  return [`  service ${service.namespace}/${service.name}, as received`, ...traceLines(serviceTrace, "    ")];
}

function legLines({ leg, trace }: JudgedLeg): string[] {
  const { workload, rule, backend, endpoint } = leg;
  const via =
    rule === undefined ? "" : ` by route ${rule.id}${backend === undefined ? "" : ` to ${backend.service ?? ""}`}`;
  const mark = trace.decision.allowed ? "✓" : "✗";
  const where = endpoint.node === undefined ? "" : ` on ${endpoint.node}`;
  return [`  ${mark} workload ${workload.namespace}/${workload.name}${where}${via}`, ...traceLines(trace, "    ")];
}

function helpfulChange({ calls, callsOf, serviceTrace, legs, service }: JudgedRequest): string[] | undefined {
  if (!calls.allowed && callsOf !== undefined) {
    return [
      `  hint: add ${service.name}.${service.namespace} to spec.calls of Workload ${callsOf.namespace}/${callsOf.name}`,
    ];
  }
  const traces = [serviceTrace, ...legs.map((leg) => leg.trace)];
  const change = traces.find((trace) => trace?.change !== undefined)?.change;
  return change && changeLines(change, "  ");
}
