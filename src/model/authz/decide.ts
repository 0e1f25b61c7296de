/** From the policy records of a snapshot to sets that judge. */
import type { DefaultAction } from "../documents.ts";
import type { PolicyRecord, PolicyRefs, SiteRecord } from "../snapshot.ts";
import { type CompiledPolicy, compilePolicy } from "./compiled-policy.ts";
import { type Fallback, PolicySet } from "./policy-set.ts";
import { TrustDomains } from "./trust-domains.ts";

/** What of the site has a part in judging. */
export type PolicySite = Pick<SiteRecord, "defaultAction" | "trustDomain" | "trustDomainAliases">;

/** Finds a policy of the generation by its key. */
export type PolicyLookup = (key: string) => PolicyRecord | undefined;

/**
 * The set for one target.
 *
 * `isWorkloadTarget`: the site's default holds where no ALLOW policy does; a Service or Gateway decides nothing then. A key
 * that `lookup` does not know is a broken policy: everything is denied. Never throws.
 */
export function buildPolicySet(
  refs: PolicyRefs,
  lookup: PolicyLookup,
  site: PolicySite,
  isWorkloadTarget: boolean,
): PolicySet {
  return new PolicySetFactory(lookup, site).build(refs, isWorkloadTarget);
}

/**
 * Builds the sets of one generation. Targets with the same policies share one set, and each policy is made ready once,
 * however many targets it holds for. Throw it away with the generation.
 */
export class PolicySetFactory {
  readonly #lookup: PolicyLookup;
  readonly #domains: TrustDomains;
  readonly #defaultAction: DefaultAction;
  readonly #compiled = new Map<string, CompiledPolicy>();
  readonly #sets = new Map<string, PolicySet>();

  constructor(lookup: PolicyLookup, site: PolicySite) {
    this.#lookup = lookup;
    this.#domains = new TrustDomains(site.trustDomain, site.trustDomainAliases);
    this.#defaultAction = site.defaultAction;
  }

  /** The set for a target; see `buildPolicySet`. */
  build(refs: PolicyRefs, isWorkloadTarget: boolean): PolicySet {
    const fallback: Fallback = isWorkloadTarget ? this.#defaultAction : "pass";
    const identity = JSON.stringify([fallback, refs.deny, refs.allow, refs.audit]);
    const known = this.#sets.get(identity);
    if (known !== undefined) return known;
    const made = new PolicySet(this.policies(refs), fallback);
    this.#sets.set(identity, made);
    return made;
  }

  /** The policies that some references name, made ready, DENY first. */
  policies(refs: PolicyRefs): CompiledPolicy[] {
    return [
      ...refs.deny.map((key) => this.#policy(key, "DENY")),
      ...refs.allow.map((key) => this.#policy(key, "ALLOW")),
      ...refs.audit.map((key) => this.#policy(key, "AUDIT")),
    ];
  }

  #policy(key: string, action: PolicyRecord["action"]): CompiledPolicy {
    const known = this.#compiled.get(key);
    const policy = known ?? this.#compile(key, action);
    if (known === undefined) this.#compiled.set(key, policy);
    if (policy.action === action) return policy;
    return { ...policy, rules: [], broken: `referred to as ${action}, but its action is ${policy.action}` };
  }

  #compile(key: string, action: PolicyRecord["action"]): CompiledPolicy {
    const record = this.#lookup(key);
    if (record !== undefined) return compilePolicy(record, this.#domains);
    return { key, action, dryRun: false, rules: [], broken: "the policy is missing" };
  }
}
