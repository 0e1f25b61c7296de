import type { ConnectionFacts, RequestFacts } from "../request-facts.ts";
import type { Check, StreamCheck } from "./check.ts";
import type { Checks, CompiledRule } from "./compiled-policy.ts";

/**
 * One way in which a rule can match: one of its sources with one of its operations. What an index holds; finding an entry
 * decides nothing, all its checks do.
 */
export class RuleEntry {
  readonly rule: CompiledRule;
  /** Position of the rule among all rules of its list; the lowest that matches is the one that is reported. */
  readonly order: number;
  /** The operation, for filing under its paths or hosts. */
  readonly operation: Checks;
  readonly #checks: readonly Check[];
  /** `null` where the rule can never match a raw TCP stream. */
  readonly #connectionChecks: readonly StreamCheck[] | null;

  constructor(rule: CompiledRule, order: number, source: Checks, operation: Checks) {
    this.rule = rule;
    this.order = order;
    this.operation = operation;
    // Cheapest first: ports and methods before addresses and headers.
    this.#checks = [...operation, ...source, ...rule.conditions];
    this.#connectionChecks = connectionChecksOf(rule, this.#checks);
  }

  matches(facts: RequestFacts): boolean {
    for (const check of this.#checks) if (!check.matches(facts)) return false;
    return true;
  }

  matchesConnection(facts: ConnectionFacts): boolean {
    if (this.#connectionChecks === null) return false;
    for (const check of this.#connectionChecks) if (!check.matches(facts)) return false;
    return true;
  }
}

/** Whether a rule asks for anything that only an HTTP request has. */
export function needsRequest(rule: CompiledRule): boolean {
  const hasHttp = (checks: Checks): boolean => checks.some((check) => check.scope === "http");
  return hasHttp(rule.conditions) || rule.sources.some(hasHttp) || rule.operations.some(hasHttp);
}

/** Istio's rule: for raw TCP a DENY drops what it cannot ask, and so matches more; an ALLOW that asks for it is dropped whole. */
function connectionChecksOf(rule: CompiledRule, checks: readonly Check[]): readonly StreamCheck[] | null {
  if (!rule.isWidening && needsRequest(rule)) return null;
  return checks.filter((check) => check.scope !== "http");
}
