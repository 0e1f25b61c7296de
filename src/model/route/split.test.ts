import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Split } from "./split.ts";
import { SplitRegistry } from "./split-registry.ts";

/** A small seeded generator: the tests must be repeatable. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function counts(split: Split, picks: number, size: number): number[] {
  const result = new Array<number>(size).fill(0);
  for (let pick = 0; pick < picks; pick++) result[split.next()]! += 1;
  return result;
}

const weightList = fc
  .array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 16 })
  .filter((weights) => weights.some((weight) => weight > 0));

describe("a split", () => {
  test("holds exactly each share in every aligned block", () => {
    fc.assert(
      fc.property(weightList, fc.integer(), (weights, seed) => {
        const split = new Split(weights, seeded(seed));
        const block = weights.reduce((sum, weight) => sum + weight, 0);
        for (let round = 0; round < 3; round++) expect(counts(split, block, weights.length)).toEqual([...weights]);
      }),
    );
  });

  test("is exact in the block of the reduced weights", () => {
    const split = new Split([990_000, 10_000], seeded(7));
    for (let round = 0; round < 50; round++) expect(counts(split, 100, 2)).toEqual([99, 1]);
  });

  test("never strays further than the depth of its tree from the expectation", () => {
    fc.assert(
      fc.property(weightList, fc.integer(), (weights, seed) => {
        const split = new Split(weights, seeded(seed));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const bound = Math.max(1, Math.ceil(Math.log2(weights.length)));
        const seen = weights.map(() => 0);
        for (let pick = 1; pick <= 100; pick++) {
          seen[split.next()]! += 1;
          for (let i = 0; i < weights.length; i++) {
            expect(Math.abs(seen[i]! - (pick * weights[i]!) / total)).toBeLessThan(bound);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  test("puts the one in a hundred anywhere in its block, equally often", () => {
    const split = new Split([99, 1], seeded(42));
    const places = new Array<number>(10).fill(0);
    const blocks = 20_000;
    for (let block = 0; block < blocks; block++) {
      for (let pick = 0; pick < 100; pick++) if (split.next() === 1) places[Math.floor(pick / 10)]! += 1;
    }
    for (const place of places) expect(Math.abs(place - blocks / 10)).toBeLessThan(5 * Math.sqrt(blocks / 10));
  });

  test("does not keep step with alternating calls", () => {
    const split = new Split([1, 1], seeded(3));
    let evenFirst = 0;
    for (let pair = 0; pair < 10_000; pair++) {
      if (split.next() === 0) evenFirst++;
      split.next();
    }
    expect(Math.abs(evenFirst - 5_000)).toBeLessThan(300);
  });

  test("yields -1 where every weight is 0 or there is no backend", () => {
    expect(new Split([0, 0], seeded(1)).next()).toBe(-1);
    expect(new Split([], seeded(1)).next()).toBe(-1);
  });

  test("never picks a backend of weight 0, whatever it is owed", () => {
    const split = new Split([0, 5, 0, 1], seeded(9), { debts: [3, -2, -2, 1] });
    const seen = counts(split, 600, 4);
    expect(seen[0]! + seen[2]!).toBe(0);
  });

  test("takes weights of a million without a table of that size", () => {
    const split = new Split([999_999, 1], seeded(5));
    expect(counts(split, 1_000_000, 2)).toEqual([999_999, 1]);
  });
});

describe("a split across reloads", () => {
  test("stays exact over any reloads with the same weights up to a factor", () => {
    fc.assert(
      fc.property(weightList, fc.integer(), fc.array(fc.nat(7), { maxLength: 200 }), (weights, seed, gaps) => {
        const registry = new SplitRegistry(seeded(seed));
        const names = weights.map((_, index) => `backend-${index}`);
        const block = weights.reduce((sum, weight) => sum + weight, 0);
        const seen = weights.map(() => 0);
        let picks = 0;
        gaps.push(0);
        for (let at = 0; picks % block !== 0 || at < gaps.length; at++) {
          const factor = 1 + (at % 3);
          const split = registry.obtain(
            "rule",
            names,
            weights.map((weight) => weight * factor),
          );
          for (let n = 0; n <= (gaps[at] ?? 0); n++, picks++) seen[split.next()]! += 1;
        }
        expect(seen).toEqual(weights.map((weight) => (weight * picks) / block));
      }),
    );
  });

  test("keeps two backends within 2 of the running expectation over any changes at any points", () => {
    const step = fc.record({ weights: fc.tuple(fc.nat(100), fc.integer({ min: 1, max: 100 })), picks: fc.nat(120) });
    fc.assert(
      fc.property(fc.integer(), fc.array(step, { minLength: 1, maxLength: 60 }), (seed, steps) => {
        expect(worstDebt(seed, steps)).toBeLessThan(2);
      }),
    );
  });

  test("keeps sixteen backends within 6 of the running expectation over changes at any points", () => {
    const weights = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 16, maxLength: 16 });
    const step = fc.record({ weights, picks: fc.nat(30) });
    fc.assert(
      fc.property(fc.integer(), fc.array(step, { minLength: 1, maxLength: 60 }), (seed, steps) => {
        expect(worstDebt(seed, steps)).toBeLessThan(6);
      }),
      { numRuns: 60 },
    );
  });

  test("does not starve the 1 % when the weights change every ten requests", () => {
    const registry = new SplitRegistry(seeded(11));
    let rare = 0;
    for (let change = 0; change < 1_000; change++) {
      const split = registry.obtain("rule", ["v1", "v2"], change % 2 === 0 ? [99, 1] : [98, 2]);
      for (let pick = 0; pick < 10; pick++) rare += split.next();
    }
    expect(Math.abs(rare - 150)).toBeLessThan(2);
  });

  test("is exact from the edit on after a single change in the middle of a block", () => {
    const registry = new SplitRegistry(seeded(13));
    const before = registry.obtain("rule", ["v1", "v2"], [99, 1]);
    for (let pick = 0; pick < 250; pick++) before.next();
    const after = registry.obtain("rule", ["v1", "v2"], [90, 10]);
    for (let block = 0; block < 20; block++) expect(counts(after, 10, 2)).toEqual([9, 1]);
  });

  test("finds a backend's debt by its name when the order changes", () => {
    const registry = new SplitRegistry(() => 0.999999);
    const before = registry.obtain("rule", ["a", "b"], [3, 1]);
    for (let pick = 0; pick < 3; pick++) before.next();
    const owed = before.state().debts;
    const after = registry.obtain("rule", ["b", "a"], [1, 3]);
    expect(after.state().debts).toEqual([owed[1]!, owed[0]!]);
    expect(owed[1]).toBeCloseTo(0.75);
  });

  test("remembers a bounded number of rules", () => {
    const registry = new SplitRegistry(seeded(1), 2);
    const first = registry.obtain("one", ["a", "b"], [1, 1]);
    registry.obtain("two", ["a", "b"], [1, 1]);
    registry.obtain("three", ["a", "b"], [1, 1]);
    expect(registry.size).toBe(2);
    expect(registry.obtain("one", ["a", "b"], [1, 1])).not.toBe(first);
  });
});

function worstDebt(seed: number, steps: readonly { weights: readonly number[]; picks: number }[]): number {
  const registry = new SplitRegistry(seeded(seed));
  const size = steps[0]!.weights.length;
  const names = steps[0]!.weights.map((_, index) => `backend-${index}`);
  const expected = new Array<number>(size).fill(0);
  const seen = new Array<number>(size).fill(0);
  let worst = 0;
  for (const { weights, picks } of steps) {
    const split = registry.obtain("rule", names, weights);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (let pick = 0; pick < picks; pick++) {
      seen[split.next()]! += 1;
      for (let i = 0; i < size; i++) {
        expected[i]! += weights[i]! / total;
        worst = Math.max(worst, Math.abs(expected[i]! - seen[i]!));
      }
    }
  }
  return worst;
}
