/** One rule judged as an ALLOW and as a DENY, for tests of what rules match. */
import type { PolicyRecord } from "../snapshot.ts";
import { buildPolicySet } from "./decide.ts";
import { PlainRequest, type PlainRequestInit } from "./plain-facts.ts";
import type { PolicySet } from "./policy-set.ts";
import type { PolicyRuleRecord } from "./record.ts";

/** Trust domain of the site that rules are judged at. */
export const TEST_DOMAIN = "shop.example";

const origin = { file: "test.yaml", line: 1, col: 1 };

/** The rule as the only one of an ALLOW policy, or of a DENY policy beside an ALLOW for everybody. */
export function setWithRule(
  action: "ALLOW" | "DENY",
  rule: PolicyRuleRecord,
  aliases: readonly string[] = [],
): PolicySet {
  const base = { kind: "policy", name: "p", namespace: "n", dryRun: false, origin } as const;
  const subject: PolicyRecord = { ...base, key: "policy/n/subject", action, rules: [rule] };
  const open: PolicyRecord = { ...base, key: "policy/n/open", action: "ALLOW", rules: [{}] };
  const refs = {
    deny: action === "DENY" ? [subject.key] : [],
    allow: [action === "ALLOW" ? subject.key : open.key],
    audit: [],
  };
  const site = { defaultAction: "deny" as const, trustDomain: TEST_DOMAIN, trustDomainAliases: aliases };
  return buildPolicySet(refs, (key) => (key === subject.key ? subject : open), site, true);
}

/** Whether a rule matches a request in an ALLOW policy, and in a DENY policy. */
export function matchesOf(
  rule: PolicyRuleRecord,
  init: PlainRequestInit,
  aliases: readonly string[] = [],
): { readonly allow: boolean; readonly deny: boolean } {
  const facts = new PlainRequest(init);
  const allow = setWithRule("ALLOW", rule, aliases).decide(facts).allowed;
  const deny = !setWithRule("DENY", rule, aliases).decide(facts).allowed;
  return { allow, deny };
}
