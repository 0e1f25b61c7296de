import type { PolicyRefs } from "../snapshot.ts";
import type { Change, ChangeTarget } from "./change.ts";
import type { PolicyLookup, PolicySite } from "./decide.ts";
import { PolicySetFactory } from "./decide.ts";
import type { Decision } from "./decision.ts";
import { FactsWithPath } from "./facts-with-path.ts";
import { withoutPathParameters } from "./path-parameters.ts";
import type { PolicySet } from "./policy-set.ts";
import { smallestChange } from "./smallest-change.ts";
import { type NearestMiss, type PolicyTrace, type Subject, tracePolicy } from "./trace.ts";

/** What is to be explained: which policies, on what. */
export interface ExplainInput {
  readonly refs: PolicyRefs;
  readonly lookup: PolicyLookup;
  readonly site: PolicySite;
  /** As for `buildPolicySet`. */
  readonly isWorkloadTarget: boolean;
  readonly subject: Subject;
  /** What the policies hold for, to suggest one where there is none. */
  readonly target: ChangeTarget;
  /** Caller and endpoint are on two nodes, and the caller did not come in at a Gateway: its address means nothing there. */
  readonly crosses?: boolean;
}

export interface Trace {
  /** What `decide` answers. */
  readonly decision: Decision;
  /** Empty without identity. */
  readonly principal: string;
  /** The path as it was judged, where that is another than the one received (`;parameters`). */
  readonly judgedPath: string | undefined;
  /** In the order in which they are asked. */
  readonly policies: readonly PolicyTrace[];
  readonly nearest: NearestMiss | undefined;
  /** The smallest change that takes this denial away; `undefined` where it is allowed. */
  readonly change: Change | undefined;
}

/** Why a request is allowed or denied by the policies of one target. Slow and thorough; for people, not for traffic. */
export function explain(input: ExplainInput): Trace {
  const factory = new PolicySetFactory(input.lookup, input.site);
  const set = factory.build(input.refs, input.isWorkloadTarget);
  const decision = decisionOn(set, input.subject);
  const subject = judgedSubject(set, input.subject, decision);
  const policies = factory
    .policies(input.refs)
    .map((policy) => tracePolicy(policy, input.lookup(policy.key)?.origin, subject));
  const nearest = nearestMiss(policies);
  const caller = input.subject.facts.caller;
  const judgedPath = subject !== input.subject && subject.protocol === "http" ? subject.facts.path : undefined;
  const change = decision.allowed
    ? undefined
    : smallestChange({ ...input, decision, policies, nearest, subject, crosses: input.crosses === true });
  return { decision, principal: caller.principal, judgedPath, policies, nearest, change };
}

function decisionOn(set: PolicySet, subject: Subject): Decision {
  return subject.protocol === "http" ? set.decide(subject.facts) : set.decideConnection(subject.facts);
}

/** Of the two ways to read a path with parameters, the one that was refused. */
function judgedSubject(set: PolicySet, subject: Subject, decision: Decision): Subject {
  if (subject.protocol === "tcp" || decision.allowed) return subject;
  if (!set.dependsOn.path || !subject.facts.path.includes(";")) return subject;
  const facts = new FactsWithPath(subject.facts, withoutPathParameters(subject.facts.path));
  const other = set.decide(facts);
  const isSame = !other.allowed && other.policy === decision.policy && other.rule === decision.rule;
  return isSame ? { protocol: "http", facts } : subject;
}

function nearestMiss(policies: readonly PolicyTrace[]): NearestMiss | undefined {
  let winner: NearestMiss | undefined;
  for (const policy of policies) {
    const rule = policy.rules[0];
    if (policy.action !== "ALLOW" || policy.dryRun || rule === undefined || rule.matches) continue;
    if (winner === undefined || rule.misses < winner.rule.misses) winner = { policy, rule };
  }
  return winner;
}
