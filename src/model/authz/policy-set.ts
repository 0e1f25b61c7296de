import type { DefaultAction } from "../documents.ts";
import type { ConnectionFacts, RequestFacts } from "../request-facts.ts";
import type { CompiledPolicy, CompiledRule } from "./compiled-policy.ts";
import { type Allowed, allowed, type Decision, type Denied, denied, type RuleMatch } from "./decision.ts";
import { type Dependencies, dependenciesOf } from "./dependencies.ts";
import { FactsWithPath } from "./facts-with-path.ts";
import { withoutPathParameters } from "./path-parameters.ts";
import { RuleList } from "./rule-list.ts";

/** What happens where no ALLOW policy holds. `pass`: this target decides nothing (a Service or a Gateway), another one will. */
export type Fallback = DefaultAction | "pass";

/** The decision about everything when judging itself fails: closed. */
const FAILED = denied("broken_policy");

/** The decisions of a target for which no ALLOW policy holds. */
const FALLBACKS: Readonly<Record<Fallback, Decision>> = {
  deny: denied("default_deny"),
  audit: allowed(undefined, -1, denied("default_deny")),
  allow: allowed(),
  pass: allowed(),
};

/** Finds the first rule of a list that matches, by request or by connection. */
type Finder = (list: RuleList) => CompiledRule | undefined;

/** Rules as they would be if dry-run policies were enforced. */
interface Shadow {
  readonly deny: RuleList;
  readonly allow: RuleList;
  readonly hasAllow: boolean;
  readonly broken: Denied | undefined;
}

/**
 * The policies that hold for one workload, Service or Gateway, ready to judge; immutable, made once per generation.
 *
 * In this order, as Istio: broken policy: denied. Any DENY matches: denied. No ALLOW policy holds: the fallback. Any ALLOW
 * matches: allowed. Else denied. Policies marked dry-run and AUDIT policies never change the verdict; what they would have
 * done is in `wouldDeny` and `audit`. Of several rules that match, the first in order of the policies is named.
 *
 * Paths handed in must be normalised. One with `;parameters` is judged with and without them, and must pass both ways.
 */
export class PolicySet {
  /** What the decisions depend on besides the caller, its address, and the target. */
  readonly dependsOn: Dependencies;
  readonly #deny: RuleList;
  readonly #allow: RuleList;
  readonly #audit: RuleList;
  readonly #unmatched: Decision;
  readonly #broken: Denied | undefined;
  readonly #shadow: Shadow | undefined;
  /** Nothing that only a second look could find: the plain path. */
  readonly #isPlain: boolean;

  constructor(policies: readonly CompiledPolicy[], fallback: Fallback) {
    const enforced = policies.filter((policy) => !policy.dryRun);
    const allowPolicies = enforced.filter((policy) => policy.action === "ALLOW");
    this.dependsOn = dependenciesOf(policies);
    this.#deny = rulesOf(enforced, "DENY");
    this.#allow = rulesOf(enforced, "ALLOW");
    this.#audit = rulesOf(enforced, "AUDIT");
    this.#unmatched = allowPolicies.length === 0 ? FALLBACKS[fallback] : unmatchedOf(allowPolicies);
    this.#broken = brokenOf(enforced);
    this.#shadow = enforced.length === policies.length ? undefined : shadowOf(policies);
    this.#isPlain = this.#shadow === undefined && this.#audit.isEmpty;
  }

  /** Never throws: what cannot be judged is denied. */
  decide(facts: RequestFacts): Decision {
    if (this.#broken !== undefined) return this.#broken;
    try {
      if (this.dependsOn.path && facts.path.includes(";")) return this.#decideBothWays(facts);
      return this.#isPlain ? this.#judgeRequest(facts) : this.#judgeWatched((list) => list.first(facts));
    } catch {
      return FAILED;
    }
  }

  /** The same for a raw TCP stream: fields that only HTTP has match for a DENY and never for an ALLOW. */
  decideConnection(facts: ConnectionFacts): Decision {
    if (this.#broken !== undefined) return this.#broken;
    try {
      return this.#judgeWatched((list) => list.firstConnection(facts));
    } catch {
      return FAILED;
    }
  }

  #judgeRequest(facts: RequestFacts): Decision {
    const refusing = this.#deny.first(facts);
    if (refusing !== undefined) return refusing.decision;
    return this.#allow.first(facts)?.decision ?? this.#unmatched;
  }

  #decideBothWays(facts: RequestFacts): Decision {
    const asSent = this.#judgeWatched((list) => list.first(facts));
    if (!asSent.allowed) return asSent;
    const stripped = new FactsWithPath(facts, withoutPathParameters(facts.path));
    const asStripped = this.#judgeWatched((list) => list.first(stripped));
    if (!asStripped.allowed) return asStripped;
    return withFindings(asSent, asSent.wouldDeny ?? asStripped.wouldDeny, asSent.audit ?? asStripped.audit);
  }

  #judgeWatched(find: Finder): Decision {
    const verdict = (find(this.#deny) ?? find(this.#allow))?.decision ?? this.#unmatched;
    if (this.#isPlain || !verdict.allowed) return verdict;
    const audit = find(this.#audit);
    const match = audit && Object.freeze({ policy: audit.policy, rule: audit.index });
    return withFindings(verdict, this.#shadowDenial(verdict, find), match);
  }

  #shadowDenial(verdict: Allowed, find: Finder): Denied | undefined {
    const shadow = this.#shadow;
    if (shadow === undefined) return verdict.wouldDeny;
    if (shadow.broken !== undefined) return shadow.broken;
    const refusing = find(shadow.deny);
    if (refusing !== undefined) return denied("explicit_deny", refusing.policy, refusing.index);
    if (!shadow.hasAllow) return verdict.wouldDeny;
    return find(shadow.allow) === undefined ? denied("no_allow_matched") : undefined;
  }
}

function rulesOf(policies: readonly CompiledPolicy[], action: CompiledPolicy["action"]): RuleList {
  return new RuleList(policies.filter((policy) => policy.action === action).flatMap((policy) => policy.rules));
}

/** Names the policy where there is only one that could have matched. */
function unmatchedOf(allowPolicies: readonly CompiledPolicy[]): Denied {
  return denied("no_allow_matched", allowPolicies.length === 1 ? allowPolicies[0]!.key : undefined);
}

function brokenOf(policies: readonly CompiledPolicy[]): Denied | undefined {
  const broken = policies.find((policy) => policy.broken !== undefined);
  return broken && denied("broken_policy", broken.key);
}

function shadowOf(policies: readonly CompiledPolicy[]): Shadow {
  return {
    deny: rulesOf(policies, "DENY"),
    allow: rulesOf(policies, "ALLOW"),
    hasAllow: policies.some((policy) => policy.action === "ALLOW"),
    broken: brokenOf(policies),
  };
}

function withFindings(verdict: Allowed, wouldDeny: Denied | undefined, audit: RuleMatch | undefined): Allowed {
  if (verdict.wouldDeny === wouldDeny && verdict.audit === audit) return verdict;
  return allowed(verdict.policy, verdict.rule, wouldDeny, audit);
}
