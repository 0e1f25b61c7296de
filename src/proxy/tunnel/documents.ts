import type { NodeRecord } from "../../model/snapshot.ts";
import type { RecordStore } from "../mesh/store.ts";
import { Placements } from "./placements.ts";

/** What the served documents say about nodes: who they are, where they are, and what runs on them. */
export class TunnelDocuments {
  readonly #store: RecordStore;
  #remote = new Map<string, NodeRecord>();
  #addresses: ReadonlySet<string> = new Set();
  #placements: Placements | null = null;
  #workloadsEpoch = -1;
  trustDomain = "";
  /** Name of this node. */
  node = "";

  constructor(store: RecordStore) {
    this.#store = store;
  }

  /** Call after every change of the store. */
  commit(): void {
    const site = this.#store.get("site", "site");
    this.trustDomain = site?.trustDomain ?? "";
    this.node = site?.node ?? "";
    this.#remote = new Map();
    for (const record of this.#store.all("node")) {
      if (!record.isLocal && record.name !== this.node) this.#remote.set(record.name, record);
    }
    this.#addresses = new Set([...this.#remote.values()].map(({ hostname }) => hostname ?? ""));
    if (this.#workloadsEpoch !== this.#store.workloadsEpoch) this.#placements = null;
    this.#workloadsEpoch = this.#store.workloadsEpoch;
  }

  /** The other nodes, by name. */
  get remote(): ReadonlyMap<string, NodeRecord> {
    return this.#remote;
  }

  /** Whether a node of this name may be at the other end of a tunnel: one of the site's, and not this one. */
  readonly isRegistered = (node: string): boolean => this.#remote.has(node);

  /** Whether the documents name this IP address as a node's. */
  isKnownAddress(address: string): boolean {
    return this.#addresses.has(address);
  }

  get placements(): Placements {
    this.#placements ??= new Placements(this.#store.all("workload"));
    return this.#placements;
  }
}
