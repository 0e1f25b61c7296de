import { bump, type EdgeActivity, outcomeKey, TCP_NUMBERS } from "./edge-activity.ts";
import { DURATION_HISTOGRAM } from "./exponential.ts";
import { SERIES_USED, SERIES_VALUE } from "./layout.ts";
import type { EdgeInfo, SeriesInfo, StatsSource } from "./stats-source.ts";

/**
 * Remembers what one source had counted when it was last looked at, and tells what came since. A series whose count stands still
 * costs one comparison. A count that went back (only a broken worker's does) is taken as a new start.
 */
export class ActivityTracker {
  readonly #source: StatsSource;
  readonly #counts = new Map<SeriesInfo, number>();
  readonly #buckets = new Map<SeriesInfo, Float64Array>();
  readonly #tcp = new Map<EdgeInfo, Float64Array>();
  readonly #scratch = new Float64Array(SERIES_USED);

  constructor(source: StatsSource) {
    this.#source = source;
  }

  /** Adds what was counted since the last call to the activity that `of` gives for an edge. */
  takeInto(of: (edge: EdgeInfo) => EdgeActivity): void {
    for (const series of this.#source.series) this.#takeSeries(series, of);
    for (const edge of this.#source.edges) this.#takeTcp(edge, of);
  }

  #takeSeries(series: SeriesInfo, of: (edge: EdgeInfo) => EdgeActivity): void {
    const count = this.#source.seriesCount(series);
    const before = this.#counts.get(series) ?? 0;
    if (count === before) return;
    this.#counts.set(series, count);
    const activity = of(series.edge);
    if (count > before) bump(activity.outcomes, outcomeKey(series), count - before);
    if (series.kind !== "tcp") this.#takeBuckets(series, activity);
  }

  #takeBuckets(series: SeriesInfo, activity: EdgeActivity): void {
    if (!this.#source.readSeries(series, this.#scratch)) return;
    let before = this.#buckets.get(series);
    if (before === undefined) {
      before = new Float64Array(DURATION_HISTOGRAM.buckets);
      this.#buckets.set(series, before);
    }
    for (let slot = 0; slot < before.length; slot++) {
      const now = this.#scratch[SERIES_VALUE.durationBuckets + slot]!;
      if (now > before[slot]!) bump(activity.buckets, slot, now - before[slot]!);
      before[slot] = now;
    }
  }

  #takeTcp(edge: EdgeInfo, of: (edge: EdgeInfo) => EdgeActivity): void {
    let before = this.#tcp.get(edge);
    for (let at = 0; at < TCP_NUMBERS; at++) {
      const now = this.#source.edgeValue(edge, at);
      const was = before?.[at] ?? 0;
      if (now === was) continue;
      if (before === undefined) {
        before = new Float64Array(TCP_NUMBERS);
        this.#tcp.set(edge, before);
      }
      if (now > was) of(edge).tcp[at]! += now - was;
      before[at] = now;
    }
  }
}
