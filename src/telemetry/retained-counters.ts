import { COUNTERS_MAX, EDGE_VALUE, EDGES_MAX, SERIES_MAX, SERIES_USED, SERIES_VALUE } from "./layout.ts";
import { type EdgeInfo, OVERFLOW_EDGE, OVERFLOW_SERIES, type SeriesInfo, type StatsSource } from "./stats-source.ts";

/** Values per edge that outlive a worker: those before the gauges. */
export const KEPT_EDGE_VALUES = EDGE_VALUE.inFlight;

/** Workers whose counts are known to be in. Reason: more than can wait to be taken over at a time. */
export const ABSORBED_MAX = 512;

/** An edge of a dead worker with its counts. */
export interface KeptEdge {
  readonly info: EdgeInfo;
  readonly values: Float64Array;
}

/** A series of a dead worker with its values; most slots of most histograms are 0, so only the others are kept. */
export interface KeptSeries {
  readonly info: SeriesInfo;
  readonly values: Map<number, number>;
}

/**
 * The counts of workers that are gone, so that a total never goes down because a process died. Gauges die with their worker.
 * Bounded like a region: what finds no room goes to the overflow series.
 */
export class RetainedCounters implements StatsSource {
  readonly isOpen = true;
  readonly edges: EdgeInfo[] = [];
  readonly series: SeriesInfo[] = [];
  readonly #counters = new Float64Array(COUNTERS_MAX);
  readonly #keptEdges = new Map<string, KeptEdge>();
  readonly #keptSeries = new Map<string, KeptSeries>();
  readonly #valuesOf = new Map<SeriesInfo, Map<number, number>>();
  readonly #edgeValuesOf = new Map<EdgeInfo, Float64Array>();
  readonly #absorbed = new Set<number>();
  readonly #scratch = new Float64Array(SERIES_USED);
  readonly #overflowEdge: KeptEdge;
  readonly #overflowSeries: KeptSeries;

  constructor() {
    this.#overflowEdge = this.#appendEdge(OVERFLOW_EDGE);
    this.#overflowSeries = this.#appendSeries(OVERFLOW_SERIES, this.#overflowEdge);
  }

  /** Adds everything that a source has counted. To be called once per worker, after its death and a last `refresh`. */
  absorb(source: StatsSource): void {
    for (let at = 0; at < COUNTERS_MAX; at++) this.addCounter(at, source.counter(at));
    for (const edge of source.edges) this.#absorbEdge(source, edge);
    for (const series of source.series) this.#absorbSeries(source, series);
  }

  /** This worker's counts are in: taking them again would count twice. Only the newest ABSORBED_MAX are remembered. */
  noteAbsorbed(workerId: number): void {
    this.#absorbed.delete(workerId);
    this.#absorbed.add(workerId);
    for (const oldest of this.#absorbed) {
      if (this.#absorbed.size <= ABSORBED_MAX) break;
      this.#absorbed.delete(oldest);
    }
  }

  hasAbsorbed(workerId: number): boolean {
    return this.#absorbed.has(workerId);
  }

  /** 0 where no worker's counts are in. */
  get absorbedIdMax(): number {
    return Math.max(0, ...this.#absorbed);
  }

  /** Adds to a fixed counter. */
  addCounter(position: number, n: number): void {
    if (position >= 0 && position < COUNTERS_MAX) this.#counters[position]! += n;
  }

  /** The edge's counts to add to; those of the overflow edge where there is no room for another. */
  keepEdge(edge: EdgeInfo): KeptEdge {
    const known = this.#keptEdges.get(edge.key);
    if (known !== undefined) return known;
    return this.#keptEdges.size < EDGES_MAX ? this.#appendEdge(edge) : this.#overflowEdge;
  }

  /** The values of a series to add to; those of the overflow series where there is no room for another. */
  keepSeries(series: SeriesInfo): KeptSeries {
    const edge = this.keepEdge(series.edge);
    if (edge === this.#overflowEdge) return this.#overflowSeries;
    const known = this.#keptSeries.get(keyOf(series));
    if (known !== undefined) return known;
    return this.#keptSeries.size < SERIES_MAX ? this.#appendSeries(series, edge) : this.#overflowSeries;
  }

  /** Everything kept, for writing it down. */
  kept(): {
    counters: Float64Array;
    edges: Iterable<KeptEdge>;
    series: Iterable<KeptSeries>;
    absorbed: Iterable<number>;
  } {
    const edges = this.#keptEdges.values();
    return { counters: this.#counters, edges, series: this.#keptSeries.values(), absorbed: this.#absorbed };
  }

  counter(position: number): number {
    return this.#counters[position] ?? 0;
  }

  gauge(): number {
    return 0;
  }

  edgeValue(edge: EdgeInfo, which: number): number {
    return this.#edgeValuesOf.get(edge)?.[which] ?? 0;
  }

  seriesCount(series: SeriesInfo): number {
    return this.#valuesOf.get(series)?.get(SERIES_VALUE.count) ?? 0;
  }

  readSeries(series: SeriesInfo, into: Float64Array): boolean {
    const values = this.#valuesOf.get(series);
    if (values === undefined) return false;
    into.fill(0);
    for (const [at, value] of values) into[at] = value;
    return true;
  }

  #absorbEdge(source: StatsSource, edge: EdgeInfo): void {
    const kept = this.keepEdge(edge);
    for (let which = 0; which < KEPT_EDGE_VALUES; which++) kept.values[which]! += source.edgeValue(edge, which);
  }

  #absorbSeries(source: StatsSource, series: SeriesInfo): void {
    if (source.seriesCount(series) === 0) return;
    const kept = this.keepSeries(series);
    if (!source.readSeries(series, this.#scratch)) return;
    for (let at = 0; at < SERIES_USED; at++) {
      const value = this.#scratch[at]!;
      if (value !== 0) kept.values.set(at, (kept.values.get(at) ?? 0) + value);
    }
  }

  #appendEdge(edge: EdgeInfo): KeptEdge {
    const info = { ...edge, index: this.edges.length };
    const kept: KeptEdge = { info, values: new Float64Array(KEPT_EDGE_VALUES) };
    this.#keptEdges.set(edge.key, kept);
    this.#edgeValuesOf.set(info, kept.values);
    this.edges.push(info);
    return kept;
  }

  #appendSeries(series: SeriesInfo, edge: KeptEdge): KeptSeries {
    const info = { ...series, index: this.series.length, edge: edge.info };
    const kept: KeptSeries = { info, values: new Map() };
    this.#keptSeries.set(keyOf(series), kept);
    this.#valuesOf.set(info, kept.values);
    this.series.push(info);
    return kept;
  }
}

/** The edge's key comes last, because it alone may hold spaces. */
function keyOf(series: SeriesInfo): string {
  return `${series.kind} ${series.code} ${series.flag} ${series.grpc} ${series.edge.key}`;
}
