/** What the keeper's side knows of edges and series, wherever their numbers come from. */
import type { ResponseFlag } from "../model/response-flags.ts";
import type { EdgeDestination, EdgePeer } from "./edge-labels.ts";
import type { EdgeProtocol, EdgeSecurity, Reporter } from "./layout.ts";

/** Label value of whatever found no room. */
export const OVERFLOW = "_overflow";

/** An edge, read and checked. Objects are made once per source and kept, so that they can be keys. */
export interface EdgeInfo {
  readonly index: number;
  readonly key: string;
  readonly reporter: Reporter;
  readonly source: Required<EdgePeer>;
  readonly destination: Required<EdgeDestination>;
  readonly protocol: EdgeProtocol;
  readonly security: EdgeSecurity;
  /** The edge that stands for all that found no room. */
  readonly isOverflow: boolean;
}

/** `http` counts requests with histograms, `tcp` failed connections (count only), `overflow` whatever found no room. */
export type SeriesKind = "http" | "tcp" | "overflow";

/** A series, read and checked. */
export interface SeriesInfo {
  readonly index: number;
  readonly edge: EdgeInfo;
  readonly kind: SeriesKind;
  /** 0 where there was no status. */
  readonly code: number;
  readonly flag: ResponseFlag;
  /** 0 to 16, or -1. */
  readonly grpc: number;
}

/**
 * Numbers that can be rendered, remembered and reported: a worker's region, the kept counts of dead workers, the keeper's own.
 * Every number that comes out is finite and, but for gauges, not negative.
 */
export interface StatsSource {
  /** False once its memory is gone: what it says from then on is no count, and must not be shown as one. */
  readonly isOpen: boolean;
  readonly edges: readonly EdgeInfo[];
  readonly series: readonly SeriesInfo[];
  /** A fixed counter, by position. */
  counter(position: number): number;
  /** A fixed gauge, by position; 0 where it was never set. */
  gauge(position: number): number;
  /** One of EDGE_VALUE. */
  edgeValue(edge: EdgeInfo, which: number): number;
  /** How often a series counted, without its histograms. */
  seriesCount(series: SeriesInfo): number;
  /** Copies the values of a series, see SERIES_VALUE; false when there are none any more. @param into SERIES_USED long. */
  readSeries(series: SeriesInfo, into: Float64Array): boolean;
}

const NOBODY: Required<EdgePeer> = {
  workload: OVERFLOW,
  namespace: OVERFLOW,
  principal: OVERFLOW,
  app: OVERFLOW,
  version: OVERFLOW,
  cluster: OVERFLOW,
};

/** The edge that every region has at index 0. */
export const OVERFLOW_EDGE: EdgeInfo = {
  index: 0,
  key: OVERFLOW,
  reporter: "source",
  source: NOBODY,
  destination: { ...NOBODY, service: OVERFLOW, serviceName: OVERFLOW, serviceNamespace: OVERFLOW },
  protocol: "http",
  security: "none",
  isOverflow: true,
};

/** The series that every region has at index 0. */
export const OVERFLOW_SERIES: SeriesInfo = {
  index: 0,
  edge: OVERFLOW_EDGE,
  kind: "overflow",
  code: 0,
  flag: "-",
  grpc: -1,
};
