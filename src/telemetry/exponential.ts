/**
 * Exponential histograms of schema 3, as Prometheus' native and OpenTelemetry's exponential ones have it: bucket `i` holds
 * values in (2^((i-1)/8), 2^(i/8)], so each is 9.05 % wider than the one before, and a quantile is at most 4.5 % off when the
 * geometric middle of its bucket is reported.
 *
 * Finding the bucket takes no logarithm: the exponent and the leading bits of the mantissa are read from the bits of the
 * number, and one comparison with the exact threshold decides.
 */

/** Buckets per doubling. */
export const PER_OCTAVE = 8;

/** A span of buckets: slot 0 takes what is at or below the lowest bound, the last slot what is above the highest. */
export interface HistogramShape {
  /** Bound of slot 0 is 2^(lowest/8). */
  readonly lowest: number;
  /** Upper bound of the slot before the last is 2^(highest/8). */
  readonly highest: number;
  /** Number of slots: highest - lowest + 2. */
  readonly buckets: number;
}

const shape = (lowest: number, highest: number): HistogramShape => ({ lowest, highest, buckets: highest - lowest + 2 });

/** Milliseconds from 2^-10 (0.98 µs) to 2^22 (70 minutes). */
export const DURATION_HISTOGRAM = shape(-10 * PER_OCTAVE, 22 * PER_OCTAVE);

/** Bytes: slot 0 is nothing at all (0 is the only integer at or below 2^(-1/8)), then 1 byte up to 2^40 (1 TiB). */
export const BYTES_HISTOGRAM = shape(-1, 40 * PER_OCTAVE);

const THRESHOLDS = Float64Array.from({ length: PER_OCTAVE + 1 }, (_, step) => 2 ** (step / PER_OCTAVE));

/** First threshold at or above the start of each sixteenth of [1, 2): a sixteenth is narrower than any bucket, so it holds one threshold at most. */
const FIRST_STEP = Uint8Array.from({ length: 16 }, (_, cell) =>
  THRESHOLDS.findIndex((bound) => bound >= 1 + cell / 16),
);

const number = new Float64Array(1);
const words = new Uint32Array(number.buffer);

/** Index `i` of the bucket (2^((i-1)/8), 2^(i/8)] that a finite positive normal number lies in. */
export function bucketIndex(value: number): number {
  number[0] = value;
  const high = words[1]!;
  words[1] = (high & 0x000f_ffff) | 0x3ff0_0000;
  const step = FIRST_STEP[(high >>> 16) & 15]!;
  const index = ((high >>> 20) - 1023) * PER_OCTAVE + step;
  return number[0]! > THRESHOLDS[step]! ? index + 1 : index;
}

/** Slot of a value in a histogram of the given shape, clamped to its ends. What is no positive number counts as the least. */
export function slotOf(shape: HistogramShape, value: number): number {
  // Written so that NaN fails it too.
  if (!(value >= Number.MIN_VALUE)) return 0;
  const slot = bucketIndex(value) - shape.lowest;
  if (slot <= 0) return 0;
  return slot < shape.buckets ? slot : shape.buckets - 1;
}

/** Upper bound, inclusive, of a slot; Infinity for the last. */
export function upperBound(shape: HistogramShape, slot: number): number {
  return slot >= shape.buckets - 1 ? Number.POSITIVE_INFINITY : 2 ** ((shape.lowest + slot) / PER_OCTAVE);
}

/** Lower bound, exclusive, of a slot; 0 for the first. */
export function lowerBound(shape: HistogramShape, slot: number): number {
  return slot <= 0 ? 0 : 2 ** ((shape.lowest + slot - 1) / PER_OCTAVE);
}
