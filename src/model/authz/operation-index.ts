import type { ConnectionFacts, RequestFacts } from "../request-facts.ts";
import type { Checks } from "./compiled-policy.ts";
import { canonicalHost, canonicalHostPattern, HostCheck, PathCheck } from "./operation-checks.ts";
import { PathTemplate } from "./path-template.ts";
import { RadixTree } from "./radix-tree.ts";
import type { RuleEntry } from "./rule-entry.ts";
import { parseStringPattern, type StringPattern } from "./string-matcher.ts";

/** In order of their rules. */
type Entries = RuleEntry[];

/** How often a text stands around the operators of templates: the rarer one of the two tells templates apart better. */
class Tally {
  readonly #counts = new Map<string, number>();

  constructor(entries: readonly RuleEntry[]) {
    for (const entry of entries) {
      for (const pattern of patternsOf(entry.operation, "path") ?? [])
        if (pattern.form === "template") this.#add(pattern.text);
    }
  }

  count(text: string): number {
    return this.#counts.get(text) ?? 0;
  }

  #add(text: string): void {
    const { literalPrefix, literalSuffix } = new PathTemplate(text);
    for (const key of [`${literalPrefix}*`, `*${literalSuffix}`]) this.#counts.set(key, this.count(key) + 1);
  }
}

/** Entries filed under the beginnings and ends of one text of the request. */
class TextIndex {
  readonly #fromStart = new RadixTree<Entries>();
  readonly #fromEnd = new RadixTree<Entries>(true);
  /** Reused for every look-up; nothing in it outlives one. */
  readonly #found: Entries[] = [];
  readonly #templateTexts: Tally;

  constructor(templateTexts: Tally) {
    this.#templateTexts = templateTexts;
  }

  get isEmpty(): boolean {
    return this.#fromStart.size === 0 && this.#fromEnd.size === 0;
  }

  add(pattern: Exclude<StringPattern, { form: "presence" }>, entry: RuleEntry): void {
    const list = this.#listFor(pattern);
    if (list.at(-1) !== entry) list.push(entry);
  }

  #listFor(pattern: Exclude<StringPattern, { form: "presence" }>): Entries {
    const make = (): Entries => [];
    if (pattern.form === "suffix") return this.#fromEnd.open("prefix", pattern.text, make);
    if (pattern.form !== "template") return this.#fromStart.open(pattern.form, pattern.text, make);
    const { literalPrefix, literalSuffix } = new PathTemplate(pattern.text);
    const isSuffixRarer =
      this.#templateTexts.count(`*${literalSuffix}`) < this.#templateTexts.count(`${literalPrefix}*`);
    if (isSuffixRarer) return this.#fromEnd.open("prefix", literalSuffix, make);
    return this.#fromStart.open("prefix", literalPrefix, make);
  }

  first(text: string, facts: RequestFacts, best: RuleEntry | undefined): RuleEntry | undefined {
    let winner = best;
    for (let i = this.#fromStart.collect(text, this.#found) - 1; i >= 0; i--) {
      winner = firstOf(this.#found[i]!, facts, winner);
    }
    if (this.#fromEnd.size === 0) return winner;
    for (let i = this.#fromEnd.collect(text, this.#found) - 1; i >= 0; i--) {
      winner = firstOf(this.#found[i]!, facts, winner);
    }
    return winner;
  }
}

/**
 * The entries that one kind of caller can match, filed by path where they name paths, else by host where they name hosts,
 * else in one list. So the cost of a request depends on how many entries its own path and host find.
 *
 * Entries must be handed over in the order of their rules.
 */
export class OperationIndex {
  readonly #byPath: TextIndex;
  readonly #byHost: TextIndex;
  readonly #rest: Entries = [];
  readonly #all: readonly RuleEntry[];

  constructor(entries: readonly RuleEntry[]) {
    this.#all = entries;
    const templateTexts = new Tally(entries);
    this.#byPath = new TextIndex(templateTexts);
    this.#byHost = new TextIndex(templateTexts);
    for (const entry of entries) this.#file(entry);
  }

  /** The first rule in order that matches, if it comes before `best`; else `best`. */
  first(facts: RequestFacts, best: RuleEntry | undefined): RuleEntry | undefined {
    let winner = best;
    if (!this.#byPath.isEmpty) winner = this.#byPath.first(facts.path, facts, winner);
    if (!this.#byHost.isEmpty) winner = this.#byHost.first(canonicalHost(facts.host), facts, winner);
    return this.#rest.length === 0 ? winner : firstOf(this.#rest, facts, winner);
  }

  /** The same for a raw TCP stream. Not indexed: it is asked once per connection. */
  firstConnection(facts: ConnectionFacts, best: RuleEntry | undefined): RuleEntry | undefined {
    for (const entry of this.#all) {
      if (best !== undefined && entry.order >= best.order) return best;
      if (entry.matchesConnection(facts)) return entry;
    }
    return best;
  }

  #file(entry: RuleEntry): void {
    const paths = selective(patternsOf(entry.operation, "path"));
    const hosts = paths === undefined ? selective(patternsOf(entry.operation, "host")) : undefined;
    if (paths !== undefined) for (const pattern of paths) this.#byPath.add(pattern, entry);
    else if (hosts !== undefined) for (const pattern of hosts) this.#byHost.add(pattern, entry);
    else this.#rest.push(entry);
  }
}

function firstOf(entries: Entries, facts: RequestFacts, best: RuleEntry | undefined): RuleEntry | undefined {
  for (const entry of entries) {
    if (best !== undefined && entry.order >= best.order) return best;
    if (entry.matches(facts)) return entry;
  }
  return best;
}

function patternsOf(operation: Checks, dimension: "path" | "host"): readonly StringPattern[] | undefined {
  for (const check of operation) {
    if (check.isNegated) continue;
    if (dimension === "path" && check instanceof PathCheck) {
      return check.wanted.map((path) => parseStringPattern(path, true));
    }
    if (dimension === "host" && check instanceof HostCheck) {
      return check.wanted.map((host) => parseStringPattern(canonicalHostPattern(host), false));
    }
  }
  return undefined;
}

/** The patterns, unless one of them is `*`, under which nothing can be filed. */
function selective(
  patterns: readonly StringPattern[] | undefined,
): readonly Exclude<StringPattern, { form: "presence" }>[] | undefined {
  if (patterns === undefined) return undefined;
  const filed: Exclude<StringPattern, { form: "presence" }>[] = [];
  for (const pattern of patterns) {
    if (pattern.form === "presence") return undefined;
    filed.push(pattern);
  }
  return filed;
}
