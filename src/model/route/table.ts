/** The compiled HTTP routes of one Service port or one Gateway host. */
import type { RequestFacts } from "../request-facts.ts";
import { Matcher } from "./matcher.ts";
import type { RouteTableRecord, RuleRecord } from "./record.ts";
import { Rule } from "./rule.ts";
import type { SplitRegistry } from "./split-registry.ts";

/**
 * Routes by caller: those in the caller's own namespace (consumer routes) take the place of those in the Service's
 * (producer routes); where neither exists for a caller, the Service's implicit route holds.
 */
export class RouteTable {
  /** Whether anybody is routed by rules. False: `match` always answers `undefined`. */
  readonly hasRoutes: boolean;
  /** Whether any rule, for any caller, asks for a part of the query. */
  readonly readsQuery: boolean;
  /** The headers that any rule asks for, for any caller, by name. Requests without any of them are alike. */
  readonly headerNames: readonly string[];
  readonly #producer: Matcher | undefined;
  readonly #consumers: ReadonlyMap<string, Matcher> | null;

  /**
   * @param scope key of the Service and its port, or of the Gateway host; keeps the splits of tables apart
   * @throws PatternError where a record holds a pattern outside the dialect, which the compiler of documents never emits
   */
  constructor(record: RouteTableRecord, splits: SplitRegistry, scope = "") {
    const consumers = Object.entries(record.consumers);
    this.#producer = record.hasProducer ? matcherOf(record.producer, splits, scope) : undefined;
    this.#consumers =
      consumers.length === 0
        ? null
        : new Map(
            consumers.map(([namespace, rules]) => [namespace, matcherOf(rules, splits, `${scope}@${namespace}`)]),
          );
    this.hasRoutes = record.hasProducer || consumers.length > 0;
    const matches = [record.producer, ...Object.values(record.consumers)].flatMap((rules) => rules.flatMap(matchesOf));
    this.readsQuery = matches.some(({ queryParams }) => queryParams.length > 0);
    this.headerNames = [...new Set(matches.flatMap(({ headers }) => headers.map(({ name }) => name)))];
  }

  /**
   * The rule for a request; null: there are routes for this caller and none matches (404); `undefined`: there are none,
   * so the request goes to the Service's own endpoints.
   */
  match(facts: RequestFacts): Rule | null | undefined {
    if (this.#consumers !== null) {
      const consumer = this.#consumers.get(facts.caller.namespace);
      if (consumer !== undefined) return consumer.match(facts);
    }
    return this.#producer?.match(facts);
  }
}

function matchesOf({ matches }: RuleRecord): RuleRecord["matches"] {
  return matches;
}

function matcherOf(records: readonly RuleRecord[], splits: SplitRegistry, scope: string): Matcher {
  return new Matcher(
    records,
    records.map((record) => new Rule(record, splits, scope)),
  );
}
