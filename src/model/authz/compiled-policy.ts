/** Policies made ready for judging: every field a check. Shared by all targets that a policy holds for. */
import type { PolicyRecord } from "../snapshot.ts";
import type { Check } from "./check.ts";
import { checksOfCondition } from "./conditions.ts";
import { allowed, type Decision, denied } from "./decision.ts";
import { InvalidPolicyError } from "./invalid-policy.ts";
import { HostCheck, MethodCheck, PathCheck, PortCheck } from "./operation-checks.ts";
import { checked, hostProblem, principalProblem } from "./pattern-problems.ts";
import type { OperationRecord, PolicyRuleRecord, SourceRecord } from "./record.ts";
import { AbsentTokenCheck, AddressCheck, CallerCheck } from "./source-checks.ts";
import type { TrustDomains } from "./trust-domains.ts";

/** All must hold. */
export type Checks = readonly Check[];

/** One rule: any of `sources`, any of `operations`, and all of `conditions`. Where the author gave no list, it is one without checks. */
export interface CompiledRule {
  readonly policy: string;
  readonly index: number;
  readonly isWidening: boolean;
  readonly sources: readonly Checks[];
  readonly operations: readonly Checks[];
  readonly conditions: Checks;
  /** What a match means for an enforced ALLOW or DENY policy. */
  readonly decision: Decision;
}

export interface CompiledPolicy {
  readonly key: string;
  readonly action: PolicyRecord["action"];
  readonly dryRun: boolean;
  readonly rules: readonly CompiledRule[];
  /** Why it denies whatever it is attached to. */
  readonly broken: string | undefined;
}

const ACTIONS: ReadonlySet<string> = new Set(["ALLOW", "DENY", "AUDIT"]);

/** Never throws: a record with anything in it that cannot be judged becomes a broken policy. */
export function compilePolicy(record: PolicyRecord, domains: TrustDomains): CompiledPolicy {
  const base = { key: record.key, action: record.action, dryRun: record.dryRun };
  const broken = record.broken ?? (ACTIONS.has(record.action) ? undefined : `action ${record.action} is not supported`);
  if (broken !== undefined) return { ...base, rules: [], broken };
  try {
    return { ...base, rules: record.rules.map((rule, index) => compileRule(record, rule, index, domains)), broken };
  } catch (error) {
    if (error instanceof InvalidPolicyError) return { ...base, rules: [], broken: error.message };
    return { ...base, rules: [], broken: "the record does not have the shape of a policy" };
  }
}

function compileRule(record: PolicyRecord, rule: PolicyRuleRecord, index: number, domains: TrustDomains): CompiledRule {
  // Whatever is not an ALLOW errs towards matching: Istio widens DENY and AUDIT alike.
  const isWidening = record.action !== "ALLOW";
  const conditions = (rule.when ?? []).map((condition) =>
    condition.key === "source.principal" ? withExpandedPrincipals(condition, domains) : condition,
  );
  return {
    policy: record.key,
    index,
    isWidening,
    sources: alternatives(rule.from, "from", (source) => sourceChecks(source, isWidening, domains)),
    operations: alternatives(rule.to, "to", (operation) => operationChecks(operation, isWidening)),
    conditions: conditions.flatMap((condition) => checksOfCondition(condition, isWidening)),
    decision: isWidening ? denied("explicit_deny", record.key, index) : allowed(record.key, index),
  };
}

function alternatives<T>(
  list: readonly T[] | undefined,
  name: string,
  compile: (item: T) => Checks,
): readonly Checks[] {
  if (list === undefined) return [[]];
  // An empty list of alternatives could be read as "any" or as "none"; whichever is meant, the other fails open somewhere.
  if (list.length === 0) throw new InvalidPolicyError(`\`${name}\` is an empty list`);
  return list.map(compile);
}

function withExpandedPrincipals<T extends { values?: readonly string[]; notValues?: readonly string[] }>(
  condition: T,
  domains: TrustDomains,
): T {
  return {
    ...condition,
    ...(condition.values && { values: domains.expandAll(checked(condition.values, principalProblem)) }),
    ...(condition.notValues && { notValues: domains.expandAll(checked(condition.notValues, principalProblem)) }),
  };
}

/** Adds the checks of a field and of its negation, where the record has them. */
type Collector = <T>(
  name: string,
  values: readonly T[] | undefined,
  notValues: readonly T[] | undefined,
  make: (field: string, values: readonly T[], mode: { isNegated: boolean; isWidening: boolean }) => Check,
) => void;

function collector(checks: Check[], isWidening: boolean): Collector {
  return (name, values, notValues, make) => {
    if (values?.length === 0 || notValues?.length === 0) throw new InvalidPolicyError(`\`${name}\` is an empty list`);
    if (values !== undefined) checks.push(make(name, values, { isNegated: false, isWidening }));
    const notName = `not${name[0]!.toUpperCase()}${name.slice(1)}`;
    if (notValues !== undefined) checks.push(make(notName, notValues, { isNegated: true, isWidening }));
  };
}

function sourceChecks(record: SourceRecord, isWidening: boolean, domains: TrustDomains): Checks {
  const checks: Check[] = [];
  const add = collector(checks, isWidening);
  add("principals", record.principals, record.notPrincipals, (field, values, mode) => {
    return new CallerCheck(field, "principal", domains.expandAll(checked(values, principalProblem)), mode);
  });
  add("namespaces", record.namespaces, record.notNamespaces, (field, values, mode) => {
    return new CallerCheck(field, "namespace", values, mode);
  });
  add("serviceAccounts", record.serviceAccounts, record.notServiceAccounts, (field, values, mode) => {
    return new CallerCheck(field, "serviceAccount", values, mode);
  });
  add("requestPrincipals", record.requestPrincipals, record.notRequestPrincipals, (field, values, mode) => {
    return new AbsentTokenCheck(field, values, mode);
  });
  add("ipBlocks", record.ipBlocks, record.notIpBlocks, (field, values, mode) => {
    return new AddressCheck(field, "source", values, mode);
  });
  add("remoteIpBlocks", record.remoteIpBlocks, record.notRemoteIpBlocks, (field, values, mode) => {
    return new AddressCheck(field, "remote", values, mode);
  });
  return checks;
}

function operationChecks(record: OperationRecord, isWidening: boolean): Checks {
  const checks: Check[] = [];
  const add = collector(checks, isWidening);
  add("ports", record.ports, record.notPorts, (field, values, mode) => new PortCheck(field, values, mode));
  add("methods", record.methods, record.notMethods, (field, values, mode) => new MethodCheck(field, values, mode));
  add("paths", record.paths, record.notPaths, (field, values, mode) => new PathCheck(field, values, mode));
  add("hosts", record.hosts, record.notHosts, (field, values, mode) => {
    return new HostCheck(field, checked(values, hostProblem), mode);
  });
  return checks;
}
