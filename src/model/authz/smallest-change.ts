/** The smallest change to the documents that takes a denial away, as a sentence, as YAML, and as data that can be applied. */

import type { Change, ChangeTarget, RuleEdit } from "./change.ts";
import { editYaml, policyYaml, ruleYaml } from "./change-yaml.ts";
import type { PolicySite } from "./decide.ts";
import type { Denied } from "./decision.ts";
import type { PolicyRuleRecord } from "./record.ts";
import type { FieldTrace, NearestMiss, PolicyTrace, Subject } from "./trace.ts";
import { LOCAL_TRUST_DOMAIN, TrustDomains } from "./trust-domains.ts";

export interface ChangeInput {
  readonly decision: Denied;
  readonly policies: readonly PolicyTrace[];
  readonly nearest: NearestMiss | undefined;
  readonly subject: Subject;
  readonly target: ChangeTarget;
  readonly site: PolicySite;
  /** As of `ExplainInput`. */
  readonly crosses: boolean;
}

/** More fields than this to be widened in one rule, and a rule of its own is the smaller change. */
export const EDITS_MAX = 2;

/** Fields that a value can be added to, and what of the request the value is. */
const WIDENABLE: ReadonlySet<string> = new Set([
  "principals",
  "namespaces",
  "serviceAccounts",
  "ipBlocks",
  "remoteIpBlocks",
  "hosts",
  "ports",
  "methods",
  "paths",
]);

/** Of these, what another node sees differently: the address that it sees is that of the caller's node. */
const ADDRESSES: ReadonlySet<string> = new Set(["ipBlocks", "remoteIpBlocks"]);

export function smallestChange(input: ChangeInput): Change {
  const { decision } = input;
  switch (decision.reason) {
    case "explicit_deny":
      return narrowDeny(input);
    case "no_allow_matched":
      return widenAllow(input);
    case "default_deny":
      return addPolicy(input);
    case "calls":
      return advice("add the destination to spec.calls of the calling Workload");
    case "broken_policy":
      return advice(brokenSentence(input));
  }
}

/** `policy/prod/orders` as people write it: `prod/orders`. */
export function policyName(key: string): string {
  return key.startsWith("policy/") ? key.slice("policy/".length) : key;
}

function advice(sentence: string): Change {
  return { kind: "advice", sentence, yaml: "" };
}

function brokenSentence(input: ChangeInput): string {
  const broken = input.policies.find((policy) => policy.broken !== undefined && !policy.dryRun);
  if (broken === undefined) return "the request could not be judged; this is a fault of the mesh and worth a report";
  return `correct policy ${policyName(broken.policy)}: ${broken.broken ?? ""}`;
}

function narrowDeny({ decision, subject, site }: ChangeInput): Change {
  const policy = decision.policy ?? "";
  const where = `rule ${decision.rule} of DENY policy ${policyName(policy)}`;
  const { principal } = subject.facts.caller;
  if (principal === "") return advice(`give the caller an identity, or narrow ${where}, which matches`);
  const shown = shortPrincipal(principal, site);
  const sentence = `narrow ${where}, or add ${shown} to notPrincipals of each of its sources; the other policies then decide`;
  return { kind: "advice", sentence, yaml: ruleYaml({ from: [{ notPrincipals: [shown] }] }) };
}

function widenAllow(input: ChangeInput): Change {
  const { nearest, site, decision } = input;
  const failed = nearest?.rule.fields.filter((field) => !field.holds) ?? [];
  const edits = failed.map((field) => editFor(field, input));
  if (
    nearest !== undefined &&
    edits.length > 0 &&
    edits.length <= EDITS_MAX &&
    edits.every((edit) => edit !== undefined)
  ) {
    const { policy, rule } = nearest;
    const shorten = (principal: string): string => shortPrincipal(principal, site);
    const words = edits.map((edit) => `${edit.value} to rules[${rule.rule}].${placeOf(edit)}`);
    const sentence = `add ${words.join(" and ")} of policy ${policyName(policy.policy)}`;
    return {
      kind: "edit-rule",
      policy: policy.policy,
      rule: rule.rule,
      edits,
      sentence,
      yaml: editYaml(rule, edits, shorten),
    };
  }
  const policy = nearest?.policy.policy ?? decision.policy ?? allowKey(input);
  if (policy === undefined) return addPolicy(input);
  const rule = ruleFor(input);
  if (rule === undefined) return strangerAdvice(input, policy);
  return {
    kind: "add-rule",
    policy,
    rule,
    sentence: `add a rule to policy ${policyName(policy)}`,
    yaml: ruleYaml(rule),
  };
}

function addPolicy(input: ChangeInput): Change {
  const { target } = input;
  const rule = ruleFor(input);
  const what = `${target.namespace}/${target.name}`;
  if (rule === undefined) return strangerAdvice(input, undefined);
  const sentence = `no ALLOW policy holds for ${what}: add one`;
  return { kind: "add-policy", namespace: target.namespace, rule, sentence, yaml: policyYaml(target, rule) };
}

function strangerAdvice({ crosses }: ChangeInput, policy: string | undefined): Change {
  const where = policy === undefined ? "" : `, then allow it in policy ${policyName(policy)}`;
  if (crosses) {
    const means = "give its Workload selectors that recognise it, or let it come through a Gateway";
    return advice(`no policy lets a caller without identity reach another node: ${means}${where}`);
  }
  return advice(`the caller has neither identity nor address: give its Workload selectors that recognise it${where}`);
}

function allowKey({ policies }: ChangeInput): string | undefined {
  return policies.find((policy) => policy.action === "ALLOW" && !policy.dryRun)?.policy;
}

function editFor(field: FieldTrace, input: ChangeInput): RuleEdit | undefined {
  if (field.place !== "from" && field.place !== "to") return undefined;
  if (field.isNegated || !WIDENABLE.has(field.field) || field.seen === "" || field.seen.startsWith("("))
    return undefined;
  if (input.crosses && ADDRESSES.has(field.field)) return undefined;
  // A value with a star in it, or a brace in a path, would be read as a pattern and open more than what was asked for.
  if (/[*{}]/.test(field.seen)) return undefined;
  const value = field.field === "principals" ? shortPrincipal(field.seen, input.site) : field.seen;
  return { place: field.place, index: field.index, field: field.field, value };
}

function placeOf(edit: RuleEdit): string {
  const part = edit.place === "from" ? "source" : "operation";
  return `${edit.place}[${edit.index}].${part}.${edit.field}`;
}

/** A rule for exactly this, or `undefined` where nothing tells the caller from anybody else. */
function ruleFor({ subject, site, crosses }: ChangeInput): PolicyRuleRecord | undefined {
  const { caller, destinationPort } = subject.facts;
  const source =
    caller.principal !== ""
      ? { principals: [shortPrincipal(caller.principal, site)] }
      : caller.ip !== "" && !crosses
        ? { ipBlocks: [caller.ip] }
        : undefined;
  if (source === undefined) return undefined;
  if (subject.protocol === "tcp") return { from: [source], to: [{ ports: [destinationPort] }] };
  const { method, path } = subject.facts;
  const isPlain = !/[*{}]/.test(path);
  return { from: [source], to: [{ methods: [method], ...(isPlain && { paths: [path] }) }] };
}

/** In the form that holds on every site. */
function shortPrincipal(principal: string, site: PolicySite): string {
  const slash = principal.indexOf("/");
  const domains = new TrustDomains(site.trustDomain, site.trustDomainAliases);
  return domains.isLocal(principal.slice(0, slash)) ? LOCAL_TRUST_DOMAIN + principal.slice(slash) : principal;
}
