/**
 * Classic Prometheus buckets, with the boundaries that Envoy and Istio use, out of an exponential histogram.
 *
 * The exact counts at such a boundary are not known, only those at 2^(i/8). Each boundary is answered with the count at the
 * nearest of these, so the boundary that is really counted lies within 4.5 % of the one that is printed (0.5 and 1 are exact).
 */
import { bucketIndex, type HistogramShape, upperBound } from "./exponential.ts";

/** Envoy's default boundaries: milliseconds for durations, and used by Istio for bytes as well. */
export const CLASSIC_BOUNDS = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
] as const;

/** For each classic boundary the last slot that counts as below it. */
export function slotsBelow(shape: HistogramShape): readonly number[] {
  return CLASSIC_BOUNDS.map((bound) => {
    const above = bucketIndex(bound) - shape.lowest;
    if (above <= 0) return 0;
    const isBelowNearer = bound / upperBound(shape, above - 1) < upperBound(shape, above) / bound;
    return Math.min(isBelowNearer ? above - 1 : above, shape.buckets - 2);
  });
}

/**
 * Cumulative counts at each classic boundary, then in all.
 * @param buckets holds the slots of one histogram from `from` on. @param into CLASSIC_BOUNDS.length + 1 long.
 */
export function classicCounts(
  shape: HistogramShape,
  below: readonly number[],
  buckets: Float64Array,
  from: number,
  into: Float64Array,
): void {
  let slot = 0;
  let total = 0;
  for (let bound = 0; bound < below.length; bound++) {
    for (const last = below[bound]!; slot <= last; slot++) total += buckets[from + slot]!;
    into[bound] = total;
  }
  for (; slot < shape.buckets; slot++) total += buckets[from + slot]!;
  into[below.length] = total;
}
