/** The matches that share one path, in order of precedence, found without trying them all. */
import type { RequestFacts } from "../request-facts.ts";
import { type Conditions, isUnconditional, meets } from "./match.ts";
import { firstQueryValue } from "./query.ts";
import type { Rule } from "./rule.ts";

/** Up to this many are simply tried in order: quicker than any index. */
export const LINEAR_CANDIDATES_MAX = 8;

/** A match and the rule it leads to. A lower rank goes first. */
export interface Candidate {
  readonly rule: Rule;
  readonly conditions: Conditions;
  readonly rank: number;
}

/** Candidates of one path. */
export class Candidates {
  /** Tried in order. */
  readonly #rest: readonly Candidate[];
  /** Null where there are few: most paths have one candidate, and ten thousand of them must stay small. */
  readonly #index: Index | null;

  /** @param ordered by rank */
  constructor(ordered: readonly Candidate[]) {
    // What follows one that asks for nothing can never be reached.
    const last = ordered.findIndex((candidate) => isUnconditional(candidate.conditions));
    const reachable = last < 0 ? ordered : ordered.slice(0, last + 1);
    this.#index = reachable.length > LINEAR_CANDIDATES_MAX ? new Index(reachable) : null;
    this.#rest = this.#index?.rest ?? reachable;
  }

  /** The first in order whose conditions hold, or null. */
  find(facts: RequestFacts): Candidate | null {
    return firstThatHolds(this.#rest, facts, this.#index === null ? null : this.#index.find(facts));
  }
}

/** Files each candidate under one exact value it asks for; lists stay in order of rank. */
class Index {
  readonly #byHeader = new Map<string, Map<string, Candidate[]>>();
  readonly #byQuery = new Map<string, Map<string, Candidate[]>>();
  readonly #byMethod = new Map<string, Candidate[]>();
  /** Those that ask for no exact value. */
  readonly rest: Candidate[] = [];

  constructor(candidates: readonly Candidate[]) {
    for (const candidate of candidates) this.#listFor(candidate.conditions).push(candidate);
  }

  find(facts: RequestFacts): Candidate | null {
    let best: Candidate | null = null;
    for (const [name, lists] of this.#byHeader) best = lookUp(lists, facts.header(name), facts, best);
    for (const [name, lists] of this.#byQuery) best = lookUp(lists, firstQueryValue(facts.query, name), facts, best);
    return lookUp(this.#byMethod, facts.method, facts, best);
  }

  #listFor(conditions: Conditions): Candidate[] {
    for (const test of conditions.headers) {
      if (test.exact !== undefined) return entry(entry(this.#byHeader, test.name, emptyMap), test.exact, emptyList);
    }
    for (const test of conditions.queryParams) {
      if (test.exact !== undefined) return entry(entry(this.#byQuery, test.name, emptyMap), test.exact, emptyList);
    }
    return conditions.method === undefined ? this.rest : entry(this.#byMethod, conditions.method, emptyList);
  }
}

function lookUp(
  lists: ReadonlyMap<string, readonly Candidate[]>,
  value: string | undefined,
  facts: RequestFacts,
  best: Candidate | null,
): Candidate | null {
  if (value === undefined) return best;
  const list = lists.get(value);
  return list === undefined ? best : firstThatHolds(list, facts, best);
}

/** The first of the list that holds and goes before `best`; else `best`. */
function firstThatHolds(list: readonly Candidate[], facts: RequestFacts, best: Candidate | null): Candidate | null {
  for (let i = 0; i < list.length; i++) {
    const candidate = list[i]!;
    if (best !== null && candidate.rank > best.rank) return best;
    if (meets(candidate.conditions, facts)) return candidate;
  }
  return best;
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

const emptyMap = (): Map<string, Candidate[]> => new Map();
const emptyList = (): Candidate[] => [];
