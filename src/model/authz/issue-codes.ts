/** What authorization documents can have wrong with them, as far as it shows only when they are compiled; SV2xxx. */
import type { ErrorCodeEntry } from "../error-codes.ts";

/** Rows of the table of error codes. */
export const AUTHORIZATION_CODES = {
  SV2001: {
    severity: "error",
    title: "A rule cannot be judged",
    fix: "Correct the value that the message names. Until then the policy denies whatever it holds for.",
  },
  SV2002: {
    severity: "error",
    title: "The action CUSTOM is not supported yet",
    fix: "Use ALLOW, DENY or AUDIT. Ignoring the policy would open what it was to protect.",
  },
  SV2003: {
    severity: "error",
    title: "A policy cannot hold for this target",
    fix: "Name a Service, a ServiceEntry or a Gateway of the policy's own namespace, or use a selector.",
  },
  SV2004: {
    severity: "error",
    title: "The annotation istio.io/dry-run is neither true nor false",
    fix: 'Write "true" or "false" in quotes, on an ALLOW or DENY policy.',
  },
  SV2005: {
    severity: "warning",
    title: "A DENY or AUDIT policy without rules",
    fix: "Such a policy never matches. Write rules: [{}] to match everything, or remove it.",
  },
  SV2006: {
    severity: "warning",
    title: "No request has this attribute",
    fix: "End-user tokens are not verified yet and callers speak no TLS to the mesh: positive values never match.",
  },
  SV2007: {
    severity: "warning",
    title: "The trust domain is not this site's",
    fix: "Write cluster.local for this site, or add the name to Site.spec.trustDomainAliases.",
  },
  SV2008: {
    severity: "warning",
    title: "A principal pattern ends inside a namespace",
    fix: "td/ns/foo* also matches the namespace foobar; write td/ns/foo/* for one namespace.",
  },
  SV2009: {
    severity: "warning",
    title: "A policy holds for nothing",
    fix: "Compare its selector or targetRefs with the labels and names of Workloads and Services.",
  },
  SV2101: {
    severity: "error",
    title: "An assertion does not hold",
    fix: "Change the policy or rule that the message names, or the assertion, if it is no longer meant.",
  },
  SV2102: {
    severity: "warning",
    title: "An assertion names nobody",
    fix: "No caller or no service fits its patterns, so that it proves nothing.",
  },
} as const satisfies Record<string, ErrorCodeEntry>;

export type AuthorizationCode = keyof typeof AUTHORIZATION_CODES;
