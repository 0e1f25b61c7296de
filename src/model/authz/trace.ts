/** How each rule fared with one request: the same checks that decide, asked one by one. */
import type { Origin } from "../issue.ts";
import type { ConnectionFacts, RequestFacts } from "../request-facts.ts";
import type { Check } from "./check.ts";
import type { Checks, CompiledPolicy, CompiledRule } from "./compiled-policy.ts";
import { needsRequest } from "./rule-entry.ts";

/** What is judged: a request, or the opening of a raw TCP stream. */
export type Subject =
  | { readonly protocol: "http"; readonly facts: RequestFacts }
  | { readonly protocol: "tcp"; readonly facts: ConnectionFacts };

/** The part of a rule that a field stands in; `rule` is the rule as a whole. */
export type Place = "from" | "to" | "when" | "rule";

/** One field of a rule and what it met. */
export interface FieldTrace {
  /** `from[0].source.principals`, `to[1].operation.notPaths`, `when request.headers[x]`. */
  readonly at: string;
  readonly place: Place;
  /** Which source or operation; 0 for conditions. */
  readonly index: number;
  readonly field: string;
  readonly isNegated: boolean;
  readonly wanted: readonly string[];
  readonly seen: string;
  readonly holds: boolean;
}

/** The alternative of a rule (one source, one operation) that came closest. */
export interface RuleTrace {
  readonly rule: number;
  readonly matches: boolean;
  readonly fields: readonly FieldTrace[];
  /** Fields that do not hold; 0 where it matches. */
  readonly misses: number;
}

export interface PolicyTrace {
  /** Key of the policy. */
  readonly policy: string;
  readonly action: CompiledPolicy["action"];
  readonly dryRun: boolean;
  readonly broken: string | undefined;
  readonly origin: Origin | undefined;
  /** The first rule that matches, or -1. */
  readonly matchedRule: number;
  /** The rules that came closest, closest first, a matching one before all; at most TRACED_RULES_MAX. */
  readonly rules: readonly RuleTrace[];
  readonly rulesInAll: number;
}

/** The rule that came closest to allowing, of all ALLOW policies that hold. */
export interface NearestMiss {
  readonly policy: PolicyTrace;
  readonly rule: RuleTrace;
}

/** Rules of one policy that a trace shows. Reason: the nearest few explain; thousands would bury them. */
export const TRACED_RULES_MAX = 16;

export function tracePolicy(policy: CompiledPolicy, origin: Origin | undefined, subject: Subject): PolicyTrace {
  const { action, dryRun, broken } = policy;
  const rules = policy.rules.map((rule) => traceRule(rule, subject));
  const matched = rules.find((rule) => rule.matches);
  const nearest = [...rules].sort((a, b) => a.misses - b.misses || a.rule - b.rule).slice(0, TRACED_RULES_MAX);
  return {
    policy: policy.key,
    action,
    dryRun,
    broken,
    origin,
    matchedRule: matched?.rule ?? -1,
    rules: nearest,
    rulesInAll: rules.length,
  };
}

/** Sources and operations do not depend on each other, so the best of each together is the best alternative. */
function traceRule(rule: CompiledRule, subject: Subject): RuleTrace {
  const isWidening = rule.isWidening;
  const fields = [
    ...best(rule.sources.map((checks, index) => traceFields(checks, "from", index, subject, isWidening))),
    ...best(rule.operations.map((checks, index) => traceFields(checks, "to", index, subject, isWidening))),
    ...traceFields(rule.conditions, "when", 0, subject, isWidening),
  ];
  if (subject.protocol === "tcp" && !isWidening && needsRequest(rule)) fields.push(NEEDS_REQUEST);
  const misses = count(fields);
  return { rule: rule.index, matches: misses === 0, fields, misses };
}

/** An ALLOW rule that asks for anything of HTTP is dropped whole for raw TCP, whatever its other alternatives say. */
const NEEDS_REQUEST: FieldTrace = {
  at: "the rule",
  place: "rule",
  index: 0,
  field: "protocol",
  isNegated: false,
  wanted: ["HTTP"],
  seen: "(raw TCP)",
  holds: false,
};

function traceFields(checks: Checks, place: Place, index: number, subject: Subject, isWidening: boolean): FieldTrace[] {
  return checks.map((check) => {
    const { field, isNegated, wanted } = check;
    const base = { at: positionOf(place, index, check), place, index, field, isNegated, wanted };
    if (subject.protocol === "http") {
      return { ...base, seen: check.seen(subject.facts), holds: check.matches(subject.facts) };
    }
    if (check.scope === "http") return { ...base, seen: "(raw TCP)", holds: isWidening };
    return { ...base, seen: check.seen(subject.facts), holds: check.matches(subject.facts) };
  });
}

function positionOf(place: Place, index: number, check: Check): string {
  if (place === "from") return `from[${index}].source.${check.field}`;
  if (place === "to") return `to[${index}].operation.${check.field}`;
  return `when ${check.field}${check.isNegated ? " (notValues)" : ""}`;
}

function best(alternatives: readonly FieldTrace[][]): FieldTrace[] {
  let winner: FieldTrace[] | undefined;
  for (const fields of alternatives) if (winner === undefined || count(fields) < count(winner)) winner = fields;
  return winner ?? [];
}

function count(fields: readonly FieldTrace[]): number {
  return fields.filter((field) => !field.holds).length;
}
