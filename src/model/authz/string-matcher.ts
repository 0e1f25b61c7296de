import { isPathTemplate, PathTemplate } from "./path-template.ts";
import { RadixTree } from "./radix-tree.ts";

/** From this many beginnings (or ends) on, one walk over the text is cheaper than comparing with each. */
const LINEAR_PATTERNS_MAX = 8;

/** One of Istio's four forms, or a path template. */
export type StringPattern =
  | { readonly form: "presence" }
  | { readonly form: "exact" | "prefix" | "suffix" | "template"; readonly text: string };

/** Reads `abc`, `abc*`, `*abc`, `*`; a star anywhere else is an ordinary character, as it is in Istio. */
export function parseStringPattern(pattern: string, allowsTemplates: boolean): StringPattern {
  if (pattern === "*") return { form: "presence" };
  if (allowsTemplates && isPathTemplate(pattern)) return { form: "template", text: pattern };
  if (pattern.startsWith("*")) return { form: "suffix", text: pattern.slice(1) };
  if (pattern.endsWith("*")) return { form: "prefix", text: pattern.slice(0, -1) };
  return { form: "exact", text: pattern };
}

/** A list of patterns, any of which may match. Throws InvalidPolicyError for a bad path template. */
export class StringMatcher {
  /** The values, where every pattern is an exact one; else `undefined`. */
  readonly exactOnly: readonly string[] | undefined;
  readonly #hasPresence: boolean;
  /** One value is by far the most common list, and cheaper to compare with than to look up. */
  readonly #single: string | undefined;
  readonly #exact: ReadonlySet<string> | undefined;
  readonly #prefixes: AffixMatcher | undefined;
  readonly #suffixes: AffixMatcher | undefined;
  readonly #templates: readonly PathTemplate[] | undefined;

  constructor(values: readonly string[], allowsTemplates = false) {
    const lists: Record<StringPattern["form"], string[]> = {
      presence: [],
      exact: [],
      prefix: [],
      suffix: [],
      template: [],
    };
    for (const value of values) {
      const pattern = parseStringPattern(value, allowsTemplates);
      lists[pattern.form].push(pattern.form === "presence" ? value : pattern.text);
    }
    this.exactOnly = lists.exact.length === values.length ? values : undefined;
    this.#hasPresence = lists.presence.length > 0;
    if (lists.exact.length === 1) this.#single = lists.exact[0];
    else if (lists.exact.length > 1) this.#exact = new Set(lists.exact);
    if (lists.prefix.length > 0) this.#prefixes = new AffixMatcher(lists.prefix, false);
    if (lists.suffix.length > 0) this.#suffixes = new AffixMatcher(lists.suffix, true);
    if (lists.template.length > 0) this.#templates = lists.template.map((text) => new PathTemplate(text));
  }

  /** Whether any pattern matches. `*` matches what is not empty, or, with `countsEmpty`, anything that is there at all. */
  matches(value: string, countsEmpty = false): boolean {
    if (this.#single === value || this.#exact?.has(value)) return true;
    if (this.exactOnly !== undefined) return false;
    if (this.#hasPresence && (countsEmpty || value !== "")) return true;
    if (this.#prefixes?.matches(value) || this.#suffixes?.matches(value)) return true;
    return this.#templates?.some((template) => template.matches(value)) ?? false;
  }
}

/** Beginnings, or ends, of strings. */
class AffixMatcher {
  readonly #texts: readonly string[];
  readonly #fromEnd: boolean;
  readonly #tree: RadixTree<true> | undefined;
  readonly #found: true[] = [];

  constructor(list: readonly string[], fromEnd: boolean) {
    this.#texts = list;
    this.#fromEnd = fromEnd;
    if (list.length <= LINEAR_PATTERNS_MAX) return;
    this.#tree = new RadixTree<true>(fromEnd);
    for (const text of list) this.#tree.open("prefix", text, () => true);
  }

  matches(value: string): boolean {
    if (this.#tree !== undefined) return this.#tree.collect(value, this.#found) > 0;
    for (const text of this.#texts) {
      if (this.#fromEnd ? value.endsWith(text) : value.startsWith(text)) return true;
    }
    return false;
  }
}
