import type { SnapshotRecord } from "../../model/snapshot.ts";

/**
 * The records of the generation that is served, by key. A full snapshot replaces the map, a delta edits it; either happens
 * between two requests, so no request sees half of one.
 */
export class RecordStore {
  #records = new Map<string, SnapshotRecord>();
  #generation = 0;
  /** Raised when a workload changed: what was derived from all of them is to be made anew. */
  workloadsEpoch = 0;
  /** Raised when a policy or the site changed. */
  policiesEpoch = 0;
  /** External hosts by exact name, and suffixes (`.example.com`) longest first. */
  #externalByHost = new Map<string, string>();
  #externalSuffixes: { suffix: string; key: string }[] = [];

  get generation(): number {
    return this.#generation;
  }

  get<K extends SnapshotRecord["kind"]>(kind: K, key: string): Extract<SnapshotRecord, { kind: K }> | undefined {
    const record = this.#records.get(key);
    return record?.kind === kind ? (record as Extract<SnapshotRecord, { kind: K }>) : undefined;
  }

  /** All records of one kind; walks every record, so not for the path of a request. */
  *all<K extends SnapshotRecord["kind"]>(kind: K): Generator<Extract<SnapshotRecord, { kind: K }>> {
    for (const record of this.#records.values()) {
      if (record.kind === kind) yield record as Extract<SnapshotRecord, { kind: K }>;
    }
  }

  /** The external host that a name outside the mesh stands for; `host` in lower case, without port. */
  externalFor(host: string): string | undefined {
    const exact = this.#externalByHost.get(host);
    if (exact !== undefined) return exact;
    for (const { suffix, key } of this.#externalSuffixes) {
      if (host.length > suffix.length && host.endsWith(suffix)) return key;
    }
    return undefined;
  }

  /** Takes up a whole generation. `records` belongs to the store from now on. */
  replace(generation: number, records: Map<string, SnapshotRecord>): void {
    this.#records = records;
    this.#generation = generation;
    this.workloadsEpoch++;
    this.policiesEpoch++;
    this.#indexExternals();
  }

  /** Takes up the difference to the generation that is served. */
  apply(generation: number, set: Iterable<SnapshotRecord>, deleted: Iterable<string>): void {
    const touched = new Set<SnapshotRecord["kind"] | undefined>();
    for (const key of deleted) {
      touched.add(this.#records.get(key)?.kind);
      this.#records.delete(key);
    }
    for (const record of set) {
      touched.add(record.kind);
      this.#records.set(record.key, record);
    }
    if (touched.has("workload")) this.workloadsEpoch++;
    if (touched.has("policy") || touched.has("site")) this.policiesEpoch++;
    this.#generation = generation;
    if (touched.has("external")) this.#indexExternals();
  }

  #indexExternals(): void {
    this.#externalByHost = new Map();
    this.#externalSuffixes = [];
    for (const external of this.all("external")) {
      if (external.host.startsWith("*.")) {
        this.#externalSuffixes.push({ suffix: external.host.slice(1), key: external.key });
      } else if (!this.#externalByHost.has(external.host)) this.#externalByHost.set(external.host, external.key);
    }
    this.#externalSuffixes.sort((a, b) => b.suffix.length - a.suffix.length);
  }
}
