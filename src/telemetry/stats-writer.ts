import type { EdgeLabels, EdgePeer } from "./edge-labels.ts";
import { EdgeStats, type SeriesSource } from "./edge-stats.ts";
import { COUNTER, type CounterId, GAUGE, type GaugeId } from "./fixed-metrics.ts";
import {
  EDGE_ENTRY_BYTES,
  EDGE_STRING_WORDS,
  EDGE_VALUES,
  EDGE_WORD,
  EDGES_MAX,
  HEADER_AT,
  LAYOUT_VERSION,
  MAGIC,
  PROTOCOLS,
  REGION_BYTES,
  REPORTERS,
  SECTION_AT,
  SECURITIES,
  SERIES_ENTRY_BYTES,
  SERIES_MAX,
  SERIES_OVERFLOW_CODE,
  SERIES_VALUES,
  SERIES_WORD,
  STRING_OVERFLOW,
} from "./layout.ts";
import { RecordWriter } from "./record-writer.ts";
import { StringTableWriter } from "./string-table-writer.ts";

const COUNTERS_AT = SECTION_AT.counters / 8;
const GAUGES_AT = SECTION_AT.gauges / 8;

/** Who a region belongs to. */
export interface RegionOwner {
  /** 0 to 2^31 - 1, unique among the workers whose regions are read together. */
  readonly workerId: number;
  /** Epoch milliseconds. */
  readonly startedAtMs: number;
}

/**
 * The one writer of a region. Made once in a worker's life over fresh (zeroed) memory that the caller owns and keeps mapped.
 * Nothing here waits, throws or allocates after construction, besides `edge` and `intern`, which belong to taking up a snapshot.
 */
export class StatsWriter {
  /** Where finished requests are logged. */
  readonly records: RecordWriter;
  readonly #words: Int32Array;
  readonly #values: Float64Array;
  readonly #strings: StringTableWriter;
  readonly #edges = new Map<string, EdgeStats>();
  readonly #source: SeriesSource;
  readonly #overflowEdge: EdgeStats;
  #edgesUsed = 0;
  #seriesUsed = 0;

  /** @throws RangeError when `bytes` is not exactly REGION_BYTES at an 8-byte aligned offset, or was written to before. */
  constructor(bytes: Uint8Array, owner: RegionOwner = { workerId: 0, startedAtMs: 0 }) {
    if (bytes.length !== REGION_BYTES || bytes.byteOffset % 8 !== 0)
      throw new RangeError(`a stats region is ${REGION_BYTES} bytes, 8-byte aligned; got ${bytes.length}`);
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, REGION_BYTES / 4);
    this.#values = new Float64Array(bytes.buffer, bytes.byteOffset, REGION_BYTES / 8);
    if (this.#words[0] !== 0) throw new RangeError("this stats region already has a writer's marks in it");
    this.#strings = new StringTableWriter(bytes, this.#words);
    this.records = new RecordWriter(bytes, this.#words, this.#values);
    this.#source = {
      values: this.#values,
      series: (edge, code, flag, grpc) => this.#appendSeries(edge, code, flag, grpc),
      overflowed: () => this.counter(COUNTER.seriesOverflow),
    };
    this.#appendOverflow();
    this.#overflowEdge = this.#edgeAt(0);
    this.#writeHeader(owner);
  }

  /** Adds to a counter. @param n >= 0. */
  counter(id: CounterId, n = 1): void {
    this.#values[COUNTERS_AT + id]! += n;
  }

  /** Sets a gauge. */
  gauge(id: GaugeId, value: number): void {
    this.#values[GAUGES_AT + id] = value;
  }

  /** Moves a gauge up or down. */
  gaugeAdd(id: GaugeId, delta: number): void {
    this.#values[GAUGES_AT + id]! += delta;
  }

  /** Every new request is served by this generation from now on. @param atSeconds epoch seconds. */
  generation(generation: number, atSeconds: number): void {
    this.#values[HEADER_AT.generation / 8] = generation;
    this.gauge(GAUGE.configGeneration, generation);
    this.gauge(GAUGE.configLastSuccess, atSeconds);
  }

  /** The loop turns: who sees no beat for long may take the worker for hung. */
  beat(): void {
    Atomics.add(this.#words, HEADER_AT.heartbeat / 4, 1);
  }

  /** The last word: whoever reads the region may take its counts and end the worker. */
  drained(): void {
    Atomics.store(this.#words, HEADER_AT.hasDrained / 4, 1);
  }

  /** Id of a text from the snapshot, for the `policy`, `upstream` and `route` of a record. Never for text from a request. */
  intern(text: string): number {
    return this.#strings.intern(text);
  }

  /** The counts of an edge; the same key gives the same object for the life of the region. Without room: the overflow edge. */
  edge(labels: EdgeLabels): EdgeStats {
    const known = this.#edges.get(labels.key);
    if (known !== undefined) return known;
    if (this.#edgesUsed >= EDGES_MAX) return this.#overflowEdge;
    const index = this.#appendEdge(this.#edgeWords(labels));
    const made = this.#edgeAt(index);
    this.#edges.set(labels.key, made);
    return made;
  }

  #edgeAt(index: number): EdgeStats {
    const base = (SECTION_AT.edgeValues + index * EDGE_VALUES * 8) / 8;
    // The overflow edge has no series but the overflow series, and counts as overflow each time.
    return new EdgeStats(this.#source, index, base, SECTION_AT.seriesValues / 8);
  }

  #edgeWords(labels: EdgeLabels): number[] {
    const id = (text: string): number => this.#strings.intern(text);
    const peer = (end: EdgePeer): number[] =>
      [end.workload, end.namespace, end.principal, end.app, end.version, end.cluster ?? ""].map(id);
    const { destination } = labels;
    return [
      id(labels.key),
      ...peer(labels.source),
      ...peer(destination),
      id(destination.service),
      id(destination.serviceName),
      id(destination.serviceNamespace),
      REPORTERS.indexOf(labels.reporter),
      PROTOCOLS.indexOf(labels.protocol),
      SECURITIES.indexOf(labels.security),
    ];
  }

  #appendEdge(entry: readonly number[]): number {
    const index = this.#edgesUsed++;
    this.#words.set(entry, (SECTION_AT.edges + index * EDGE_ENTRY_BYTES) / 4);
    Atomics.store(this.#words, HEADER_AT.edgesUsed / 4, this.#edgesUsed);
    return index;
  }

  /** Edge 0 and series 0 take whatever finds no room, so that nothing goes uncounted. */
  #appendOverflow(): void {
    const entry = new Array<number>(EDGE_WORD.security + 1).fill(0);
    this.#appendEdge(entry.fill(STRING_OVERFLOW, 0, EDGE_STRING_WORDS));
    this.#appendEntry(0, SERIES_OVERFLOW_CODE, 0, 0);
  }

  #appendSeries(edge: number, code: number, flag: number, grpc: number): number {
    if (edge === 0 || this.#seriesUsed >= SERIES_MAX) return SECTION_AT.seriesValues / 8;
    return this.#appendEntry(edge, code, flag, grpc);
  }

  #appendEntry(edge: number, code: number, flag: number, grpc: number): number {
    const index = this.#seriesUsed++;
    const entry = (SECTION_AT.series + index * SERIES_ENTRY_BYTES) / 4;
    this.#words[entry + SERIES_WORD.edge] = edge;
    this.#words[entry + SERIES_WORD.code] = code;
    this.#words[entry + SERIES_WORD.flag] = flag;
    this.#words[entry + SERIES_WORD.grpc] = grpc;
    Atomics.store(this.#words, HEADER_AT.seriesUsed / 4, this.#seriesUsed);
    return SECTION_AT.seriesValues / 8 + index * SERIES_VALUES;
  }

  /** The magic comes last: a region without it is one that nobody has begun. */
  #writeHeader(owner: RegionOwner): void {
    this.#words[HEADER_AT.version / 4] = LAYOUT_VERSION;
    this.#words[HEADER_AT.workerId / 4] = owner.workerId;
    this.#values[HEADER_AT.startedAtMs / 8] = owner.startedAtMs;
    this.#words[HEADER_AT.magic / 4 + 1] = MAGIC[1];
    Atomics.store(this.#words, HEADER_AT.magic / 4, MAGIC[0]);
  }
}
