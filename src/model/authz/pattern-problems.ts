/** Patterns that read like one thing and mean another; refused wherever they turn up. */
import { InvalidPolicyError } from "./invalid-policy.ts";

/** What is wrong with a principal pattern, or `undefined`. */
export function principalProblem(pattern: string): string | undefined {
  const shown = JSON.stringify(pattern);
  if (pattern.startsWith("spiffe://")) return `principal ${shown} starts with spiffe://, expected the trust domain`;
  // `shop.example*` would also take in shop.example.evil, whoever runs that.
  if (pattern !== "*" && pattern.endsWith("*") && !pattern.includes("/")) {
    return `principal ${shown} ends inside a trust domain, expected a slash before the *`;
  }
  return undefined;
}

/** What is wrong with a host pattern, or `undefined`. Hosts are compared without port, so a number after one would be ignored. */
export function hostProblem(pattern: string): string | undefined {
  if (!/^([^:]*|.*\]):[0-9]+$/.test(pattern)) return undefined;
  return `host ${JSON.stringify(pattern)} names a port, expected the host alone and the port in ports`;
}

/** The values. Throws InvalidPolicyError where `problemOf` finds something in any. */
export function checked(
  values: readonly string[],
  problemOf: (value: string) => string | undefined,
): readonly string[] {
  for (const value of values) {
    const problem = problemOf(value);
    if (problem !== undefined) throw new InvalidPolicyError(problem);
  }
  return values;
}
