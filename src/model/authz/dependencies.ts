import type { Check } from "./check.ts";
import type { CompiledPolicy } from "./compiled-policy.ts";

/**
 * Which facts of a request the decisions of a set depend on, besides the caller and the destination port. Where all that
 * are true stay the same on a connection, so does the decision.
 */
export interface Dependencies {
  readonly path: boolean;
  readonly method: boolean;
  /** Any header. */
  readonly headers: boolean;
  readonly host: boolean;
  /** Any address: `caller.ip`, `remoteIp` or `destinationIp`. */
  readonly ip: boolean;
  /** Never so far: no field of a policy reads it. */
  readonly query: boolean;
}

/** The union over all rules, dry-run and AUDIT included. */
export function dependenciesOf(policies: readonly CompiledPolicy[]): Dependencies {
  const found = { path: false, method: false, headers: false, host: false, ip: false, query: false };
  for (const policy of policies) {
    for (const rule of policy.rules) {
      for (const checks of [...rule.sources, ...rule.operations, rule.conditions]) {
        for (const check of checks) note(check, found);
      }
    }
  }
  return Object.freeze(found);
}

function note(check: Check, found: { -readonly [K in keyof Dependencies]: boolean }): void {
  if (check.scope === "connection") found.ip ||= check.readsIp;
  else if (check.scope === "http" && check.input !== "none") found[check.input] = true;
}
