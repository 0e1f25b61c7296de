/**
 * Authorization as its documentation words it, written for reading and nothing else: every rule of every policy, in order,
 * for every request. What the indexed evaluator must agree with. It shares no code with it.
 */
import type {
  ConditionRecord,
  OperationRecord,
  PolicyRuleRecord,
  SourceRecord,
} from "../../../src/model/authz/record.ts";
import type { Caller, RequestFacts } from "../../../src/model/request-facts.ts";
import type { PolicyRecord } from "../../../src/model/snapshot.ts";

export interface ReferenceSite {
  readonly defaultAction: "deny" | "audit" | "allow";
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
}

/** `http` undefined: a raw TCP stream. */
export interface ReferenceRequest {
  readonly caller: Caller;
  readonly port: number;
  readonly destinationIp: string;
  readonly http: RequestFacts | undefined;
}

interface Verdict {
  readonly allowed: boolean;
  readonly policy: string | undefined;
  readonly rule: number;
  readonly reason?: string;
  readonly wouldDeny?: Verdict | undefined;
  readonly audit?: { policy: string; rule: number } | undefined;
}

type Action = PolicyRecord["action"];

export function judge(
  policies: readonly PolicyRecord[],
  site: ReferenceSite,
  isWorkload: boolean,
  request: ReferenceRequest,
): Verdict {
  const usesPaths = policies.some((policy) => JSON.stringify(policy.rules).toLowerCase().includes('paths"'));
  const first = judgeOnce(policies, site, isWorkload, request);
  const http = request.http;
  if (!first.allowed || http === undefined || !usesPaths || !http.path.includes(";")) return first;
  const bare = plainPath(http.path);
  const second = judgeOnce(policies, site, isWorkload, { ...request, http: withPath(http, bare) });
  if (!second.allowed) return second;
  return { ...first, wouldDeny: first.wouldDeny ?? second.wouldDeny, audit: first.audit ?? second.audit };
}

function judgeOnce(
  all: readonly PolicyRecord[],
  site: ReferenceSite,
  isWorkload: boolean,
  request: ReferenceRequest,
): Verdict {
  const enforced = decide(
    all.filter((policy) => !policy.dryRun),
    site,
    isWorkload,
    request,
  );
  if (!enforced.allowed) return enforced;
  const audit = firstMatch(
    all.filter((policy) => !policy.dryRun),
    "AUDIT",
    site,
    request,
  );
  const dry = all.some((policy) => policy.dryRun);
  const shadow = dry ? decide(all, { ...site, defaultAction: "deny" }, isWorkload, request) : undefined;
  const byDefault = enforced.wouldDeny;
  if (shadow === undefined) return { ...enforced, audit };
  // Where only the site's default speaks, dry-run policies change nothing about what it says.
  if (!shadow.allowed && shadow.reason === "default_deny") return { ...enforced, audit, wouldDeny: byDefault };
  const wouldDeny = shadow.allowed
    ? undefined
    : { ...shadow, policy: shadow.reason === "no_allow_matched" ? undefined : shadow.policy };
  return { ...enforced, audit, wouldDeny };
}

function decide(
  policies: readonly PolicyRecord[],
  site: ReferenceSite,
  isWorkload: boolean,
  request: ReferenceRequest,
): Verdict {
  const order: Action[] = ["DENY", "ALLOW", "AUDIT"];
  for (const action of order) {
    const broken = policies.find((policy) => policy.action === action && policy.broken !== undefined);
    if (broken) return { allowed: false, policy: broken.key, rule: -1, reason: "broken_policy" };
  }
  const deny = firstMatch(policies, "DENY", site, request);
  if (deny) return { allowed: false, ...deny, reason: "explicit_deny" };
  const allowPolicies = policies.filter((policy) => policy.action === "ALLOW");
  if (allowPolicies.length === 0) {
    const nothing = { policy: undefined, rule: -1 };
    const refusal = { allowed: false, ...nothing, reason: "default_deny" };
    if (!isWorkload || site.defaultAction === "allow") return { allowed: true, ...nothing };
    return site.defaultAction === "deny" ? refusal : { allowed: true, ...nothing, wouldDeny: refusal };
  }
  const allow = firstMatch(policies, "ALLOW", site, request);
  if (allow) return { allowed: true, ...allow };
  const only = allowPolicies.length === 1 ? allowPolicies[0]?.key : undefined;
  return { allowed: false, policy: only, rule: -1, reason: "no_allow_matched" };
}

function firstMatch(policies: readonly PolicyRecord[], action: Action, site: ReferenceSite, request: ReferenceRequest) {
  for (const policy of policies) {
    if (policy.action !== action) continue;
    for (const [rule, record] of policy.rules.entries()) {
      if (ruleMatches(record, action, site, request)) return { policy: policy.key, rule };
    }
  }
  return undefined;
}

/** Answers for one field: `missing` where the request has no such attribute, `http` where it is TCP and could not have it. */
type Answer = boolean | "missing" | "http";

function ruleMatches(rule: PolicyRuleRecord, action: Action, site: ReferenceSite, request: ReferenceRequest): boolean {
  const lenient = action !== "ALLOW";
  const field = (values: readonly unknown[] | undefined, not: boolean, answer: () => Answer): boolean => {
    if (values === undefined) return true;
    const result = answer();
    if (result === "http") return lenient;
    if (result === "missing") return not && lenient;
    return result !== not;
  };
  if (!lenient && request.http === undefined && asksForHttp(rule)) return false;
  const from = (rule.from ?? [{}]).some((source) => sourceMatches(source, site, request, field));
  const to = (rule.to ?? [{}]).some((operation) => operationMatches(operation, request, field));
  return (
    from && to && (rule.when ?? []).every((condition) => conditionMatches(condition, lenient, site, request, field))
  );
}

function asksForHttp(rule: PolicyRuleRecord): boolean {
  return /"(hosts|notHosts|methods|notMethods|paths|notPaths|requestPrincipals|notRequestPrincipals|key":"request\.[^"]*)"/.test(
    JSON.stringify(rule),
  );
}

type Field = (values: readonly unknown[] | undefined, not: boolean, answer: () => Answer) => boolean;

function sourceMatches(source: SourceRecord, site: ReferenceSite, request: ReferenceRequest, field: Field): boolean {
  const caller = request.caller;
  const known = (text: string, values: readonly string[] | undefined): (() => Answer) => {
    return () => (caller.principal === "" ? "missing" : (values ?? []).some((value) => textMatches(value, text)));
  };
  const account = `${caller.namespace}/${caller.serviceAccount}`;
  const principals = explicit(source.principals, site);
  const notPrincipals = explicit(source.notPrincipals, site);
  const token = (): Answer => (request.http === undefined ? "http" : "missing");
  const remote = request.http?.remoteIp ?? caller.ip;
  return (
    field(principals, false, known(caller.principal, principals)) &&
    field(notPrincipals, true, known(caller.principal, notPrincipals)) &&
    field(source.namespaces, false, known(caller.namespace, source.namespaces)) &&
    field(source.notNamespaces, true, known(caller.namespace, source.notNamespaces)) &&
    field(source.serviceAccounts, false, known(account, source.serviceAccounts)) &&
    field(source.notServiceAccounts, true, known(account, source.notServiceAccounts)) &&
    field(source.requestPrincipals, false, token) &&
    field(source.notRequestPrincipals, true, token) &&
    field(source.ipBlocks, false, () => inBlocks(source.ipBlocks, caller.ip)) &&
    field(source.notIpBlocks, true, () => inBlocks(source.notIpBlocks, caller.ip)) &&
    field(source.remoteIpBlocks, false, () => inBlocks(source.remoteIpBlocks, remote)) &&
    field(source.notRemoteIpBlocks, true, () => inBlocks(source.notRemoteIpBlocks, remote))
  );
}

function operationMatches(operation: OperationRecord, request: ReferenceRequest, field: Field): boolean {
  const http = request.http;
  const ask = (values: readonly string[] | undefined, text: string, matches = textMatches): (() => Answer) => {
    return () => (http === undefined ? "http" : (values ?? []).some((value) => matches(value, text)));
  };
  const host = (http?.host ?? "").replace(/(?<=.)\.$/, "");
  const hosts = (values: readonly string[] | undefined): (() => Answer) => {
    return http !== undefined && host === ""
      ? () => "missing"
      : ask(
          values?.map((value) => value.toLowerCase().replace(/:\*$/, "")),
          host,
        );
  };
  const port = (ports: readonly number[] | undefined): (() => Answer) => {
    return () => (ports ?? []).includes(request.port);
  };
  return (
    field(operation.hosts, false, hosts(operation.hosts)) &&
    field(operation.notHosts, true, hosts(operation.notHosts)) &&
    field(operation.ports, false, port(operation.ports)) &&
    field(operation.notPorts, true, port(operation.notPorts)) &&
    field(operation.methods, false, ask(operation.methods, http?.method ?? "")) &&
    field(operation.notMethods, true, ask(operation.notMethods, http?.method ?? "")) &&
    field(operation.paths, false, ask(operation.paths, http?.path ?? "", pathMatches)) &&
    field(operation.notPaths, true, ask(operation.notPaths, http?.path ?? "", pathMatches))
  );
}

function conditionMatches(
  condition: ConditionRecord,
  lenient: boolean,
  site: ReferenceSite,
  request: ReferenceRequest,
  field: Field,
): boolean {
  const { key, values, notValues } = condition;
  const header = /^request\.headers\[(.+)\]$/.exec(key)?.[1];
  if (header !== undefined) {
    if (request.http === undefined) return lenient;
    const lines = request.http.headerValues(header.toLowerCase());
    return headerHolds(lines, values, false, lenient) && headerHolds(lines, notValues, true, lenient);
  }
  const asSource = (source: SourceRecord): boolean => sourceMatches(source, site, request, field);
  const both = (name: string, not: string): boolean =>
    asSource({ ...(values && { [name]: values }), ...(notValues && { [not]: notValues }) });
  switch (key) {
    case "source.ip":
      return both("ipBlocks", "notIpBlocks");
    case "remote.ip":
      return both("remoteIpBlocks", "notRemoteIpBlocks");
    case "source.namespace":
      return both("namespaces", "notNamespaces");
    case "source.principal":
      return both("principals", "notPrincipals");
    case "source.serviceAccount":
      return both("serviceAccounts", "notServiceAccounts");
    case "destination.ip":
      return (
        field(values, false, () => inBlocks(values, request.destinationIp)) &&
        field(notValues, true, () => inBlocks(notValues, request.destinationIp))
      );
    case "destination.port":
      return (
        field(values, false, () => (values ?? []).map(Number).includes(request.port)) &&
        field(notValues, true, () => (notValues ?? []).map(Number).includes(request.port))
      );
    case "connection.sni":
      return field(values, false, () => "missing") && field(notValues, true, () => "missing");
    default:
      return both("requestPrincipals", "notRequestPrincipals");
  }
}

function headerHolds(
  lines: readonly string[],
  patterns: readonly string[] | undefined,
  not: boolean,
  lenient: boolean,
): boolean {
  if (patterns === undefined) return true;
  if (lines.length === 0) return not;
  const eager = lenient !== not;
  const views = [...lines, lines.join(",")];
  if (eager)
    for (const line of lines) if (line.includes(",")) views.push(...line.split(",").map((item) => item.trim()));
  const holds = views.map(
    (view) => patterns.some((pattern) => (pattern === "*" && eager) || textMatches(pattern, view)) !== not,
  );
  return lenient ? holds.includes(true) : !holds.includes(false);
}

function explicit(patterns: readonly string[] | undefined, site: ReferenceSite): readonly string[] | undefined {
  const names = [site.trustDomain, ...site.trustDomainAliases];
  return patterns?.flatMap((pattern) => {
    const [domain, ...rest] = pattern.split("/");
    const isOurs = rest.length > 0 && (domain === "cluster.local" || names.includes(domain ?? ""));
    return isOurs ? names.map((name) => [name, ...rest].join("/")) : [pattern];
  });
}

function quoted(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

function textMatches(pattern: string, text: string): boolean {
  let source = `^${quoted(pattern)}$`;
  if (pattern === "*") source = "^.+$";
  else if (pattern.startsWith("*")) source = `${quoted(pattern.slice(1))}$`;
  else if (pattern.endsWith("*")) source = `^${quoted(pattern.slice(0, -1))}`;
  return new RegExp(source, "s").test(text);
}

function pathMatches(pattern: string, path: string): boolean {
  if (!/[{}]/.test(pattern)) return textMatches(pattern, path);
  const source = quoted(pattern).replaceAll("\\{\\*\\*\\}", ".*").replaceAll("\\{\\*\\}", "[^/]+");
  return new RegExp(`^${source}$`, "s").test(path);
}

function inBlocks(blocks: readonly string[] | undefined, ip: string): Answer {
  const bits = bitsOf(ip);
  if (bits === undefined) return "missing";
  return (blocks ?? []).some((block) => {
    const [address, length] = block.split("/");
    const wanted = bitsOf(address ?? "") ?? "";
    const count = length === undefined ? wanted.length : Number(length);
    return wanted.length === bits.length && bits.startsWith(wanted.slice(0, count));
  });
}

/** Only the forms that the generators make: dotted quads, mapped ones, and IPv6 written in full. */
function bitsOf(ip: string): string | undefined {
  const mapped = ip.replace(/^::ffff:/, "");
  if (/^\d+\.\d+\.\d+\.\d+$/.test(mapped)) {
    return mapped
      .split(".")
      .map((part) => Number(part).toString(2).padStart(8, "0"))
      .join("");
  }
  if (ip.split(":").length !== 8) return undefined;
  return ip
    .split(":")
    .map((part) => Number.parseInt(part, 16).toString(2).padStart(16, "0"))
    .join("");
}

function plainPath(path: string): string {
  const merged = path.replace(/;[^/]*/g, "").replace(/\/+/g, "/");
  return new URL(`http://h${merged}`).pathname;
}

function withPath(facts: RequestFacts, path: string): RequestFacts {
  return {
    caller: facts.caller,
    destinationPort: facts.destinationPort,
    destinationIp: facts.destinationIp,
    method: facts.method,
    path,
    query: facts.query,
    host: facts.host,
    remoteIp: facts.remoteIp,
    header: (name) => facts.header(name),
    headerValues: (name) => facts.headerValues(name),
  };
}
