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
  /** Lower-case names of those, each once. Requests without any of them are alike. */
  readonly headerNames: readonly string[];
  readonly host: boolean;
  /** Any address: `caller.ip`, `remoteIp` or `destinationIp`. */
  readonly ip: boolean;
  /** Never so far: no field of a policy reads it. */
  readonly query: boolean;
}

type Found = { -readonly [K in Exclude<keyof Dependencies, "headerNames">]: boolean };

/** The union over all rules, dry-run and AUDIT included. */
export function dependenciesOf(policies: readonly CompiledPolicy[]): Dependencies {
  const found = { path: false, method: false, headers: false, host: false, ip: false, query: false };
  const names = new Set<string>();
  for (const policy of policies) {
    for (const rule of policy.rules) {
      for (const checks of [...rule.sources, ...rule.operations, rule.conditions]) {
        for (const check of checks) note(check, found, names);
      }
    }
  }
  return Object.freeze({ ...found, headerNames: [...names] });
}

function note(check: Check, found: Found, names: Set<string>): void {
  if (check.scope === "connection") found.ip ||= check.readsIp;
  else if (check.scope === "http" && check.input !== "none") found[check.input] = true;
  if (check.scope !== "http" || check.input !== "headers") return;
  if (check.header === undefined) throw new TypeError("a check of a header does not say which");
  names.add(check.header);
}
