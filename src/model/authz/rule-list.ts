import type { Caller, ConnectionFacts, RequestFacts } from "../request-facts.ts";
import type { IdentityAttribute, IdentityCheck } from "./check.ts";
import type { Checks, CompiledRule } from "./compiled-policy.ts";
import { OperationIndex } from "./operation-index.ts";
import { RuleEntry } from "./rule-entry.ts";
import { identityOf } from "./source-checks.ts";

/**
 * Callers for which the groups they belong to are remembered per list; then all are forgotten. Reason: more service accounts
 * than a site has, at some 100 bytes each.
 */
export const REMEMBERED_CALLERS_MAX = 1024;

const ATTRIBUTES: readonly IdentityAttribute[] = ["principal", "namespace", "serviceAccount"];

/** Entries that the same callers can match; indexed when the first of them calls. */
class CallerGroup {
  readonly identity: readonly IdentityCheck[];
  readonly #entries: RuleEntry[] = [];
  #index: OperationIndex | undefined;

  constructor(identity: readonly IdentityCheck[]) {
    this.identity = identity;
  }

  add(entry: RuleEntry): void {
    if (this.#entries.at(-1) !== entry) this.#entries.push(entry);
  }

  get index(): OperationIndex {
    this.#index ??= new OperationIndex(this.#entries);
    return this.#index;
  }

  includes(caller: Caller): boolean {
    for (const check of this.identity) if (!check.matchesCaller(caller)) return false;
    return true;
  }
}

/**
 * All rules of one action that hold for one target, in order of their policies.
 *
 * A rule is filed by who may call: under each exact principal, namespace or service account it names, else in a group with
 * the rules that ask the same of the caller. Which groups a caller belongs to is found out once per caller.
 */
export class RuleList {
  readonly #exact: Readonly<Record<IdentityAttribute, Map<string, CallerGroup>>> = {
    principal: new Map(),
    namespace: new Map(),
    serviceAccount: new Map(),
  };
  readonly #groups = new Map<string, CallerGroup>();
  readonly #remembered = new Map<string, readonly OperationIndex[]>();
  readonly isEmpty: boolean;

  constructor(rules: readonly CompiledRule[]) {
    this.isEmpty = rules.length === 0;
    for (let order = 0; order < rules.length; order++) this.#file(rules[order]!, order);
  }

  /** The first rule in order that matches a request. Throws whatever the facts throw. */
  first(facts: RequestFacts): CompiledRule | undefined {
    if (this.isEmpty) return undefined;
    let winner: RuleEntry | undefined;
    for (const index of this.#indexesFor(facts.caller)) winner = index.first(facts, winner);
    return winner?.rule;
  }

  /** The first rule in order that matches a raw TCP stream. */
  firstConnection(facts: ConnectionFacts): CompiledRule | undefined {
    if (this.isEmpty) return undefined;
    let winner: RuleEntry | undefined;
    for (const index of this.#indexesFor(facts.caller)) winner = index.firstConnection(facts, winner);
    return winner?.rule;
  }

  #file(rule: CompiledRule, order: number): void {
    for (const source of rule.sources) {
      const identity = identityChecks([...source, ...rule.conditions]);
      for (const operation of rule.operations) {
        const entry = new RuleEntry(rule, order, source, operation);
        for (const group of this.#groupsFor(identity)) group.add(entry);
      }
    }
  }

  #groupsFor(identity: readonly IdentityCheck[]): CallerGroup[] {
    const exact = identity.find((check) => check.exactValues !== undefined);
    if (exact?.exactValues !== undefined) {
      return exact.exactValues.map((value) => open(this.#exact[exact.attribute], value, []));
    }
    const signature = JSON.stringify(identity.map((check) => [check.attribute, check.isNegated, check.wanted]));
    return [open(this.#groups, signature, identity)];
  }

  #indexesFor(caller: Caller): readonly OperationIndex[] {
    const known = this.#remembered.get(caller.principal);
    if (known !== undefined) return known;
    const found = this.#findIndexes(caller);
    if (this.#remembered.size >= REMEMBERED_CALLERS_MAX) this.#remembered.clear();
    this.#remembered.set(caller.principal, found);
    return found;
  }

  #findIndexes(caller: Caller): readonly OperationIndex[] {
    const found: OperationIndex[] = [];
    if (caller.principal !== "") {
      for (const attribute of ATTRIBUTES) {
        const group = this.#exact[attribute].get(identityOf(caller, attribute));
        if (group !== undefined) found.push(group.index);
      }
    }
    for (const group of this.#groups.values()) if (group.includes(caller)) found.push(group.index);
    return found;
  }
}

function open(groups: Map<string, CallerGroup>, key: string, identity: readonly IdentityCheck[]): CallerGroup {
  const known = groups.get(key);
  if (known !== undefined) return known;
  const made = new CallerGroup(identity);
  groups.set(key, made);
  return made;
}

function identityChecks(checks: Checks): IdentityCheck[] {
  return checks.filter((check) => check.scope === "identity");
}
