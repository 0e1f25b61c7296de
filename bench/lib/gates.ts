/** What must be reached, and how one figure stands against it. */

export interface Gate {
  readonly title: string;
  readonly gate: number;
  readonly moonshot: number;
  readonly unit: string;
  /** Larger is better; default: smaller. */
  readonly isLargerBetter?: boolean;
}

export const GATES = {
  oneHopCpu: { title: "one hop, everything on, CPU per request ÷ HAProxy's", gate: 1, moonshot: 0.8, unit: "x" },
  oneHopCpuDiffering: {
    title: "the same with heads of 800 bytes, no two alike",
    gate: 1,
    moonshot: 0.8,
    unit: "x",
  },
  twoHopsSmall: {
    title: "two hops mTLS, small heads, CPU per request of both ends ÷ HAProxy's with HTTP/2 between",
    gate: 0.9,
    moonshot: 0.65,
    unit: "x",
  },
  twoHopsReal: { title: "two hops mTLS, real heads ÷ HTTP/2 between", gate: 0.9, moonshot: 0.65, unit: "x" },
  twoHopsUsers: {
    title: "two hops mTLS, real heads, 500 users' cookies and tokens ÷ HTTP/2 between",
    gate: 1,
    moonshot: 0.75,
    unit: "x",
  },
  twoHopsSmallH1: {
    title: "two hops mTLS, small heads, CPU per request ÷ HAProxy's with HTTP/1.1 between",
    gate: 0.55,
    moonshot: 0.4,
    unit: "x",
  },
  twoHopsRealH1: { title: "two hops mTLS, real heads ÷ HTTP/1.1 between", gate: 0.55, moonshot: 0.4, unit: "x" },
  wireBytes: {
    title: "bytes between the nodes per small request ÷ HTTP/1.1 over TLS",
    gate: 0.35,
    moonshot: 0.25,
    unit: "x",
  },
  grpcUnary: {
    title: "gRPC unary, two hops mTLS, CPU per call ÷ HAProxy's with HTTP/2 between",
    gate: 1,
    moonshot: 0.6,
    unit: "x",
  },
  tunnelTcp: {
    title: "TCP through two hops mTLS, Gbit/s ÷ HAProxy's",
    gate: 0.9,
    moonshot: 1.1,
    unit: "x",
    isLargerBetter: true,
  },
  tunnelIdle: { title: "the called worker's memory per idle mTLS connection", gate: 20, moonshot: 10, unit: "KB" },
  attackedP99: {
    title: "p99 of others under each attack of the HTTP/2 pack ÷ without",
    gate: 1.2,
    moonshot: 1.05,
    unit: "x",
  },
  p99: { title: "added p99 at 5,000 requests/s open loop ÷ HAProxy's", gate: 1.3, moonshot: 1, unit: "x" },
  tcpRelay: { title: "TCP relay, Gbit/s ÷ HAProxy's", gate: 0.9, moonshot: 1.1, unit: "x", isLargerBetter: true },
  memoryIdle: { title: "whole mesh with 10 services, PSS idle", gate: 64, moonshot: 40, unit: "MiB" },
  memoryLoaded: { title: "the same after 5,000 requests/s on 1,000 connections", gate: 96, moonshot: 64, unit: "MiB" },
  growth: { title: "CPU per request with 10,000 routes and rules ÷ with 10", gate: 1.05, moonshot: 1.02, unit: "x" },
  endpoint: {
    title: "endpoint change with 10,000 services until the data path uses it",
    gate: 20,
    moonshot: 2,
    unit: "ms",
  },
  startup: { title: "start to first request served, warm state directory", gate: 300, moonshot: 100, unit: "ms" },
  idle: { title: "idle CPU of a core", gate: 0.3, moonshot: 0.05, unit: "%" },
  stalledReader: { title: "memory per reader stalled in the middle of 1 GiB", gate: 2, moonshot: 0.5, unit: "MiB" },
  bulk: { title: "memory over idle while bulk flows to 20 readers", gate: 64, moonshot: 16, unit: "MiB" },
} as const satisfies Record<string, Gate>;

export type GateName = keyof typeof GATES;

/** One figure that a gate is about. */
export interface Figure {
  readonly gate: GateName;
  /** The value, or the worse end of its interval where there is one: that end must meet the gate. */
  readonly value: number;
  /** How it is shown: value, interval, comparison. */
  readonly text: string;
  /** Why it does not count, or `undefined`. */
  readonly void?: string | undefined;
}

/** `moonshot`, `met`, `missed by N %`, or `void: reason`. */
export function verdictOf(figure: Figure): string {
  const gate: Gate = GATES[figure.gate];
  if (figure.void !== undefined) return `void: ${figure.void}`;
  if (Number.isNaN(figure.value)) return "void: no valid pair";
  const isMet = (limit: number) => (gate.isLargerBetter === true ? figure.value >= limit : figure.value <= limit);
  if (isMet(gate.moonshot)) return "moonshot";
  if (isMet(gate.gate)) return "met";
  return `missed by ${Math.abs((figure.value / gate.gate - 1) * 100).toFixed(0)} %`;
}
