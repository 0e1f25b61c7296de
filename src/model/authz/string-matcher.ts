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
  readonly patterns: readonly StringPattern[];
  /** The values, where every pattern is an exact one; else `undefined`. */
  readonly exactOnly: readonly string[] | undefined;
  readonly #hasPresence: boolean;
  readonly #exact: ReadonlySet<string>;
  readonly #prefixes: AffixMatcher;
  readonly #suffixes: AffixMatcher;
  readonly #templates: readonly PathTemplate[];

  constructor(values: readonly string[], allowsTemplates = false) {
    this.patterns = values.map((value) => parseStringPattern(value, allowsTemplates));
    this.#hasPresence = this.patterns.some((pattern) => pattern.form === "presence");
    const exact = texts(this.patterns, "exact");
    this.exactOnly = exact.length === values.length ? exact : undefined;
    this.#exact = new Set(exact);
    this.#prefixes = new AffixMatcher(texts(this.patterns, "prefix"), false);
    this.#suffixes = new AffixMatcher(texts(this.patterns, "suffix"), true);
    this.#templates = texts(this.patterns, "template").map((text) => new PathTemplate(text));
  }

  /** Whether any pattern matches. `*` matches what is not empty, or, with `countsEmpty`, anything that is there at all. */
  matches(value: string, countsEmpty = false): boolean {
    if (this.#exact.has(value)) return true;
    if (this.exactOnly !== undefined) return false;
    if (this.#hasPresence && (countsEmpty || value !== "")) return true;
    if (this.#prefixes.matches(value) || this.#suffixes.matches(value)) return true;
    for (const template of this.#templates) if (template.matches(value)) return true;
    return false;
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

function texts(patterns: readonly StringPattern[], form: "exact" | "prefix" | "suffix" | "template"): string[] {
  const found: string[] = [];
  for (const pattern of patterns) if (pattern.form !== "presence" && pattern.form === form) found.push(pattern.text);
  return found;
}
