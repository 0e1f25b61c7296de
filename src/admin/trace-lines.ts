/** Authorization traces as lines for a terminal. Whatever came from a request is escaped: it may hold anything. */
import type { Change } from "../model/authz/change.ts";
import type { Trace } from "../model/authz/explain.ts";
import { policyName } from "../model/authz/smallest-change.ts";
import type { FieldTrace, PolicyTrace, RuleTrace } from "../model/authz/trace.ts";

/** Values of a field that are printed; the others are counted. */
const VALUES_SHOWN_MAX = 4;

/** Rules of a policy that are printed. */
const RULES_SHOWN_MAX = 3;

/** Text that moves no cursor and breaks no line. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}

/** What the policies of one target said, without the change that would help. */
export function traceLines(trace: Trace, indent: string): string[] {
  const judged = trace.judgedPath === undefined ? [] : [`${indent}judged as path ${printable(trace.judgedPath)}`];
  if (trace.policies.length === 0) return [...judged, `${indent}${withoutPolicies(trace)}`];
  return [...judged, ...trace.policies.flatMap((policy) => policyLines(policy, indent))];
}

/** The sentence and the YAML, as a hint. */
export function changeLines(change: Change, indent: string): string[] {
  const yaml = change.yaml === "" ? [] : change.yaml.split("\n").map((line) => `${indent}  ${printable(line)}`);
  return [`${indent}hint: ${printable(change.sentence)}`, ...yaml];
}

function withoutPolicies({ decision }: Trace): string {
  if (!decision.allowed) return "no policy holds, and the site's default is to deny";
  return decision.wouldDeny === undefined
    ? "no policy holds, and nothing else refuses it"
    : "no policy holds; allowed only because defaultAction is audit";
}

function policyLines(policy: PolicyTrace, indent: string): string[] {
  const origin = policy.origin === undefined ? "" : ` ${policy.origin.file}:${policy.origin.line}`;
  const dryRun = policy.dryRun ? ", dry-run" : "";
  const head = `${indent}policy ${policyName(policy.policy)} (${policy.action}${dryRun})${origin}   ${outcome(policy)}`;
  // Of a DENY that does not match there is nothing to repair.
  const isSilent = policy.action !== "ALLOW" && policy.matchedRule < 0;
  const rules = isSilent
    ? []
    : policy.matchedRule >= 0
      ? policy.rules.slice(0, 1)
      : policy.rules.slice(0, RULES_SHOWN_MAX);
  const hidden = policy.matchedRule < 0 && !isSilent ? policy.rulesInAll - rules.length : 0;
  const more = hidden > 0 ? [`${indent}  and ${hidden} rules further from matching`] : [];
  return [head, ...rules.map((rule) => `${indent}  ${ruleLine(rule)}`), ...more];
}

function outcome(policy: PolicyTrace): string {
  if (policy.broken !== undefined) return `cannot be judged: ${printable(policy.broken)}`;
  if (policy.matchedRule >= 0) return `rule[${policy.matchedRule}] matched`;
  return policy.rulesInAll === 0 ? "has no rules" : "no rule matched";
}

function ruleLine(rule: RuleTrace): string {
  const fields = rule.fields.map(fieldText);
  return `rule[${rule.rule}] ${fields.length === 0 ? "matches everything" : fields.join("  ")}`;
}

function fieldText(field: FieldTrace): string {
  if (field.holds) return `✓ ${field.at}`;
  const shown = field.wanted.slice(0, VALUES_SHOWN_MAX).map(printable).join(" ");
  const more = field.wanted.length > VALUES_SHOWN_MAX ? ` … ${field.wanted.length} in all` : "";
  return `✗ ${field.at} [${shown}${more}], seen ${printable(field.seen)}`;
}
