import type { EdgeProtocol, EdgeSecurity, Reporter } from "./layout.ts";

/** One end of an edge, from the snapshot; "" where unknown. */
export interface EdgePeer {
  readonly workload: string;
  readonly namespace: string;
  /** `<trust domain>/ns/<namespace>/sa/<service account>`, without `spiffe://`. */
  readonly principal: string;
  readonly app: string;
  readonly version: string;
  /** The node it lives on; Istio's label `*_cluster`. */
  readonly cluster?: string;
}

/** The called end of an edge. */
export interface EdgeDestination extends EdgePeer {
  /** Host name of the service, the label `destination_service`. */
  readonly service: string;
  readonly serviceName: string;
  readonly serviceNamespace: string;
}

/** What tells one edge from another. Every text is from the snapshot, never from a request. */
export interface EdgeLabels {
  /** The same key always means the same labels; the first ones win. */
  readonly key: string;
  /** `both` where one hop is the caller's and the destination's at once: shown as two series, written once. */
  readonly reporter: Reporter;
  readonly source: EdgePeer;
  readonly destination: EdgeDestination;
  readonly protocol: EdgeProtocol;
  readonly security: EdgeSecurity;
}
