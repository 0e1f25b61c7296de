import { expect, test } from "bun:test";
import fc from "fast-check";
import { CLASSIC_BOUNDS, classicCounts, slotsBelow } from "./classic-buckets.ts";
import { BYTES_HISTOGRAM, bucketIndex, DURATION_HISTOGRAM, lowerBound, slotOf, upperBound } from "./exponential.ts";
import { quantile } from "./quantile.ts";

const SHAPES = [DURATION_HISTOGRAM, BYTES_HISTOGRAM];
const positive = fc.double({ min: 2 ** -60, max: 2 ** 60, noNaN: true });

test("a value lies above the lower and not above the upper bound of its bucket", () => {
  fc.assert(
    fc.property(positive, (value) => {
      const index = bucketIndex(value);
      return 2 ** ((index - 1) / 8) < value && value <= 2 ** (index / 8);
    }),
    { numRuns: 5000 },
  );
});

test("every bound itself, and the numbers next to it, fall on the right side", () => {
  for (let index = -80; index <= 320; index++) {
    const bound = 2 ** (index / 8);
    expect(bucketIndex(bound)).toBe(index);
    expect(bucketIndex(bound * (1 + 2 ** -50))).toBe(index + 1);
    expect(bucketIndex(bound * (1 - 2 ** -50))).toBe(index);
  }
});

test("slots follow one another without gap or overlap, and take any number at all", () => {
  for (const shape of SHAPES) {
    for (let slot = 1; slot < shape.buckets; slot++) expect(lowerBound(shape, slot)).toBe(upperBound(shape, slot - 1));
    for (const odd of [Number.NaN, -1, 0, -0, Number.NEGATIVE_INFINITY]) expect(slotOf(shape, odd)).toBe(0);
    for (const huge of [2 ** 50, Number.MAX_VALUE, Number.POSITIVE_INFINITY]) {
      expect(slotOf(shape, huge)).toBe(shape.buckets - 1);
    }
  }
});

test("a duration of 1 microsecond and one of 1 hour are within the histogram, no byte is not one byte", () => {
  expect(slotOf(DURATION_HISTOGRAM, 0.001)).toBeGreaterThan(0);
  expect(slotOf(DURATION_HISTOGRAM, 3_600_000)).toBeLessThan(DURATION_HISTOGRAM.buckets - 1);
  expect(slotOf(BYTES_HISTOGRAM, 0)).toBe(0);
  expect(slotOf(BYTES_HISTOGRAM, 1)).toBe(1);
});

test("a quantile is at most 4.5 % off", () => {
  const values = fc.array(fc.double({ min: 0.002, max: 3_000_000, noNaN: true }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (sample, q) => {
      const buckets = new Float64Array(DURATION_HISTOGRAM.buckets);
      for (const value of sample) buckets[slotOf(DURATION_HISTOGRAM, value)]! += 1;
      const exact = sample.toSorted((a, b) => a - b)[Math.max(Math.ceil(q * sample.length), 1) - 1]!;
      const error = Math.abs(quantile(DURATION_HISTOGRAM, buckets, q) - exact) / exact;
      return error <= 0.045;
    }),
    { numRuns: 500 },
  );
});

test("an empty histogram has no quantile", () => {
  expect(quantile(BYTES_HISTOGRAM, new Float64Array(BYTES_HISTOGRAM.buckets), 0.5)).toBeNaN();
});

test("classic buckets grow, end at the total, and sit within 4.5 % of the boundary they are printed with", () => {
  for (const shape of SHAPES) {
    const below = slotsBelow(shape);
    for (const [at, bound] of CLASSIC_BOUNDS.entries()) {
      if (below[at] === 0) continue;
      expect(Math.abs(upperBound(shape, below[at]!) / bound - 1)).toBeLessThanOrEqual(0.045);
    }
    const buckets = new Float64Array(shape.buckets).fill(1);
    const counts = new Float64Array(CLASSIC_BOUNDS.length + 1);
    classicCounts(shape, below, buckets, 0, counts);
    expect([...counts]).toEqual([...counts].toSorted((a, b) => a - b));
    expect(counts.at(-1)).toBe(shape.buckets);
  }
});
