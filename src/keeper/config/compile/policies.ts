import { TrustDomains } from "../../../model/authz/trust-domains.ts";
import type { Issue } from "../../../model/issue.ts";
import type { PolicyRecord, PolicyRefs } from "../../../model/snapshot.ts";
import { dryRunOf, issueAt, problemIssue, scopeIssues, surprises } from "./policy-issues.ts";
import { type PolicyDocument, policyRecord } from "./policy-record.ts";
import { PolicyScopes, type PolicyTargetKind, type ScopedPolicy } from "./policy-scope.ts";

export interface PolicyContext {
  /** Policies of this namespace hold for the whole mesh. */
  readonly rootNamespace: string;
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
}

export interface CompiledPolicies {
  readonly records: PolicyRecord[];
  readonly issues: Issue[];
  refsForWorkload(workload: { namespace: string; labels: Readonly<Record<string, string>> }): PolicyRefs;
  /** Policies that name the target in targetRefs. A ServiceEntry's hold for each of its hosts. */
  refsForTarget(kind: PolicyTargetKind, namespace: string, name: string): PolicyRefs;
  /** Warnings about policies that neither of the two has returned so far; ask when all workloads and targets are known. */
  unattached(): Issue[];
}

/**
 * Compiles AuthorizationPolicies. Each becomes a record, whatever is wrong with it: a policy that cannot be judged is
 * `broken` and denies what it holds for, and one whose targets make no sense holds for its whole namespace.
 */
export function compilePolicies(policies: readonly PolicyDocument[], context: PolicyContext): CompiledPolicies {
  const domains = new TrustDomains(context.trustDomain, context.trustDomainAliases);
  const compiled = policies.map((document) => compileOne(document, domains));
  const scoped = compiled.map((one) => one.policy);
  const scopes = new PolicyScopes(scoped, context.rootNamespace);
  return {
    records: scoped.map((policy) => policy.record),
    issues: compiled.flatMap((one) => one.issues),
    refsForWorkload: (workload) => scopes.forWorkload(workload.namespace, workload.labels),
    refsForTarget: (kind, namespace, name) => scopes.forTarget(kind, namespace, name),
    unattached: () => scoped.filter((policy) => !scopes.isUsed(policy)).map(unattachedIssue),
  };
}

function compileOne(document: PolicyDocument, domains: TrustDomains): { policy: ScopedPolicy; issues: Issue[] } {
  const dryRun = dryRunOf(document);
  const scope = scopeIssues(document);
  const { record, problems } = policyRecord(document, dryRun.dryRun, domains);
  const issues = [...dryRun.issues, ...scope];
  if (document.spec.action === "CUSTOM") {
    issues.push(issueAt(document, ["spec", "action"], "SV2002", "action CUSTOM is not supported yet"));
  }
  issues.push(...problems.map((problem) => problemIssue(document, problem)), ...surprises(document, domains));
  const broken = record.broken ?? scope[0]?.message;
  const policy: ScopedPolicy = {
    record: broken === undefined ? record : { ...record, rules: [], broken },
    document,
    isScopeBroken: scope.length > 0,
  };
  return { policy, issues };
}

function unattachedIssue(policy: ScopedPolicy): Issue {
  const { namespace, name } = policy.record;
  const path = policy.document.spec.targetRefs.length > 0 ? ["spec", "targetRefs"] : ["spec", "selector"];
  const message = `policy ${namespace}/${name} holds for no workload, Service, ServiceEntry or Gateway`;
  return issueAt(policy.document, path, "SV2009", message);
}
