/** What is wrong, or surprising, with one policy as a whole. */

import { nearestName } from "../../../base/nearest-name.ts";
import { CONDITION_KEYS } from "../../../model/authz/conditions.ts";
import { AUTHORIZATION_CODES, type AuthorizationCode } from "../../../model/authz/issue-codes.ts";
import type { TrustDomains } from "../../../model/authz/trust-domains.ts";
import type { FieldPath } from "../../../model/documents.ts";
import type { Issue } from "../../../model/issue.ts";
import type { PolicyDocument, RuleProblem } from "./policy-record.ts";

const DRY_RUN = "istio.io/dry-run";

/** API groups of what a policy can target. */
const TARGET_GROUPS: ReadonlyMap<string, readonly string[]> = new Map([
  ["Service", ["", "core"]],
  ["Gateway", ["gateway.networking.k8s.io"]],
  ["ServiceEntry", ["networking.istio.io"]],
]);

/** Makes an issue at a field of a document; severity comes from the table. */
export function issueAt(
  document: Pick<PolicyDocument, "at">,
  path: FieldPath,
  code: AuthorizationCode,
  message: string,
  hint?: string,
): Issue {
  const severity = AUTHORIZATION_CODES[code].severity;
  return { ...document.at(path), severity, code, message, ...(hint !== undefined && { hint }) };
}

export function problemIssue(document: PolicyDocument, problem: RuleProblem): Issue {
  const unknownKey = /condition key "([^"]*)" is not known/.exec(problem.message)?.[1];
  const near = unknownKey === undefined ? undefined : nearestName(unknownKey, CONDITION_KEYS);
  const hint = near === undefined ? undefined : `did you mean ${near}?`;
  return issueAt(document, ["spec", "rules", problem.rule], "SV2001", problem.message, hint);
}

/** Whether the policy is only to be watched, and what is wrong with saying so. Anything but "true" enforces. */
export function dryRunOf(document: PolicyDocument): { readonly dryRun: boolean; readonly issues: readonly Issue[] } {
  const annotations = document.metadata.annotations;
  const value = Object.hasOwn(annotations, DRY_RUN) ? annotations[DRY_RUN] : undefined;
  if (value === undefined || value === "false") return { dryRun: false, issues: [] };
  const at: FieldPath = ["metadata", "annotations", DRY_RUN];
  const action = document.spec.action;
  if (value !== "true") {
    const message = `annotation ${DRY_RUN} is ${JSON.stringify(value)}, expected "true" or "false"`;
    return { dryRun: false, issues: [issueAt(document, at, "SV2004", message)] };
  }
  if (action === "ALLOW" || action === "DENY") return { dryRun: true, issues: [] };
  const message = `annotation ${DRY_RUN} on a policy with action ${action}, expected ALLOW or DENY`;
  return { dryRun: false, issues: [issueAt(document, at, "SV2004", message)] };
}

/** What makes it impossible to say for what a policy holds. */
export function scopeIssues(document: PolicyDocument): Issue[] {
  const { targetRefs, selector } = document.spec;
  const issues: Issue[] = [];
  if (targetRefs.length > 0 && selector !== undefined) {
    issues.push(
      issueAt(document, ["spec", "targetRefs"], "SV2003", "targetRefs beside a selector, expected one of them"),
    );
  }
  for (const [index, ref] of targetRefs.entries()) {
    const at: FieldPath = ["spec", "targetRefs", index];
    if (!TARGET_GROUPS.get(ref.kind)?.includes(ref.group)) {
      const seen = ref.group === "" ? ref.kind : `${ref.kind} of ${ref.group}`;
      issues.push(issueAt(document, at, "SV2003", `target ${seen}, expected a Service, a ServiceEntry or a Gateway`));
    } else if (ref.namespace !== undefined && ref.namespace !== document.metadata.namespace) {
      const message = `target ${ref.namespace}/${ref.name}, expected one in the policy's namespace ${document.metadata.namespace}`;
      issues.push(issueAt(document, at, "SV2003", message));
    }
  }
  return issues;
}

/** What is accepted, but probably not what was meant. */
export function surprises(document: PolicyDocument, domains: TrustDomains): Issue[] {
  const { action, rules } = document.spec;
  const issues: Issue[] = [];
  if (action !== "ALLOW" && action !== "CUSTOM" && (rules ?? []).length === 0) {
    issues.push(issueAt(document, ["spec"], "SV2005", `${action} policy without rules never matches`));
  }
  for (const [index, rule] of (rules ?? []).entries()) {
    for (const [from, source] of (rule.from ?? []).entries()) {
      const at = (field: string): FieldPath => ["spec", "rules", index, "from", from, "source", field];
      for (const field of ["principals", "notPrincipals"] as const) {
        issues.push(...source[field].flatMap((pattern) => principalSurprises(document, at(field), pattern, domains)));
      }
      for (const field of ["requestPrincipals", "notRequestPrincipals"] as const) {
        if (source[field].length > 0)
          issues.push(issueAt(document, at(field), "SV2006", `${field}: no token is verified yet`));
      }
    }
    for (const [position, condition] of rule.when.entries()) {
      const at: FieldPath = ["spec", "rules", index, "when", position];
      if (condition.key.startsWith("request.auth.") || condition.key === "connection.sni") {
        issues.push(issueAt(document, at, "SV2006", `${condition.key}: no request has it yet`));
      }
      if (condition.key !== "source.principal") continue;
      for (const pattern of [...condition.values, ...condition.notValues]) {
        issues.push(...principalSurprises(document, at, pattern, domains));
      }
    }
  }
  return issues;
}

function principalSurprises(document: PolicyDocument, at: FieldPath, pattern: string, domains: TrustDomains): Issue[] {
  const slash = pattern.indexOf("/");
  const domain = slash === -1 ? pattern : pattern.slice(0, slash);
  if (domain.startsWith("*")) return [];
  if (!domains.isLocal(domain)) {
    const message = `principal ${JSON.stringify(pattern)}: ${domain} is not a trust domain of this site`;
    return [issueAt(document, at, "SV2007", message, "cluster.local means this site")];
  }
  if (!/^[^/]*\/ns\/[^/]+\*$/.test(pattern)) return [];
  const message = `principal ${JSON.stringify(pattern)} matches every namespace that begins so`;
  return [issueAt(document, at, "SV2008", message, `${pattern.slice(0, -1)}/* is the one namespace`)];
}
