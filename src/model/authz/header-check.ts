import type { RequestFacts } from "../request-facts.ts";
import type { CheckMode, RequestCheck } from "./check.ts";
import { StringMatcher } from "./string-matcher.ts";

/**
 * `request.headers[name]`.
 *
 * A header that comes several times may be read by the application as its first line, its last, or all joined, so each
 * line and the comma-joined whole is looked at: a DENY matches if any of them does, an ALLOW only if all do. Where
 * matching more is the safe side (values of a DENY, notValues of an ALLOW) the items between commas are looked at as well.
 * An absent header matches notValues and nothing else, as in Istio.
 */
export class HeaderCheck implements RequestCheck {
  readonly scope = "http";
  readonly input = "headers";
  readonly field: string;
  readonly wanted: readonly string[];
  readonly isNegated: boolean;
  readonly header: string;
  readonly #matcher: StringMatcher;
  /** Any view decides (DENY), or all must (ALLOW). */
  readonly #isWidening: boolean;
  /** The pattern is to match as much as it can. */
  readonly #isEager: boolean;

  constructor(name: string, values: readonly string[], mode: CheckMode) {
    this.field = `request.headers[${name}]`;
    this.wanted = values;
    this.isNegated = mode.isNegated;
    this.header = name.toLowerCase();
    this.#matcher = new StringMatcher(values);
    this.#isWidening = mode.isWidening;
    this.#isEager = mode.isWidening !== mode.isNegated;
  }

  matches(facts: RequestFacts): boolean {
    const lines = facts.headerValues(this.header);
    if (lines.length === 0) return this.isNegated;
    if (lines.length === 1) return this.#matchesLine(lines[0]!);
    for (const line of lines) if (this.#matchesLine(line) === this.#isWidening) return this.#isWidening;
    return this.#matchesText(lines.join(","));
  }

  seen(facts: RequestFacts): string {
    const lines = facts.headerValues(this.header);
    return lines.length === 0 ? "(absent)" : lines.join(", ");
  }

  #matchesLine(line: string): boolean {
    const answer = this.#matchesText(line);
    if (!this.#isEager || answer === this.#isWidening || !line.includes(",")) return answer;
    for (const item of line.split(","))
      if (this.#matchesText(item.trim()) === this.#isWidening) return this.#isWidening;
    return answer;
  }

  #matchesText(text: string): boolean {
    return this.#matcher.matches(text, this.#isEager) !== this.isNegated;
  }
}
