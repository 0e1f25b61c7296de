import type { WorkloadRecord } from "../../model/snapshot.ts";
import type { EdgePeer } from "../../telemetry/edge-labels.ts";
import type { EdgeStats } from "../../telemetry/edge-stats.ts";

/** A workload of the served generation: a caller, or what stands behind an endpoint. */
export class Workload {
  readonly record: WorkloadRecord;
  readonly key: string;
  /** Edges to what it has called, by target or destination, so that a request finds its counters with one look-up. */
  readonly edges = new Map<object, EdgeStats>();
  /** The same of what it calls from other nodes, by their names: on this node such a call is reported as its destination. */
  readonly #edgesFromNodes = new Map<string, Map<object, EdgeStats>>();
  /** `x-forwarded-client-cert` lines by target, ready to be written. */
  readonly certLines = new Map<object, Buffer>();
  /** Tells whether what recognised it has changed from one generation to the next. */
  readonly selectorsText: string;

  constructor(record: WorkloadRecord) {
    this.record = record;
    this.key = record.key;
    this.selectorsText = JSON.stringify(record.selectors);
  }

  /** @param node it calls from; `""`: this one. */
  edgesFrom(node: string): Map<object, EdgeStats> {
    if (node === "") return this.edges;
    let edges = this.#edgesFromNodes.get(node);
    if (!edges) {
      edges = new Map();
      this.#edgesFromNodes.set(node, edges);
    }
    return edges;
  }

  /** Lets go of the targets of a generation that is not served any more; for who outlives generations. */
  forget(): void {
    this.edges.clear();
    this.#edgesFromNodes.clear();
    this.certLines.clear();
  }

  get peer(): EdgePeer {
    const { name, namespace, principal, app, version, node } = this.record;
    return { workload: name, namespace, principal, app, version, cluster: node };
  }
}

/** Who called without an identity. */
export const UNKNOWN_WORKLOAD = new Workload({
  kind: "workload",
  key: "",
  name: "",
  namespace: "",
  serviceAccount: "",
  principal: "",
  app: "",
  version: "",
  labels: {},
  isLocal: false,
  node: "",
  selectors: [],
  calls: null,
  policies: { deny: [], allow: [], audit: [] },
  origin: { file: "", line: 1, col: 1 },
});
