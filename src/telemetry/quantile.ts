import { type HistogramShape, lowerBound, upperBound } from "./exponential.ts";

/**
 * The value below which the share `q` of an exponential histogram lies: the geometric middle of the bucket that the
 * `ceil(q * count)`-th smallest value fell into, hence at most 4.5 % off for values within the histogram's bounds.
 *
 * @param q 0 to 1.
 * @returns the histogram's unit; 0 for a value in the lowest slot, its lower bound for one in the highest; NaN when it is empty.
 */
export function quantile(shape: HistogramShape, buckets: ArrayLike<number>, q: number): number {
  let count = 0;
  for (let slot = 0; slot < shape.buckets; slot++) count += buckets[slot]!;
  if (count <= 0) return Number.NaN;
  const rank = Math.min(Math.max(Math.ceil(q * count), 1), count);
  let below = 0;
  for (let slot = 0; slot < shape.buckets; slot++) {
    below += buckets[slot]!;
    if (below >= rank) return middle(shape, slot);
  }
  return lowerBound(shape, shape.buckets - 1);
}

function middle(shape: HistogramShape, slot: number): number {
  if (slot === 0) return 0;
  if (slot === shape.buckets - 1) return lowerBound(shape, slot);
  return Math.sqrt(lowerBound(shape, slot) * upperBound(shape, slot));
}
