import { IDENTITY_EXPIRY_GAUGE, IDENTITY_KINDS, type IdentityKind } from "../../telemetry/fixed-metrics.ts";
import { History } from "../../telemetry/history.ts";
import { EDGE_VALUE } from "../../telemetry/layout.ts";
import { OwnStats } from "../../telemetry/own-stats.ts";
import { RETAINED_TEXT_MAX, restoreCounters, serialiseCounters } from "../../telemetry/retained-codec.ts";
import { RetainedCounters } from "../../telemetry/retained-counters.ts";
import { StatsReader } from "../../telemetry/stats-reader.ts";
import type { StatsSource } from "../../telemetry/stats-source.ts";
import { readBounded, writeDurable } from "../state/durable-file.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import type { RecordTail } from "./record-tail.ts";

const COUNTERS_FILE = "counters.ndjson";

/** Every count of the mesh: running workers, orphans, those that are gone, and the keeper's own. */
export class MeshStats {
  readonly own = new OwnStats();
  /** What happened lately. Made of running workers only: what the dead ones counted is in it already. */
  readonly history = new History(Date.now());
  readonly #state: StateDirectory;
  readonly #tail: RecordTail;
  readonly #readers = new Map<number, StatsReader>();
  #retained: RetainedCounters;
  #counted = 0;
  /** The disk did not take the counts of a worker that is gone: they are tried again until it does. */
  #isUnwritten = false;

  /** Goes on from what an earlier keeper wrote down. Counts that cannot be read start from zero, which is noted. */
  constructor(state: StateDirectory, tail: RecordTail) {
    this.#state = state;
    this.#tail = tail;
    this.#retained = restore(state) ?? new RetainedCounters();
  }

  /** All sources, refreshed: for rendering, history and reports. */
  sources(): StatsSource[] {
    for (const reader of this.#readers.values()) reader.refresh();
    return [this.own, this.#retained, ...this.#readers.values()];
  }

  /** Adds a slice to the history. Answers whether anything was counted since the last. @param nowMs epoch milliseconds. */
  tick(nowMs: number): boolean {
    if (this.#isUnwritten) this.#write();
    let counted = 0;
    for (const reader of this.#readers.values()) {
      reader.refresh();
      this.history.observe(reader);
      for (const series of reader.series) counted += reader.seriesCount(series);
      for (const edge of reader.edges) counted += reader.edgeValue(edge, EDGE_VALUE.tcpSentBytes);
    }
    this.history.tick(nowMs);
    const hasMoved = counted !== this.#counted;
    this.#counted = counted;
    return hasMoved;
  }

  /** When the first certificate of each kind ends, ms since 1970; 0 = there is none. */
  setExpiries(ends: Readonly<Record<IdentityKind, number>>): void {
    for (const kind of IDENTITY_KINDS) this.own.set(IDENTITY_EXPIRY_GAUGE[kind], Math.floor(ends[kind] / 1000));
  }

  /** Whether this worker's counts are in already: an earlier keeper took them, and died before it could end the worker. */
  hasAbsorbed(workerId: number): boolean {
    return this.#retained.hasAbsorbed(workerId);
  }

  /** Highest id of a worker whose counts are or were in: a new worker must not be taken for one of them. */
  get workerIdMax(): number {
    return Math.max(this.#retained.absorbedIdMax, ...this.#readers.keys());
  }

  /** Changes every few seconds while a worker lives, as of the last tick; 0 where nothing is known. */
  heartbeat(workerId: number): number {
    return this.#readers.get(workerId)?.heartbeat ?? 0;
  }

  /** A worker's region, until `retire`. `isOrphan`: it counted long before this keeper, which is no news. */
  add(workerId: number, region: Uint8Array, isOrphan = false): void {
    const reader = new StatsReader(region);
    this.#readers.set(workerId, reader);
    reader.refresh();
    if (isOrphan) this.history.baseline(reader);
    this.#tail.add(reader.records);
  }

  /** The worker is dead: keeps its counts, drops its gauges, lets go of its region. Nothing where it was not added. */
  retire(workerId: number): void {
    this.#absorb(workerId);
    this.#write();
  }

  /** Keeps everything for the next keeper. No worker may count any more. */
  close(): void {
    for (const workerId of [...this.#readers.keys()]) this.#absorb(workerId);
    this.#write();
  }

  #absorb(workerId: number): void {
    const reader = this.#readers.get(workerId);
    if (reader === undefined) return;
    this.#readers.delete(workerId);
    reader.refresh();
    this.history.observe(reader);
    this.#tail.remove(reader.records);
    this.#retained.absorb(reader);
    this.#retained.noteAbsorbed(workerId);
    reader.close();
  }

  #write(): void {
    try {
      writeDurable(this.#state.file(COUNTERS_FILE), [...serialiseCounters(this.#retained)].join(""));
      this.#state.forgive(COUNTERS_FILE);
      this.#isUnwritten = false;
    } catch (error) {
      this.#isUnwritten = true;
      this.#state.note(COUNTERS_FILE, error instanceof Error ? error.message : String(error));
    }
  }
}

function restore(state: StateDirectory): RetainedCounters | undefined {
  try {
    const bytes = readBounded(state.file(COUNTERS_FILE), RETAINED_TEXT_MAX);
    if (bytes === undefined) return undefined;
    const restored = restoreCounters(new TextDecoder().decode(bytes));
    if (restored === undefined) state.note(COUNTERS_FILE, "not what was written; counting starts from zero");
    return restored;
  } catch (error) {
    state.note(COUNTERS_FILE, error instanceof Error ? error.message : String(error));
    return undefined;
  }
}
