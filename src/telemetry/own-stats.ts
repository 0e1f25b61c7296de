import type { CounterId, GaugeId } from "./fixed-metrics.ts";
import { COUNTERS_MAX, GAUGES_MAX } from "./layout.ts";
import type { EdgeInfo, SeriesInfo, StatsSource } from "./stats-source.ts";

/** The keeper's own counters and gauges: it has no region, and no edges. */
export class OwnStats implements StatsSource {
  readonly isOpen = true;
  readonly edges: readonly EdgeInfo[] = [];
  readonly series: readonly SeriesInfo[] = [];
  readonly #counters = new Float64Array(COUNTERS_MAX);
  readonly #gauges = new Float64Array(GAUGES_MAX);

  /** Adds to a counter. @param n >= 0. */
  add(id: CounterId, n = 1): void {
    this.#counters[id]! += n;
  }

  /** Sets a gauge. */
  set(id: GaugeId, value: number): void {
    this.#gauges[id] = value;
  }

  counter(position: number): number {
    return this.#counters[position] ?? 0;
  }

  gauge(position: number): number {
    return this.#gauges[position] ?? 0;
  }

  edgeValue(): number {
    return 0;
  }

  seriesCount(): number {
    return 0;
  }

  readSeries(): boolean {
    return false;
  }
}
