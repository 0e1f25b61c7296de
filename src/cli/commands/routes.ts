import type { RouteCondition } from "../../model/route/condition.ts";
import type { BackendRecord, MatchRecord, RuleRecord } from "../../model/route/record.ts";
import type { EndpointRecord, ServicePortRecord, ServiceRecord } from "../../model/snapshot.ts";
import { askNode } from "../admin-client.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { findAdminPath } from "../find-node.ts";
import type { NodeOptions } from "../node-options.ts";
import { colour, printJson, printLines } from "../output.ts";
import { servedRecords } from "../served-records.ts";
import { printable } from "../table.ts";

/** `selvedge routes`: every service, what its routes do with a request, and what is wrong with them. */
export async function routes(options: NodeOptions): Promise<ExitCode> {
  const admin = findAdminPath(options, process.env);
  const services = (await servedRecords(admin)).filter((record) => record.kind === "service");
  const conditions = (await askNode(admin, { op: "conditions" })) as RouteCondition[];
  if (options.output === "json") printJson({ services, conditions });
  else printLines([...services.flatMap(serviceLines).map(printable), ...conditionLines(conditions)]);
  return EXIT.OK;
}

/** One service for a person. */
export function serviceLines(service: ServiceRecord): string[] {
  const ports = service.ports.flatMap((port) => [
    `  port ${port.port} ${port.protocol}${service.clusterIP === undefined ? "" : ` on ${service.clusterIP}`}`,
    ...portLines(port),
  ]);
  return [`${service.namespace}/${service.name}`, ...ports];
}

function portLines({ routes: table, endpoints }: ServicePortRecord): string[] {
  if (table === null) return [`    everything → ${endpointsText(endpoints)}`];
  const lines = table.producer.map((rule) => `    ${ruleText(rule)}`);
  if (table.hasProducer && table.producer.length === 0) lines.push("    nothing matches: every request is 404");
  for (const [namespace, rules] of Object.entries(table.consumers)) {
    lines.push(...rules.map((rule) => `    from ${namespace}: ${ruleText(rule)}`));
  }
  return lines;
}

function ruleText(rule: RuleRecord): string {
  const matches = rule.matches.length === 0 ? "everything" : rule.matches.map(matchText).join(" or ");
  const action = rule.filters?.redirect === undefined ? backendsText(rule.backends) : "redirect";
  return `${matches} → ${action}   (${rule.routeName})`;
}

function matchText(match: MatchRecord): string {
  const path =
    match.path.type === "PathPrefix" && match.path.value === "/" ? "" : `${match.path.type} ${match.path.value}`;
  const headers = match.headers.map((header) => `${header.name}: ${header.value}`);
  const query = match.queryParams.map((parameter) => `?${parameter.name}=${parameter.value}`);
  return [match.method ?? "", path, ...headers, ...query].filter((part) => part !== "").join(" ") || "everything";
}

function backendsText(backends: readonly BackendRecord[]): string {
  const total = backends.reduce((sum, backend) => sum + backend.weight, 0);
  if (total === 0) return "nothing (500)";
  return backends.map((backend) => `${shareText(backend.weight, total)} ${backendName(backend)}`).join(", ");
}

function shareText(weight: number, total: number): string {
  return `${Number(((100 * weight) / total).toFixed(3))}%`;
}

function backendName(backend: BackendRecord): string {
  if (backend.service === null) return `unresolved (${backend.reason ?? "BackendNotFound"})`;
  return `${backend.service.replace(/^service\//, "")}:${backend.port}`;
}

function endpointsText(endpoints: readonly EndpointRecord[]): string {
  if (endpoints.length === 0) return "no endpoint";
  return endpoints.map(endpointText).join(", ");
}

function endpointText({ unix, hostname, port, node, drained }: EndpointRecord): string {
  const address = unix ?? `${hostname}:${port}`;
  return `${address}${node === undefined ? "" : ` on ${node}`}${drained === true ? " (drained)" : ""}`;
}

function conditionLines(conditions: readonly RouteCondition[]): string[] {
  const bad = conditions.filter((one) => (one.type === "PartiallyInvalid") === (one.status === "True"));
  return bad.map(({ kind, namespace, name, parent, type, status, reason, message }) =>
    colour.yellow(printable(`! ${kind} ${namespace}/${name} at ${parent}: ${type}=${status} ${reason}: ${message}`)),
  );
}
