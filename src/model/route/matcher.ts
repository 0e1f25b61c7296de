/** Finds the rule for a request among the rules of one list, at a cost that does not grow with their number. */
import type { RequestFacts } from "../request-facts.ts";
import { type Candidate, Candidates } from "./candidates.ts";
import { compileConditions, isUnconditional, meets } from "./match.ts";
import { Pattern } from "./pattern.ts";
import { literalPrefix, parsePattern } from "./pattern-parse.ts";
import { comparePrecedence, type PlacedMatch } from "./precedence.ts";
import { PrefixTable, trimPrefix } from "./prefix-table.ts";
import type { MatchRecord, RuleRecord } from "./record.ts";
import type { Rule } from "./rule.ts";

const DEFAULT_MATCH: MatchRecord = { path: { type: "PathPrefix", value: "/" }, headers: [], queryParams: [] };

interface PatternCandidate {
  readonly pattern: Pattern;
  readonly candidate: Candidate;
}

/** The rules that hold for one group of callers. */
export class Matcher {
  /** Set where every request leads to the same rule. */
  readonly #only: Rule | null;
  readonly #exact: ReadonlyMap<string, Candidates>;
  readonly #prefixes: PrefixTable<Candidates>;
  /** Patterns that begin with a whole literal segment, by it; the others under `""`. */
  readonly #patterns: ReadonlyMap<string, readonly PatternCandidate[]>;

  /**
   * @param records in order of position
   * @param rules compiled from `records`, same indexes
   */
  constructor(records: readonly RuleRecord[], rules: readonly Rule[]) {
    const placed = records.flatMap((record, ruleIndex) => placeMatches(record, ruleIndex)).sort(comparePrecedence);
    const exact = new Map<string, Candidate[]>();
    const prefixes = new Map<string, Candidate[]>();
    const patterns = new Map<string, PatternCandidate[]>();
    for (const [rank, { match, ruleIndex }] of placed.entries()) {
      const candidate = { rule: rules[ruleIndex]!, conditions: compileConditions(match), rank };
      const { type, value } = match.path;
      if (type === "Exact") push(exact, value, candidate);
      else if (type === "PathPrefix") push(prefixes, trimPrefix(value), candidate);
      else push(patterns, literalSegment(value), { pattern: new Pattern(value), candidate });
    }
    this.#exact = mapValues(exact);
    this.#prefixes = new PrefixTable(mapValues(prefixes));
    this.#patterns = patterns;
    const catchesAll = prefixes.get("")?.some((candidate) => isUnconditional(candidate.conditions)) ?? false;
    this.#only = rules.length === 1 && catchesAll ? rules[0]! : null;
  }

  /** The rule that goes first by Gateway API's precedence, or null: 404. */
  match(facts: RequestFacts): Rule | null {
    if (this.#only !== null) return this.#only;
    const path = facts.path;
    if (this.#exact.size > 0) {
      const found = this.#exact.get(path)?.find(facts);
      if (found) return found.rule;
    }
    if (this.#patterns.size > 0) {
      const found = this.#matchPattern(path, facts);
      if (found !== null) return found.rule;
    }
    for (let node = this.#prefixes.longest(path); node !== null; node = node.parent) {
      const found = node.value.find(facts);
      if (found !== null) return found.rule;
    }
    return null;
  }

  #matchPattern(path: string, facts: RequestFacts): Candidate | null {
    const best = firstPattern(this.#patterns.get(""), path, facts, null);
    const end = path.indexOf("/", 1);
    return end < 0 ? best : firstPattern(this.#patterns.get(path.slice(0, end)), path, facts, best);
  }
}

function placeMatches(record: RuleRecord, ruleIndex: number): PlacedMatch[] {
  const matches = record.matches.length === 0 ? [DEFAULT_MATCH] : record.matches;
  return matches.map((match, matchIndex) => ({ match, routeName: record.routeName, ruleIndex, matchIndex }));
}

function firstPattern(
  list: readonly PatternCandidate[] | undefined,
  path: string,
  facts: RequestFacts,
  best: Candidate | null,
): Candidate | null {
  for (const { pattern, candidate } of list ?? []) {
    if (best !== null && candidate.rank > best.rank) return best;
    if (meets(candidate.conditions, facts) && pattern.test(path)) return candidate;
  }
  return best;
}

/** `/api` of `/api/v[0-9]+`; `""` where the pattern does not begin with a whole segment of literals. */
function literalSegment(pattern: string): string {
  const literal = literalPrefix(parsePattern(pattern));
  const end = literal.indexOf("/", 1);
  return literal.startsWith("/") && end > 0 ? literal.slice(0, end) : "";
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function mapValues(lists: ReadonlyMap<string, readonly Candidate[]>): Map<string, Candidates> {
  const result = new Map<string, Candidates>();
  for (const [key, list] of lists) result.set(key, new Candidates(list));
  return result;
}
