/** From recent history to the rows of `stat` and `edges`. Plain values: whoever prints them decides how. */
import { type ActivitySummary, summarise } from "./activity-summary.ts";
import { EdgeActivity } from "./edge-activity.ts";
import type { EdgeWindow, HistoryWindow } from "./history.ts";
import type { EdgeProtocol, EdgeSecurity } from "./layout.ts";
import type { EdgeInfo } from "./stats-source.ts";

/** What the rows of `stat` are about: the service that was called, the workload that answered, or the workload that called. */
export const STAT_KINDS = ["service", "workload", "caller"] as const;
export type StatKind = (typeof STAT_KINDS)[number];

/** A row of `stat`. */
export interface StatRow extends ActivitySummary {
  readonly kind: StatKind;
  /** "" where unknown. */
  readonly namespace: string;
  /** "" where nobody could be named. */
  readonly name: string;
  readonly tcpOpen: number;
  readonly inFlight: number;
}

/** A row of `edges`. */
export interface EdgeRow extends ActivitySummary {
  readonly source: {
    readonly namespace: string;
    readonly name: string;
    readonly principal: string;
    /** The node it ran on; "" where unknown. */
    readonly node: string;
  };
  readonly destination: {
    readonly namespace: string;
    readonly name: string;
    readonly version: string;
    readonly principal: string;
    readonly service: string;
    readonly node: string;
  };
  readonly protocol: EdgeProtocol;
  readonly security: EdgeSecurity;
  readonly tcpOpen: number;
  readonly inFlight: number;
}

interface Merged {
  readonly edge: EdgeInfo;
  readonly activity: EdgeActivity;
  tcpOpen: number;
  inFlight: number;
}

function mergeBy(edges: readonly EdgeWindow[], keyOf: (edge: EdgeInfo) => string): Merged[] {
  const merged = new Map<string, Merged>();
  for (const { edge, activity, tcpOpen, inFlight } of edges) {
    const key = keyOf(edge);
    const known = merged.get(key) ?? { edge, activity: new EdgeActivity(), tcpOpen: 0, inFlight: 0 };
    known.activity.add(activity);
    known.tcpOpen += tcpOpen;
    known.inFlight += inFlight;
    merged.set(key, known);
  }
  return [...merged.values()];
}

function nameOf(edge: EdgeInfo, kind: StatKind): { namespace: string; name: string } {
  const { source, destination } = edge;
  if (kind === "caller") return { namespace: source.namespace, name: source.workload };
  if (kind === "workload") return { namespace: destination.namespace, name: destination.workload };
  return { namespace: destination.serviceNamespace, name: destination.serviceName || destination.service };
}

const byText = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);

/** The rows of `stat`, by namespace and name. Names contain no line feed, so that one separates them in a key. */
export function statRows(window: HistoryWindow, kind: StatKind): StatRow[] {
  const merged = mergeBy(window.edges, (edge) => {
    const { namespace, name } = nameOf(edge, kind);
    return `${namespace}\n${name}`;
  });
  const rows = merged.map(({ edge, activity, tcpOpen, inFlight }) => ({
    kind,
    ...nameOf(edge, kind),
    ...summarise(activity, window.coveredMs),
    tcpOpen,
    inFlight,
  }));
  return rows.toSorted((a, b) => byText(a.namespace, b.namespace) || byText(a.name, b.name));
}

/** The rows of `edges`, busiest first. */
export function edgeRows(window: HistoryWindow): EdgeRow[] {
  const merged = mergeBy(window.edges, ({ source, destination, protocol, security }) =>
    [
      source.namespace,
      source.workload,
      source.cluster,
      destination.cluster,
      destination.namespace,
      destination.workload,
      destination.version,
      destination.service,
      protocol,
      security,
    ].join("\n"),
  );
  const rows = merged.map(({ edge, activity, tcpOpen, inFlight }): EdgeRow => {
    const { source, destination, protocol, security } = edge;
    return {
      source: {
        namespace: source.namespace,
        name: source.workload,
        principal: source.principal,
        node: source.cluster,
      },
      destination: {
        namespace: destination.namespace || destination.serviceNamespace,
        name: destination.workload || destination.serviceName || destination.service,
        version: destination.version,
        principal: destination.principal,
        service: destination.service,
        node: destination.cluster,
      },
      protocol,
      security,
      ...summarise(activity, window.coveredMs),
      tcpOpen,
      inFlight,
    };
  });
  const label = (row: EdgeRow): string => `${row.source.namespace}/${row.source.name} ${row.destination.service}`;
  return rows.toSorted((a, b) => b.rps - a.rps || b.tcpOpen - a.tcpOpen || byText(label(a), label(b)));
}
