/** Medians, percentiles and the interval of a ratio. */

/** The value below which `share` (0 to 1) of the sorted values lie; nearest rank. NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length % 2 === 1) return sorted[Math.floor(middle)] as number;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

export interface Ratio {
  /** Geometric mean of the pairs' ratios. */
  readonly mean: number;
  /** 95 % interval by Student's t on the logarithms; equal to the mean with fewer than two pairs. */
  readonly low: number;
  readonly high: number;
  readonly pairs: number;
}

/** Two-sided 97.5 % quantiles of Student's t by degrees of freedom, from 1. */
const T_975 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045,
];

/** The ratio `a / b` of values measured in pairs, with what can be said about it. */
export function ratioOfPairs(a: readonly number[], b: readonly number[]): Ratio {
  const pairs = Math.min(a.length, b.length);
  const logs = Array.from({ length: pairs }, (_, i) => Math.log((a[i] as number) / (b[i] as number)));
  const mean = logs.reduce((sum, value) => sum + value, 0) / pairs;
  if (pairs < 2) return { mean: Math.exp(mean), low: Math.exp(mean), high: Math.exp(mean), pairs };
  const variance = logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (pairs - 1);
  const margin = (T_975[pairs - 2] ?? 1.96) * Math.sqrt(variance / pairs);
  return { mean: Math.exp(mean), low: Math.exp(mean - margin), high: Math.exp(mean + margin), pairs };
}

/** A ratio as it is shown: the mean, and its interval where there are pairs enough to speak of one. */
export function showRatio(ratio: Ratio, digits = 2): string {
  if (ratio.pairs === 0) return "no valid pair";
  const range = ratio.pairs < 2 ? "" : `${ratio.low.toFixed(digits)}-${ratio.high.toFixed(digits)}, `;
  return `${ratio.mean.toFixed(digits)} (${range}${ratio.pairs} pairs)`;
}

/** Pairs that a ratio must come from before it is held against a gate. */
export const PAIRS_MIN = 10;

/** Why a ratio may not be held against a gate, or `undefined`. */
export function tooFewPairs(ratio: Ratio): string | undefined {
  return ratio.pairs < PAIRS_MIN ? `${ratio.pairs} valid pairs, ${PAIRS_MIN} needed` : undefined;
}
