import type { RequestRecord } from "../../telemetry/access-record.ts";
import type { RecordReader } from "../../telemetry/record-reader.ts";

/** Records kept in memory for `why` and `logs`. Reason: a record is about a kilobyte, and the keeper has to stay small. */
export const RECENT_RECORDS_MAX = 1024;

/** How often the rings are read while somebody watches or they fill; otherwise whoever owns this polls once a second. */
export const TAIL_BUSY_MS = 100;

/** Records read at once that make the next look come sooner: an eighth of the ring. */
const BUSY_RECORDS = 256;

export type RecordSink = (records: readonly RequestRecord[]) => void;

/** Reads finished requests from all workers' rings, in one place, and hands each to everybody who wants them. */
export class RecordTail {
  readonly #readers = new Set<RecordReader>();
  readonly #sinks = new Set<RecordSink>();
  readonly #recent: RequestRecord[] = [];
  #watchers = 0;
  #timer: Timer | undefined;
  #isStopped = false;

  add(reader: RecordReader): void {
    this.#readers.add(reader);
  }

  /** Takes what is left in it. To be called before its memory goes. */
  remove(reader: RecordReader): void {
    if (!this.#readers.delete(reader)) return;
    this.#hand(reader.read());
  }

  /** The newest ones, oldest first. */
  get recent(): readonly RequestRecord[] {
    this.poll();
    return this.#recent;
  }

  /** Hands every record from now on to `sink`, in batches, until the answered function is called. */
  subscribe(sink: RecordSink): () => void {
    this.#sinks.add(sink);
    return () => this.#sinks.delete(sink);
  }

  /** Reads often while anybody watches. Answers the function that ends it. */
  watch(): () => void {
    this.#watchers++;
    this.#arm();
    let isOver = false;
    return () => {
      if (!isOver) this.#watchers--;
      isOver = true;
    };
  }

  /** Reads now, and soon again where there was much; answers how many there were. */
  poll(): number {
    let count = 0;
    for (const reader of this.#readers) {
      const records = reader.read();
      count += records.length;
      this.#hand(records);
    }
    if (count > BUSY_RECORDS) this.#arm();
    return count;
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #hand(records: readonly RequestRecord[]): void {
    if (records.length === 0) return;
    this.#recent.push(...records);
    if (this.#recent.length > RECENT_RECORDS_MAX) this.#recent.splice(0, this.#recent.length - RECENT_RECORDS_MAX);
    for (const sink of this.#sinks) sink(records);
  }

  #arm(): void {
    if (this.#isStopped || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.poll();
      if (this.#watchers > 0) this.#arm();
    }, TAIL_BUSY_MS);
  }
}
