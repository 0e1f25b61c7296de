/** Whether policies could ever allow, and surely allow, a request of which only a part is known. */
import type { Check } from "../authz/check.ts";
import type { Checks, CompiledPolicy, CompiledRule } from "../authz/compiled-policy.ts";
import { withoutPathParameters } from "../authz/path-parameters.ts";
import { PlainRequest } from "../authz/plain-facts.ts";
import { needsRequest } from "../authz/rule-entry.ts";
import type { DefaultAction } from "../documents.ts";

/** A request with unknown parts; of what is not known, the facts hold a placeholder that is never looked at. */
export interface PartialRequest {
  readonly protocol: "http" | "tcp";
  /** The caller and the destination port are always known, addresses never are. */
  readonly facts: PlainRequest;
  readonly isMethodKnown: boolean;
  readonly isPathKnown: boolean;
  readonly isHostKnown: boolean;
  readonly areHeadersKnown: boolean;
}

/** What decided, for a message. */
export interface Because {
  /** Key of the policy; `undefined`: the site's default, or that no ALLOW matched. */
  readonly policy: string | undefined;
  readonly rule: number;
  /** Some requests only. */
  readonly isConditional: boolean;
  readonly why: "allow" | "deny" | "no-allow" | "default" | "broken";
}

/**
 * Errs to one side each: `mayAllow` is false only if no request is allowed, `mustAllow` true only if every request with the
 * known parts is.
 */
export interface Possibility {
  readonly mayAllow: boolean;
  readonly mustAllow: boolean;
  readonly because: Because;
}

type Answer = "yes" | "no" | "maybe";

/** `defaultAction` undefined: the target decides nothing where no ALLOW policy holds (Services). */
export function possibilityOf(
  policies: readonly CompiledPolicy[],
  defaultAction: DefaultAction | undefined,
  request: PartialRequest,
): Possibility {
  const asSent = possibilityOnce(policies, defaultAction, request);
  const { path } = request.facts;
  if (!request.isPathKnown || !path.includes(";") || !asSent.mayAllow) return asSent;
  // A path with parameters is judged both ways and must pass both.
  const facts = new PlainRequest({
    ...request.facts,
    path: withoutPathParameters(path),
    headers: request.facts.headerLines,
  });
  const asStripped = possibilityOnce(policies, defaultAction, { ...request, facts });
  return asStripped.mustAllow ? asSent : asStripped;
}

function possibilityOnce(
  policies: readonly CompiledPolicy[],
  defaultAction: DefaultAction | undefined,
  request: PartialRequest,
): Possibility {
  const enforced = policies.filter((policy) => !policy.dryRun);
  const broken = enforced.find((policy) => policy.broken !== undefined);
  if (broken !== undefined) return surely(false, because("broken", broken.key));
  const deny = strongest(rulesOf(enforced, "DENY"), request);
  if (deny?.answer === "yes") return surely(false, because("deny", deny.rule.policy, deny.rule.index));
  const allow = allowedBy(enforced, defaultAction, request);
  if (deny === undefined || !allow.mayAllow) return allow;
  if (!allow.mustAllow) return allow;
  return { mayAllow: true, mustAllow: false, because: because("deny", deny.rule.policy, deny.rule.index, true) };
}

function allowedBy(
  enforced: readonly CompiledPolicy[],
  defaultAction: DefaultAction | undefined,
  request: PartialRequest,
): Possibility {
  if (!enforced.some((policy) => policy.action === "ALLOW"))
    return surely(defaultAction !== "deny", because("default"));
  const allow = strongest(rulesOf(enforced, "ALLOW"), request);
  if (allow === undefined) return surely(false, because("no-allow"));
  const isCertain = allow.answer === "yes";
  const reason = because("allow", allow.rule.policy, allow.rule.index, !isCertain);
  return { mayAllow: true, mustAllow: isCertain, because: reason };
}

function because(why: Because["why"], policy?: string, rule = -1, isConditional = false): Because {
  return { why, policy, rule, isConditional };
}

function surely(allowed: boolean, reason: Because): Possibility {
  return { mayAllow: allowed, mustAllow: allowed, because: reason };
}

function rulesOf(policies: readonly CompiledPolicy[], action: CompiledPolicy["action"]): CompiledRule[] {
  return policies.filter((policy) => policy.action === action).flatMap((policy) => policy.rules);
}

/** The first rule that surely matches, else the first that may. */
function strongest(rules: readonly CompiledRule[], request: PartialRequest) {
  let found: { rule: CompiledRule; answer: "yes" | "maybe" } | undefined;
  for (const rule of rules) {
    const answer = ruleAnswer(rule, request);
    if (answer === "yes") return { rule, answer };
    if (answer === "maybe" && found === undefined) found = { rule, answer };
  }
  return found;
}

function ruleAnswer(rule: CompiledRule, request: PartialRequest): Answer {
  if (request.protocol === "tcp" && !rule.isWidening && needsRequest(rule)) return "no";
  const all = (checks: Checks): Answer => every(checks.map((check) => checkAnswer(check, request)));
  return every([any(rule.sources.map(all)), any(rule.operations.map(all)), all(rule.conditions)]);
}

function checkAnswer(check: Check, request: PartialRequest): Answer {
  if (check.scope === "identity") return concrete(check.matches(request.facts));
  if (check.scope === "connection") return check.readsIp ? "maybe" : concrete(check.matches(request.facts));
  // Only rules for which a missing attribute is a match get here with TCP.
  if (request.protocol === "tcp") return "yes";
  if (isKnown(check.input, request)) return concrete(check.matches(request.facts));
  const isAll = check.wanted.some((pattern) => pattern === "*" || (check.input === "path" && isEveryPath(pattern)));
  if (!isAll || check.input === "headers" || check.input === "host") return "maybe";
  return check.isNegated ? "no" : "yes";
}

function isEveryPath(pattern: string): boolean {
  return pattern === "/*" || pattern === "/{**}";
}

function isKnown(input: "method" | "path" | "host" | "headers" | "none", request: PartialRequest): boolean {
  switch (input) {
    case "method":
      return request.isMethodKnown;
    case "path":
      return request.isPathKnown;
    case "host":
      return request.isHostKnown;
    case "headers":
      return request.areHeadersKnown;
    case "none":
      return true;
  }
}

function concrete(matches: boolean): Answer {
  return matches ? "yes" : "no";
}

function every(answers: readonly Answer[]): Answer {
  if (answers.includes("no")) return "no";
  return answers.includes("maybe") ? "maybe" : "yes";
}

function any(answers: readonly Answer[]): Answer {
  if (answers.includes("yes")) return "yes";
  return answers.includes("maybe") ? "maybe" : "no";
}
