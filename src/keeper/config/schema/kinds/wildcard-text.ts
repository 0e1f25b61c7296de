/** Texts in which Istio lets `*` stand for a prefix, a suffix or anything. */
import type { Problem } from "../scalars.ts";
import { text } from "../scalars.ts";

/** Most values of one field of a source, operation or condition. Reason: each is compared; more is a generated list. */
export const VALUES_MAX = 1024;

function wildcardProblem(value: string): Problem | undefined {
  const inner = value.slice(1, -1);
  if (inner.includes("*")) return { message: 'has "*" inside, where it has no meaning', code: "SV0317" };
  const isBoth = value.length > 1 && value.startsWith("*") && value.endsWith("*");
  return isBoth ? { message: 'has "*" at both ends, where only one has a meaning', code: "SV0317" } : undefined;
}

/** A text that is matched exactly, by prefix (`abc*`), by suffix (`*abc`), or by being there at all (`*`). */
export function wildcardText(what: string, problem: (value: string) => Problem | undefined = () => undefined) {
  return text({
    what: `${what}; "*" before or behind stands for anything`,
    pattern: /^[!-~]+$/,
    lengthMax: 2048,
    problem: (value) => wildcardProblem(value) ?? problem(value),
  });
}

/** A principal: trust domain, namespace and service account, without scheme. */
export const principal = wildcardText("a principal (<trust domain>/ns/<namespace>/sa/<service account>)", (value) =>
  value.startsWith("spiffe://") ? { message: "has a scheme", hint: `write ${value.slice(9)}` } : undefined,
);

/** True where no caller can ever have this principal. */
export function isImpossiblePrincipal(value: string): boolean {
  if (value.includes("*")) return false;
  return !/^[a-z0-9._-]+\/ns\/[a-z0-9-]+\/sa\/[A-Za-z0-9._-]+$/.test(value);
}

/** A path of a request, or a template with `{*}` for one segment and `{**}` for the rest. */
export const policyPath = text({
  what: 'an absolute path; "*" before or behind, or {*} for a segment and {**} for the rest',
  pattern: /^[!-~]+$/,
  lengthMax: 2048,
  code: "SV0313",
  problem: (value) => {
    if (/[{}]/.test(value)) return templateProblem(value);
    const problem = wildcardProblem(value);
    if (problem !== undefined || value.startsWith("*") || value.startsWith("/")) return problem;
    return { message: "must be an absolute path" };
  },
});

function templateProblem(value: string): Problem | undefined {
  if (!value.startsWith("/")) return { message: "must be an absolute path" };
  const segments = value.slice(1).split("/");
  const isPlain = segments.every((segment) => segment === "{*}" || segment === "{**}" || !/[*{}]/.test(segment));
  if (!isPlain) return { message: "has something other than {*} or {**} as a whole segment", code: "SV0317" };
  const rest = segments.indexOf("{**}");
  if (rest < 0 || rest === segments.length - 1) return undefined;
  return { message: "has {**} before its end", code: "SV0317" };
}

/** A host of a request; compared without regard to case. */
export const policyHost = wildcardText("a host");

/** A method; all that are known are upper case. */
export const policyMethod = wildcardText("an HTTP method in upper case", (value) =>
  /[a-z]/.test(value) ? { message: "has lower-case letters", hint: `write ${value.toUpperCase()}` } : undefined,
);

/** A port, as text: Istio writes them so. */
export const policyPort = text({
  what: 'a port number in quotes ("8080")',
  code: "SV0302",
  problem: (value) =>
    /^[1-9][0-9]{0,4}$/.test(value) && Number(value) <= 65_535 ? undefined : { message: "is not a port, 1 to 65535" },
});
