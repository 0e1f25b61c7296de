/** Gateway API's order of HTTPRoute and GRPCRoute matches, by a total order over plain records. */
import type { MatchRecord } from "./record.ts";

/** A match in its place: which route it comes from and where it stands there. */
export interface PlacedMatch {
  readonly match: MatchRecord;
  /** `namespace/name` */
  readonly routeName: string;
  /** Position of the rule in the table's list. */
  readonly ruleIndex: number;
  readonly matchIndex: number;
}

/**
 * Our place for regular expressions: after Exact (a literal is the more special), before PathPrefix (else a catch-all `/`
 * would shadow each of them). Among them the longer pattern goes first.
 */
const TYPE_ORDER = { Exact: 0, RegularExpression: 1, PathPrefix: 2 } as const;

/**
 * Negative where `a` goes before `b`: what the record says goes first, Exact path, regular expression, longest prefix, method, most headers, most query
 * parameters. Ties: files carry no creation time, so next come `namespace/name` in code-unit order, the rule's position,
 * the match's position.
 */
export function comparePrecedence(a: PlacedMatch, b: PlacedMatch): number {
  return (
    compareNumbers(a.match.precedence, b.match.precedence) ||
    TYPE_ORDER[a.match.path.type] - TYPE_ORDER[b.match.path.type] ||
    pathLength(b.match) - pathLength(a.match) ||
    Number(b.match.method !== undefined) - Number(a.match.method !== undefined) ||
    b.match.headers.length - a.match.headers.length ||
    b.match.queryParams.length - a.match.queryParams.length ||
    compareText(a.routeName, b.routeName) ||
    a.ruleIndex - b.ruleIndex ||
    a.matchIndex - b.matchIndex
  );
}

function pathLength(match: MatchRecord): number {
  const value = match.path.value;
  // A prefix's trailing slash is ignored in matching and so must not win a tie.
  return match.path.type === "PathPrefix" && value.endsWith("/") ? value.length - 1 : value.length;
}

function compareNumbers(a: readonly number[] = [], b: readonly number[] = []): number {
  for (let i = 0; i < a.length || i < b.length; i++) {
    const difference = (b[i] ?? 0) - (a[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
