/** One compiled HTTPRoute match without its path: what else must hold. */
import type { RequestFacts } from "../request-facts.ts";
import { Pattern } from "./pattern.ts";
import { firstQueryValue } from "./query.ts";
import type { MatchRecord } from "./record.ts";

/** A wanted value: exactly this text, or the whole of it matching a pattern. */
export interface ValueTest {
  readonly name: string;
  readonly exact: string | undefined;
  readonly pattern: Pattern | undefined;
}

/** Method, headers and query of a match; all must hold. */
export interface Conditions {
  readonly method: string | undefined;
  readonly headers: readonly ValueTest[];
  readonly queryParams: readonly ValueTest[];
}

/** @throws PatternError where a value is no pattern of our dialect; the compiler of documents refuses such before */
export function compileConditions(match: MatchRecord): Conditions {
  return {
    method: match.method,
    headers: firstOfEachName(match.headers).map(compileValue),
    queryParams: firstOfEachName(match.queryParams).map(compileValue),
  };
}

/** Whether nothing but the path is asked for. */
export function isUnconditional(conditions: Conditions): boolean {
  return conditions.method === undefined && conditions.headers.length === 0 && conditions.queryParams.length === 0;
}

/** Whether a request meets the conditions. */
export function meets(conditions: Conditions, facts: RequestFacts): boolean {
  if (conditions.method !== undefined && conditions.method !== facts.method) return false;
  const headers = conditions.headers;
  for (let i = 0; i < headers.length; i++) {
    const test = headers[i]!;
    if (!holds(test, facts.header(test.name))) return false;
  }
  const queryParams = conditions.queryParams;
  for (let i = 0; i < queryParams.length; i++) {
    const test = queryParams[i]!;
    if (!holds(test, firstQueryValue(facts.query, test.name))) return false;
  }
  return true;
}

function holds(test: ValueTest, value: string | undefined): boolean {
  if (value === undefined) return false;
  return test.pattern === undefined ? value === test.exact : test.pattern.test(value);
}

function compileValue(wanted: MatchRecord["headers"][number]): ValueTest {
  return wanted.type === "Exact"
    ? { name: wanted.name, exact: wanted.value, pattern: undefined }
    : { name: wanted.name, exact: undefined, pattern: new Pattern(wanted.value) };
}

/** Gateway API: of entries with an equivalent name only the first counts. */
function firstOfEachName<T extends { readonly name: string }>(entries: readonly T[]): readonly T[] {
  const seen = new Set<string>();
  return entries.filter((entry) => !seen.has(entry.name) && seen.add(entry.name));
}
