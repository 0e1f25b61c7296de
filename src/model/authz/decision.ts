/** What judging a request comes to: frozen values, made when the policies are taken up, never per request on the plain path. */

/**
 * Why a request is refused.
 *
 * `explicit_deny`: a DENY policy matched. `no_allow_matched`: ALLOW policies hold for the target and none matched.
 * `default_deny`: none holds and the site's default is `deny`. `broken_policy`: a policy that holds for the target could
 * not be compiled or is missing, or judging failed. `calls`: the caller's own `Workload.spec.calls` does not name the target.
 */
export type DenialReason = "explicit_deny" | "no_allow_matched" | "default_deny" | "broken_policy" | "calls";

/** A policy and a rule in it that matched without deciding anything. */
export interface RuleMatch {
  readonly policy: string;
  readonly rule: number;
}

export interface Denied {
  readonly allowed: false;
  /** Key of the policy that decided, where it is one. */
  readonly policy: string | undefined;
  /** Position of its rule, from 0; -1 where no rule decided. */
  readonly rule: number;
  readonly reason: DenialReason;
}

export interface Allowed {
  readonly allowed: true;
  /** Key of the ALLOW policy that matched; `undefined` where the default or nothing decided. */
  readonly policy: string | undefined;
  readonly rule: number;
  /** The first AUDIT policy that matched. */
  readonly audit: RuleMatch | undefined;
  /** What it would be if dry-run policies were enforced and the default `audit` were `deny`. */
  readonly wouldDeny: Denied | undefined;
}

export type Decision = Allowed | Denied;

/** A frozen denial. */
export function denied(reason: DenialReason, policy?: string, rule = -1): Denied {
  return Object.freeze({ allowed: false, policy, rule, reason });
}

/** A frozen permission. */
export function allowed(policy?: string, rule = -1, wouldDeny?: Denied, audit?: RuleMatch): Allowed {
  return Object.freeze({ allowed: true, policy, rule, audit, wouldDeny });
}
