import { RESPONSE_FLAGS } from "../model/response-flags.ts";
import {
  COUNTERS_MAX,
  EDGE_ENTRY_BYTES,
  EDGE_STRING_WORDS,
  EDGE_VALUE,
  EDGE_VALUES,
  EDGE_WORD,
  EDGES_MAX,
  GAUGES_MAX,
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
  SERIES_TCP,
  SERIES_USED,
  SERIES_VALUE,
  SERIES_VALUES,
  SERIES_WORD,
} from "./layout.ts";
import { RecordReader } from "./record-reader.ts";
import { saneCount, saneGauge } from "./sane-number.ts";
import { type EdgeInfo, OVERFLOW_EDGE, type SeriesInfo, type SeriesKind, type StatsSource } from "./stats-source.ts";
import { StringTableReader } from "./string-table-reader.ts";

/** Highest status code that is believed. */
const CODE_MAX = 999;

/**
 * Reads a worker's region and believes none of it: every index, length and number is checked, what makes no sense is left out
 * and counted in `corrupt`, and no content of the region makes it throw, hang or take unbounded memory. What a directory entry
 * says is decided on first sight and kept.
 *
 * The caller owns the memory and calls `close` before it is unmapped; afterwards every read gives zero or nothing.
 */
export class StatsReader implements StatsSource {
  readonly edges: EdgeInfo[] = [];
  readonly series: SeriesInfo[] = [];
  /** Where finished requests are read from. */
  readonly records: RecordReader;
  #words: Int32Array;
  #values: Float64Array;
  #strings: StringTableReader;
  readonly #edgeByIndex: (EdgeInfo | undefined)[] = [];
  #seriesSeen = 0;
  #corrupt = 0;
  #isClosed = false;

  /** @throws RangeError when `bytes` is not exactly REGION_BYTES at an 8-byte aligned offset: that is the caller's mistake. */
  constructor(bytes: Uint8Array) {
    if (bytes.length !== REGION_BYTES || bytes.byteOffset % 8 !== 0)
      throw new RangeError(`a stats region is ${REGION_BYTES} bytes, 8-byte aligned; got ${bytes.length}`);
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, REGION_BYTES / 4);
    this.#values = new Float64Array(bytes.buffer, bytes.byteOffset, REGION_BYTES / 8);
    this.#strings = new StringTableReader(bytes, this.#words);
    this.records = new RecordReader(bytes, {
      text: (id) => (id === 0 ? "" : (this.#strings.text(id) ?? this.#noted(""))),
      edge: (index) => this.#edgeByIndex[index] ?? this.#edgeOnDemand(index),
    });
  }

  /** Whether a worker of a layout we know has begun to write. */
  get isReadable(): boolean {
    if (this.#isClosed) return false;
    const magic = Atomics.load(this.#words, 0) === MAGIC[0] && this.#words[1] === MAGIC[1];
    return magic && this.#words[HEADER_AT.version / 4] === LAYOUT_VERSION;
  }

  get isOpen(): boolean {
    return !this.#isClosed;
  }

  get workerId(): number {
    return this.#isClosed ? 0 : this.#words[HEADER_AT.workerId / 4]!;
  }

  /** Epoch milliseconds at which the worker began, as it says. */
  get startedAtMs(): number {
    return this.#isClosed ? 0 : saneCount(this.#values[HEADER_AT.startedAtMs / 8]!);
  }

  /** The generation that the worker says it serves. */
  get generation(): number {
    return this.#isClosed ? 0 : Math.trunc(saneCount(this.#values[HEADER_AT.generation / 8]!));
  }

  /** Whether the worker says that it has drained and counts nothing more. */
  get hasDrained(): boolean {
    return this.isReadable && Atomics.load(this.#words, HEADER_AT.hasDrained / 4) === 1;
  }

  /** Changes every few seconds while the worker's loop turns; 0 where nothing can be read. */
  get heartbeat(): number {
    return this.isReadable ? Atomics.load(this.#words, HEADER_AT.heartbeat / 4) : 0;
  }

  /** How many things made no sense so far. Goes up only. */
  get corrupt(): number {
    return this.#corrupt + this.records.corrupt;
  }

  /** Takes in the edges and series that were published since the last time. Cheap when there are none. */
  refresh(): void {
    if (!this.isReadable) return;
    // Series before edges: an edge is published before its series, so every edge of these series is among the edges read next.
    const series = this.#used(HEADER_AT.seriesUsed, SERIES_MAX);
    const edges = this.#used(HEADER_AT.edgesUsed, EDGES_MAX);
    while (this.#edgeByIndex.length < edges) this.#takeEdge(this.#edgeByIndex.length);
    for (; this.#seriesSeen < series; this.#seriesSeen++) this.#takeSeries(this.#seriesSeen);
  }

  counter(position: number): number {
    if (this.#isClosed || !(position >= 0 && position < COUNTERS_MAX)) return 0;
    return saneCount(this.#values[SECTION_AT.counters / 8 + position]!);
  }

  gauge(position: number): number {
    if (this.#isClosed || !(position >= 0 && position < GAUGES_MAX)) return 0;
    return saneGauge(this.#values[SECTION_AT.gauges / 8 + position]!);
  }

  edgeValue(edge: EdgeInfo, which: number): number {
    if (this.#isClosed) return 0;
    const value = this.#values[SECTION_AT.edgeValues / 8 + edge.index * EDGE_VALUES + which]!;
    return which >= EDGE_VALUE.inFlight ? saneGauge(value) : saneCount(value);
  }

  seriesCount(series: SeriesInfo): number {
    return this.#isClosed ? 0 : saneCount(this.#values[this.#baseOf(series) + SERIES_VALUE.count]!);
  }

  readSeries(series: SeriesInfo, into: Float64Array): boolean {
    if (this.#isClosed) return false;
    const base = this.#baseOf(series);
    into.set(this.#values.subarray(base, base + SERIES_USED));
    for (let at = 0; at < SERIES_USED; at++) {
      const value = into[at]!;
      if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) into[at] = this.#noted(0);
    }
    return true;
  }

  /** Forgets the memory; edges and series stay as they were, their numbers are 0. May be called twice. */
  close(): void {
    this.#isClosed = true;
    this.#words = new Int32Array(0);
    this.#values = new Float64Array(0);
    this.#strings = new StringTableReader(new Uint8Array(0), new Int32Array(REGION_HEADER_WORDS));
    this.records.close();
  }

  #baseOf(series: SeriesInfo): number {
    return SECTION_AT.seriesValues / 8 + series.index * SERIES_VALUES;
  }

  #noted<T>(instead: T): T {
    this.#corrupt++;
    return instead;
  }

  /** A published count, or its maximum where the worker claims more. */
  #used(at: number, max: number): number {
    const used = Atomics.load(this.#words, at / 4);
    return used >= 0 && used <= max ? used : this.#noted(0);
  }

  /** A record may name an edge that was published after the last refresh. */
  #edgeOnDemand(index: number): EdgeInfo | undefined {
    if (!(index >= 0 && index < EDGES_MAX)) return undefined;
    this.refresh();
    return this.#edgeByIndex[index];
  }

  #takeEdge(index: number): void {
    const edge = index === 0 ? OVERFLOW_EDGE : this.#readEdge(index);
    this.#edgeByIndex.push(edge);
    if (edge === undefined) this.#corrupt++;
    else this.edges.push(edge);
  }

  #readEdge(index: number): EdgeInfo | undefined {
    const entry = (SECTION_AT.edges + index * EDGE_ENTRY_BYTES) / 4;
    const word = (at: number): number => this.#words[entry + at]!;
    const reporter = REPORTERS[word(EDGE_WORD.reporter)];
    const protocol = PROTOCOLS[word(EDGE_WORD.protocol)];
    const security = SECURITIES[word(EDGE_WORD.security)];
    if (reporter === undefined || protocol === undefined || security === undefined) return undefined;
    const texts: string[] = [];
    for (let at = 0; at < EDGE_STRING_WORDS; at++) {
      const text = this.#strings.text(word(at));
      if (text === undefined) return undefined;
      texts.push(text);
    }
    const peer = (at: number) => ({
      workload: texts[at]!,
      namespace: texts[at + 1]!,
      principal: texts[at + 2]!,
      app: texts[at + 3]!,
      version: texts[at + 4]!,
      cluster: texts[at + 5]!,
    });
    return {
      index,
      key: texts[EDGE_WORD.key]!,
      reporter,
      protocol,
      security,
      source: peer(EDGE_WORD.sourceWorkload),
      destination: {
        ...peer(EDGE_WORD.destinationWorkload),
        service: texts[EDGE_WORD.service]!,
        serviceName: texts[EDGE_WORD.serviceName]!,
        serviceNamespace: texts[EDGE_WORD.serviceNamespace]!,
      },
      isOverflow: false,
    };
  }

  #takeSeries(index: number): void {
    const series = this.#readSeriesEntry(index);
    if (series === undefined) this.#corrupt++;
    else this.series.push(series);
  }

  #readSeriesEntry(index: number): SeriesInfo | undefined {
    const entry = (SECTION_AT.series + index * SERIES_ENTRY_BYTES) / 4;
    const code = this.#words[entry + SERIES_WORD.code]!;
    const grpc = this.#words[entry + SERIES_WORD.grpc]!;
    const edge = this.#edgeByIndex[this.#words[entry + SERIES_WORD.edge]!];
    const flag = RESPONSE_FLAGS[this.#words[entry + SERIES_WORD.flag]!];
    const kind = kindOf(code, grpc);
    if (edge === undefined || flag === undefined || kind === undefined) return undefined;
    if ((kind === "overflow") !== edge.isOverflow) return undefined;
    return { index, edge, kind, code: kind === "http" ? code : 0, flag, grpc: kind === "http" ? grpc - 1 : -1 };
  }
}

/** Words that a string table looks at before it gives up. */
const REGION_HEADER_WORDS = HEADER_AT.recordsWritten / 4 + 1;

function kindOf(code: number, grpc: number): SeriesKind | undefined {
  if (code === SERIES_OVERFLOW_CODE) return "overflow";
  if (grpc === SERIES_TCP) return "tcp";
  return code >= 0 && code <= CODE_MAX && grpc >= 0 && grpc <= 17 ? "http" : undefined;
}
