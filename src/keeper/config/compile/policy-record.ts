/** From one AuthorizationPolicy document to its record. */

import { compilePolicy } from "../../../model/authz/compiled-policy.ts";
import { portNumber } from "../../../model/authz/conditions.ts";
import type { OperationRecord, PolicyRuleRecord, SourceRecord } from "../../../model/authz/record.ts";
import type { TrustDomains } from "../../../model/authz/trust-domains.ts";
import type {
  AuthorizationCondition,
  AuthorizationOperation,
  AuthorizationRule,
  AuthorizationSource,
  DocumentOf,
} from "../../../model/documents.ts";
import type { PolicyRecord } from "../../../model/snapshot.ts";

export type PolicyDocument = DocumentOf<"AuthorizationPolicy">;

/** A rule that cannot be judged. */
export interface RuleProblem {
  readonly rule: number;
  readonly message: string;
}

/** The record, `broken` where any rule cannot be judged, and every rule's problem. */
export function policyRecord(
  document: PolicyDocument,
  dryRun: boolean,
  domains: TrustDomains,
): { readonly record: PolicyRecord; readonly problems: readonly RuleProblem[] } {
  const { name, namespace } = document.metadata;
  const action = document.spec.action;
  const base = {
    kind: "policy",
    key: `policy/${namespace}/${name}`,
    name,
    namespace,
    // CUSTOM has no record form; whatever list it were in, it denies.
    action: action === "CUSTOM" ? "DENY" : action,
    dryRun: action === "CUSTOM" ? false : dryRun,
    origin: document.origin,
  } as const;
  if (action === "CUSTOM")
    return { record: { ...base, rules: [], broken: "action CUSTOM is not supported yet" }, problems: [] };
  const rules: PolicyRuleRecord[] = [];
  const problems: RuleProblem[] = [];
  for (const [index, rule] of (document.spec.rules ?? []).entries()) {
    const compiled = ruleRecord(rule, namespace, domains);
    const message =
      typeof compiled === "string" ? compiled : compilePolicy({ ...base, rules: [compiled] }, domains).broken;
    if (message !== undefined) problems.push({ rule: index, message });
    else if (typeof compiled !== "string") rules.push(compiled);
  }
  const first = problems[0];
  if (first === undefined) return { record: { ...base, rules }, problems };
  return { record: { ...base, rules: [], broken: `rule ${first.rule}: ${first.message}` }, problems };
}

/** The record of a rule, or what is wrong with it. */
function ruleRecord(rule: AuthorizationRule, namespace: string, domains: TrustDomains): PolicyRuleRecord | string {
  const badPort = (rule.to ?? []).flatMap((to) => [...to.ports, ...to.notPorts]).find((port) => !isPort(port));
  if (badPort !== undefined) return `${JSON.stringify(badPort)} is not a port (1 to 65535)`;
  const from = rule.from?.map((source) => sourceRecord(source, namespace, domains));
  const to = rule.to?.map(operationRecord);
  if (from?.some((source) => Object.keys(source).length === 0)) return "a source without any field";
  if (to?.some((operation) => Object.keys(operation).length === 0)) return "an operation without any field";
  const when = rule.when.map((condition) => conditionRecord(condition, namespace, domains));
  return { ...(from && { from }), ...(to && { to }), ...(when.length > 0 && { when }) };
}

function isPort(text: string): boolean {
  try {
    return portNumber(text) > 0;
  } catch {
    return false;
  }
}

function sourceRecord(source: AuthorizationSource, namespace: string, domains: TrustDomains): SourceRecord {
  const qualify = (account: string): string => qualified(account, namespace);
  return withoutEmpty<SourceRecord>({
    principals: domains.expandAll(source.principals),
    notPrincipals: domains.expandAll(source.notPrincipals),
    requestPrincipals: source.requestPrincipals,
    notRequestPrincipals: source.notRequestPrincipals,
    namespaces: source.namespaces,
    notNamespaces: source.notNamespaces,
    serviceAccounts: source.serviceAccounts.map(qualify),
    notServiceAccounts: source.notServiceAccounts.map(qualify),
    ipBlocks: source.ipBlocks,
    notIpBlocks: source.notIpBlocks,
    remoteIpBlocks: source.remoteIpBlocks,
    notRemoteIpBlocks: source.notRemoteIpBlocks,
  });
}

function operationRecord(operation: AuthorizationOperation): OperationRecord {
  return withoutEmpty<OperationRecord>({
    hosts: operation.hosts,
    notHosts: operation.notHosts,
    ports: operation.ports.map(Number),
    notPorts: operation.notPorts.map(Number),
    methods: operation.methods,
    notMethods: operation.notMethods,
    paths: operation.paths,
    notPaths: operation.notPaths,
  });
}

function conditionRecord(condition: AuthorizationCondition, namespace: string, domains: TrustDomains) {
  const explicit = (values: readonly string[]): readonly string[] => {
    if (condition.key === "source.principal") return domains.expandAll(values);
    if (condition.key === "source.serviceAccount") return values.map((value) => qualified(value, namespace));
    return values;
  };
  const values = explicit(condition.values);
  const notValues = explicit(condition.notValues);
  return { key: condition.key, ...(values.length > 0 && { values }), ...(notValues.length > 0 && { notValues }) };
}

/** `sa` means that of the policy's own namespace. */
function qualified(account: string, namespace: string): string {
  return account.includes("/") ? account : `${namespace}/${account}`;
}

/** The decoder writes absent lists as empty ones; in a record absent is absent. */
function withoutEmpty<T extends object>(record: { readonly [K in keyof T]-?: NonNullable<T[K]> }): T {
  const kept = Object.entries<readonly unknown[]>(record as Record<string, readonly unknown[]>).filter(
    ([, list]) => list.length > 0,
  );
  return Object.fromEntries(kept) as T;
}
