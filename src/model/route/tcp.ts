/** The compiled TCP routes of one Service port: one rule per group of callers, which is a split. */
import type { RouteTableRecord, RuleRecord } from "./record.ts";
import { Rule } from "./rule.ts";
import type { SplitRegistry } from "./split-registry.ts";

/** Like `RouteTable`, for streams: nothing of a stream can be matched but who opens it. */
export class TcpRouteTable {
  readonly #producer: Rule | null | undefined;
  readonly #consumers: ReadonlyMap<string, Rule | null>;

  /** @param scope see `RouteTable` */
  constructor(record: RouteTableRecord, splits: SplitRegistry, scope = "") {
    this.#producer = record.hasProducer ? ruleOf(record.producer, splits, scope) : undefined;
    this.#consumers = new Map(
      Object.entries(record.consumers).map(([namespace, rules]) => [
        namespace,
        ruleOf(rules, splits, `${scope}@${namespace}`),
      ]),
    );
  }

  /**
   * The rule for a connection; null: routes without a rule, the connection is refused; `undefined`: no routes, so it goes
   * to the Service's own endpoints.
   */
  match(callerNamespace: string): Rule | null | undefined {
    const consumer = this.#consumers.get(callerNamespace);
    return consumer === undefined ? this.#producer : consumer;
  }
}

/** Several routes on one port cannot be told apart by a stream; the first in order of precedence has it. */
function ruleOf(rules: readonly RuleRecord[], splits: SplitRegistry, scope: string): Rule | null {
  const first = rules[0];
  return first === undefined ? null : new Rule(first, splits, scope);
}
