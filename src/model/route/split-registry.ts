/** The splits of a worker by rule, so that reloads do not begin them anew. */
import { Split } from "./split.ts";

/** Most rules whose accumulators are remembered; beyond it the least recently compiled one begins anew. 10,000 services with a few rules each. */
export const SPLITS_MAX = 65_536;

interface Entry {
  readonly names: readonly string[];
  readonly weights: readonly number[];
  readonly split: Split;
}

/**
 * Hands out one `Split` per rule.
 *
 * The same weights (up to a common factor) for the same backends give the same object again, so exactness holds over any
 * number of reloads. Otherwise the new split starts from what each backend, found by its name, is owed.
 */
export class SplitRegistry {
  readonly #entries = new Map<string, Entry>();
  readonly #random: () => number;
  readonly #capacity: number;

  /** @param random uniform in [0, 1) */
  constructor(random: () => number, capacity: number = SPLITS_MAX) {
    this.#random = random;
    this.#capacity = capacity;
  }

  /**
   * @param id of the rule, stable across generations
   * @param names of the backends, by which debts are carried over; a repeated name counts per occurrence
   * @param weights non-negative integers, as many as names
   */
  obtain(id: string, names: readonly string[], weights: readonly number[]): Split {
    const reduced = reduce(weights);
    if (reduced.length < 2) return new Split(reduced, this.#random);
    const unique = numberRepeats(names);
    const previous = this.#entries.get(id);
    const entry =
      previous !== undefined && sameList(previous.names, unique) && sameList(previous.weights, reduced)
        ? previous
        : { names: unique, weights: reduced, split: this.#successor(previous, unique, reduced) };
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    if (this.#entries.size > this.#capacity) this.#dropOldest();
    return entry.split;
  }

  /** Number of rules remembered. */
  get size(): number {
    return this.#entries.size;
  }

  #successor(previous: Entry | undefined, names: readonly string[], weights: readonly number[]): Split {
    if (previous === undefined) return new Split(weights, this.#random);
    const owed = previous.split.state().debts;
    const debts = names.map((name) => owed[previous.names.indexOf(name)] ?? 0);
    return new Split(weights, this.#random, { debts: balance(debts, weights) });
  }

  #dropOldest(): void {
    const oldest = this.#entries.keys().next();
    if (oldest.done !== true) this.#entries.delete(oldest.value);
  }
}

/** Spreads what backends that are gone took with them, so that debts sum to 0. */
function balance(debts: readonly number[], weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const rest = debts.reduce((sum, debt) => sum + debt, 0);
  if (total === 0) return [...debts];
  return debts.map((debt, index) => debt - (rest * weights[index]!) / total);
}

function reduce(weights: readonly number[]): number[] {
  const divisor = weights.reduce(greatestCommonDivisor, 0);
  return divisor <= 1 ? [...weights] : weights.map((weight) => weight / divisor);
}

function greatestCommonDivisor(a: number, b: number): number {
  let x = a;
  let y = b;
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}

function numberRepeats(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    return before === 0 ? name : `${name}#${before}`;
  });
}

function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
