import { InvalidPolicyError } from "./invalid-policy.ts";

/** True for paths in Istio's template form, where braces are operators and `*` stands only inside them. */
export function isPathTemplate(pattern: string): boolean {
  return pattern.includes("{") || pattern.includes("}");
}

/**
 * A path pattern with `{*}` (exactly one segment, not empty) and `{**}` (the rest, which may be empty or hold slashes;
 * last only). Operators stand for whole segments.
 *
 * Matching is a walk over segments, without a regular expression: nothing in it can fail on unusual bytes.
 * Throws InvalidPolicyError for anything else in braces.
 */
export class PathTemplate {
  /** What every matching path starts with. */
  readonly literalPrefix: string;
  /** What every matching path ends with; empty where the rest is taken. */
  readonly literalSuffix: string;
  readonly #segments: readonly string[];
  readonly #takesRest: boolean;

  constructor(pattern: string) {
    const problem = pathTemplateProblem(pattern);
    if (problem !== undefined) throw new InvalidPolicyError(problem);
    this.literalPrefix = pattern.slice(0, pattern.indexOf("{"));
    this.literalSuffix = pattern.slice(pattern.lastIndexOf("}") + 1);
    const segments = pattern.split("/");
    this.#takesRest = segments.at(-1) === "{**}";
    this.#segments = this.#takesRest ? segments.slice(0, -1) : segments;
  }

  matches(path: string): boolean {
    const wanted = this.#segments;
    let start = 0;
    for (let i = 0; i < wanted.length; i++) {
      if (start > path.length) return false;
      const slash = path.indexOf("/", start);
      const end = slash === -1 ? path.length : slash;
      const segment = wanted[i]!;
      if (segment === "{*}") {
        if (end === start) return false;
      } else if (end - start !== segment.length || !path.startsWith(segment, start)) return false;
      start = end + 1;
    }
    // Past the last wanted segment there must be nothing, or the slash in front of the rest.
    return this.#takesRest ? start <= path.length : start > path.length;
  }
}

/** What is wrong with a path template, or `undefined`. */
export function pathTemplateProblem(pattern: string): string | undefined {
  if (!pattern.startsWith("/")) return `path template ${JSON.stringify(pattern)} does not start with a slash`;
  const segments = pattern.split("/");
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i]!;
    if (segment === "{**}") {
      if (i !== segments.length - 1) return `{**} in ${JSON.stringify(pattern)} is not the last segment`;
    } else if (segment !== "{*}" && /[{}*]/.test(segment)) {
      return `${JSON.stringify(segment)} in path template ${JSON.stringify(pattern)} is neither {*}, {**} nor plain text`;
    }
  }
  return undefined;
}
