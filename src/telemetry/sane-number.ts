/** Largest count that is believed. Reason: beyond it a Float64 no longer counts by ones. */
export const COUNT_MAX = Number.MAX_SAFE_INTEGER;

/** A count as read from foreign memory: itself when it can be one, else 0. */
export function saneCount(value: number): number {
  return value >= 0 && value <= COUNT_MAX ? value : 0;
}

/** A gauge as read from foreign memory: itself when it is of believable size, else 0. */
export function saneGauge(value: number): number {
  return value >= -COUNT_MAX && value <= COUNT_MAX ? value : 0;
}
