/**
 * What happened lately on every edge, without a Prometheus: each second of the last minute and each ten seconds of the last
 * hour. Filled by looking at the sources once a second; the clock is handed in.
 */
import { ActivityTracker } from "./activity-tracker.ts";
import { EdgeActivity } from "./edge-activity.ts";
import { type HistorySlice, packSlice, unpackInto } from "./history-slice.ts";
import { EDGE_VALUE, EDGES_MAX } from "./layout.ts";
import { type EdgeInfo, OVERFLOW_EDGE, type StatsSource } from "./stats-source.ts";

/** How often `tick` is meant to be called. */
export const TICK_MS = 1000;
/** Slices of one tick that are kept: one minute. */
export const FINE_SLICES_MAX = 60;
/** Ticks that make a coarse slice: ten seconds. */
export const TICKS_PER_COARSE = 10;
/** Coarse slices that are kept: one hour. */
export const COARSE_SLICES_MAX = 360;
/** Numbers kept in all slices together, 8 bytes each. Reason: 4 MiB, an hour of some forty edges that are never idle. */
export const HISTORY_NUMBERS_MAX = 512 * 1024;
/** Edges that are told apart over the life of a history. Reason: a full region, and as many again after changes of configuration. */
export const HISTORY_EDGES_MAX = 2 * EDGES_MAX;

/** One edge in a window of time. */
export interface EdgeWindow {
  readonly edge: EdgeInfo;
  readonly activity: EdgeActivity;
  /** TCP connections that are open now. */
  readonly tcpOpen: number;
  /** Requests under way now. */
  readonly inFlight: number;
}

/** What is known of a stretch of time. */
export interface HistoryWindow {
  /** What the slices cover; less than was asked for where the history is younger. 0 = nothing yet. */
  readonly coveredMs: number;
  readonly edges: readonly EdgeWindow[];
}

interface Gauges {
  tcpOpen: number;
  inFlight: number;
}

export class History {
  readonly #fine: HistorySlice[] = [];
  readonly #coarse: HistorySlice[] = [];
  readonly #ids = new Map<string, number>();
  readonly #edges: EdgeInfo[] = [];
  readonly #trackers = new WeakMap<StatsSource, ActivityTracker>();
  #current = new Map<number, EdgeActivity>();
  #pending = new Map<number, EdgeActivity>();
  #gauges = new Map<number, Gauges>();
  #nextGauges = new Map<number, Gauges>();
  #startMs: number;
  #pendingStartMs: number;
  #ticks = 0;
  #numbers = 0;

  /** @param nowMs epoch milliseconds, as for `tick`. */
  constructor(nowMs: number) {
    this.#startMs = nowMs;
    this.#pendingStartMs = nowMs;
    this.#idOf(OVERFLOW_EDGE);
  }

  /** Numbers held, HISTORY_NUMBERS_MAX at most after a tick. */
  get numbers(): number {
    return this.#numbers;
  }

  /** Adds what a source counted since it was last observed (the first time: all of it). To be called once per tick and source. */
  observe(source: StatsSource): void {
    this.#trackerOf(source).takeInto((edge) => this.#activityOf(edge));
    for (const edge of source.edges) {
      const tcpOpen = source.edgeValue(edge, EDGE_VALUE.tcpOpen);
      const inFlight = source.edgeValue(edge, EDGE_VALUE.inFlight);
      if (tcpOpen === 0 && inFlight === 0) continue;
      const id = this.#idOf(edge);
      const sum = this.#nextGauges.get(id) ?? { tcpOpen: 0, inFlight: 0 };
      this.#nextGauges.set(id, { tcpOpen: sum.tcpOpen + tcpOpen, inFlight: sum.inFlight + inFlight });
    }
  }

  /** For a source that counted long before this history began: what it has so far is no news. */
  baseline(source: StatsSource): void {
    this.#trackerOf(source).takeInto(() => new EdgeActivity());
  }

  /** Ends the current slice. @param nowMs not before the last one; a clock that stepped back makes a slice of no length. */
  tick(nowMs: number): void {
    const endMs = Math.max(nowMs, this.#startMs);
    this.#keep(this.#fine, packSlice(this.#startMs, endMs, this.#current), FINE_SLICES_MAX);
    for (const [id, activity] of this.#current) addTo(this.#pending, id, activity);
    this.#current = new Map();
    this.#startMs = endMs;
    this.#gauges = this.#nextGauges;
    this.#nextGauges = new Map();
    this.#ticks++;
    if (this.#ticks % TICKS_PER_COARSE === 0) this.#endCoarse(endMs);
    while (this.#numbers > HISTORY_NUMBERS_MAX) this.#dropOldest(this.#coarse.length > 0 ? this.#coarse : this.#fine);
  }

  /** What happened in the last `spanMs`, up to the last tick. Busy and connected edges only. */
  window(spanMs: number): HistoryWindow {
    const slices = this.#slicesOf(spanMs);
    const activities = new Map<number, EdgeActivity>();
    let coveredMs = 0;
    for (const slice of slices) {
      coveredMs += slice.endMs - slice.startMs;
      unpackInto(slice, activities);
    }
    for (const id of this.#gauges.keys()) if (!activities.has(id)) activities.set(id, new EdgeActivity());
    const edges = [...activities].map(([id, activity]) => ({
      edge: this.#edges[id]!,
      activity,
      tcpOpen: this.#gauges.get(id)?.tcpOpen ?? 0,
      inFlight: this.#gauges.get(id)?.inFlight ?? 0,
    }));
    return { coveredMs, edges };
  }

  /** Fine slices while they reach back far enough; else the coarse ones, and what has come since the last of them. */
  #slicesOf(spanMs: number): HistorySlice[] {
    const sinceMs = this.#startMs - spanMs;
    // By its middle, so that a window of n seconds is n slices even when ticks come a little early or late.
    const isWithin = (slice: HistorySlice): boolean => (slice.startMs + slice.endMs) / 2 >= sinceMs;
    const first = this.#fine[0];
    const isFineEnough = first === undefined || spanMs <= FINE_SLICES_MAX * TICK_MS || this.#coarse.length === 0;
    if (isFineEnough) return this.#fine.filter(isWithin);
    const recent = this.#fine.filter((slice) => slice.startMs >= this.#pendingStartMs);
    return [...this.#coarse.filter(isWithin), ...recent];
  }

  #endCoarse(endMs: number): void {
    this.#keep(this.#coarse, packSlice(this.#pendingStartMs, endMs, this.#pending), COARSE_SLICES_MAX);
    this.#pending = new Map();
    this.#pendingStartMs = endMs;
  }

  #keep(ring: HistorySlice[], slice: HistorySlice, max: number): void {
    ring.push(slice);
    this.#numbers += slice.packed.length;
    if (ring.length > max) this.#dropOldest(ring);
  }

  #dropOldest(ring: HistorySlice[]): void {
    this.#numbers -= ring.shift()?.packed.length ?? 0;
  }

  #trackerOf(source: StatsSource): ActivityTracker {
    const known = this.#trackers.get(source);
    if (known !== undefined) return known;
    const tracker = new ActivityTracker(source);
    this.#trackers.set(source, tracker);
    return tracker;
  }

  #activityOf(edge: EdgeInfo): EdgeActivity {
    const id = this.#idOf(edge);
    const known = this.#current.get(id);
    if (known !== undefined) return known;
    const activity = new EdgeActivity();
    this.#current.set(id, activity);
    return activity;
  }

  /** The number of an edge's key; the newest labels of a key are shown. Without room: the overflow edge's. */
  #idOf(edge: EdgeInfo): number {
    const known = this.#ids.get(edge.key);
    if (known !== undefined) {
      this.#edges[known] = edge;
      return known;
    }
    if (this.#edges.length >= HISTORY_EDGES_MAX) return 0;
    const id = this.#edges.length;
    this.#ids.set(edge.key, id);
    this.#edges.push(edge);
    return id;
  }
}

function addTo(edges: Map<number, EdgeActivity>, id: number, activity: EdgeActivity): void {
  const known = edges.get(id);
  if (known === undefined) edges.set(id, activity);
  else known.add(activity);
}
