/** Two hops with mutual TLS in between: CPU of both ends per request, and bytes on the wire. */
import { join } from "node:path";
import { writeDifferingHeads } from "../lib/differing-heads.ts";
import type { Figure, GateName } from "../lib/gates.ts";
import { interleave, type Measured, measure, validPairs } from "../lib/measure.ts";
import { type PairSubject, startHaproxyPair, startSelvedgePair } from "../lib/pairs.ts";
import type { PieceContext, PieceReport } from "../lib/piece.ts";
import { median, ratioOfPairs, showRatio, tooFewPairs } from "../lib/statistics.ts";
import { wireBetween, wireTo } from "../lib/wire-bytes.ts";
import { type ClosedLoopResult, closedLoop } from "../lib/wrk.ts";

/** Heads of requests: 60 bytes; or 800, ids changing each time, of one user or of many in turn. */
type Heads = "small" | "real" | "500 users";

interface Case {
  readonly heads: Heads;
  readonly connections: number;
  /** Gates against HAProxy with HTTP/2 and with HTTP/1.1 in between; such a case gets every round. */
  readonly gates?: { readonly h2?: GateName; readonly h1?: GateName };
}

const CASES: readonly Case[] = [
  { heads: "small", connections: 64, gates: { h2: "twoHopsSmall", h1: "twoHopsSmallH1" } },
  { heads: "real", connections: 64, gates: { h2: "twoHopsReal", h1: "twoHopsRealH1" } },
  { heads: "500 users", connections: 64, gates: { h2: "twoHopsUsers" } },
  ...[1, 8, 256].flatMap((connections) => [
    { heads: "small" as const, connections },
    { heads: "real" as const, connections },
  ]),
];

interface Crossed extends ClosedLoopResult {
  /** Bytes between the ends per request, TLS included; with what TCP/IP adds. */
  readonly wireBytes: number;
  readonly wireBytesAll: number;
}

type Measurement = Measured<Crossed>;

const cpuUsPerRequest = (measured: Measurement) => (measured.cpuSeconds * 1e6) / measured.result.requests;

/** Starts all pairs, measures in turns, stops them. */
export async function twoHops(context: PieceContext): Promise<PieceReport> {
  const pairs = await startPairs(context);
  const rows: string[][] = [
    [
      "case",
      "pair",
      "requests/s",
      "µs CPU/request",
      "÷ haproxy h2",
      "÷ haproxy h1",
      "B/request",
      "others busy",
      "void",
    ],
  ];
  const figures: Figure[] = [];
  const raw: Record<string, unknown> = {};
  try {
    const warm = new Set<Heads>();
    for (const one of CASES.slice(0, context.cases)) {
      if (!warm.has(one.heads)) await warmUp(context, pairs, one.heads);
      warm.add(one.heads);
      const title = `${one.heads} heads, ${one.connections} ${one.connections === 1 ? "connection" : "connections"}`;
      context.note(`two hops: ${title}`);
      const rounds = one.gates === undefined ? Math.max(2, Math.ceil(context.rounds / 4)) : context.rounds;
      const run = (pair: PairSubject) => measure(pair, () => cross(context, pair, one));
      const measured = (await interleave(pairs, rounds, (subject) => run(subject as PairSubject))) as Results;
      raw[title] = Object.fromEntries(measured);
      for (const { name } of pairs) rows.push(rowOf(title, name, measured));
      figures.push(...figuresOf(one, measured));
    }
  } finally {
    for (const pair of pairs) await pair.stop();
  }
  return { rows, figures, raw };
}

/** Long enough for a just-in-time compiler to be through with the path of such a request at both ends, which share a core. */
const WARM_UP_SECONDS = 12;

async function warmUp(context: PieceContext, pairs: readonly PairSubject[], heads: Heads): Promise<void> {
  for (const pair of pairs) {
    context.note(`warming up ${pair.name}, ${heads} heads`);
    const load = { port: pair.httpPort, path: "/100", connections: 64, ...scriptFor(context, heads) };
    await closedLoop({ ...load, seconds: pair.name === "selvedge" ? WARM_UP_SECONDS : 2 });
  }
}

type Results = ReadonlyMap<string, Measurement[]>;

async function startPairs(context: PieceContext): Promise<PairSubject[]> {
  const pairs: PairSubject[] = [];
  const wants = (name: string) => !context.without.has(name);
  if (wants("haproxy h2")) pairs.push(await startHaproxyPair(context.scratch, "h2"));
  if (wants("haproxy h1")) pairs.push(await startHaproxyPair(context.scratch, "http/1.1"));
  if (wants("selvedge")) pairs.push(await startSelvedgePair(context.scratch));
  return pairs;
}

async function cross(context: PieceContext, pair: PairSubject, one: Case): Promise<Crossed> {
  const before = wireTo(pair.tunnel);
  const result = await closedLoop({
    port: pair.httpPort,
    path: "/100",
    connections: one.connections,
    seconds: context.seconds,
    ...scriptFor(context, one.heads),
  });
  const { content, all } = wireBetween(before, wireTo(pair.tunnel));
  return { ...result, wireBytes: content / result.requests, wireBytesAll: all / result.requests };
}

function scriptFor(context: PieceContext, heads: Heads): { script?: string } {
  if (heads === "small") return {};
  const users = heads === "real" ? 1 : 500;
  const script = join(context.scratch.generators, `heads-of-${users}.lua`);
  writeDifferingHeads(script, "/100", users);
  return { script };
}

/** The ratio of one pair to another. */
function ratioTo(measured: Results, name: string, against: string, cost: (measured: Measurement) => number) {
  const [a, b] = [measured.get(name), measured.get(against)];
  return a === undefined || b === undefined ? undefined : ratioOfPairs(...validPairs(a, b, cost));
}

function rowOf(title: string, name: string, measured: Results): string[] {
  const all = measured.get(name) as Measurement[];
  const valid = all.filter((one) => one.void === undefined);
  const shown = valid.length > 0 ? valid : all;
  const against = (other: string) => {
    const ratio = name === "selvedge" ? ratioTo(measured, name, other, cpuUsPerRequest) : undefined;
    return ratio === undefined ? "" : showRatio(ratio);
  };
  return [
    title,
    name,
    Math.round(median(shown.map((one) => one.result.requestsPerSecond))).toLocaleString("en"),
    median(shown.map(cpuUsPerRequest)).toFixed(1),
    against("haproxy h2"),
    against("haproxy h1"),
    Math.round(median(shown.map((one) => one.result.wireBytes))).toString(),
    `${Math.round(median(shown.map((one) => one.busyOthers)) * 100)} %`,
    valid.length === all.length ? "" : `${all.length - valid.length} of ${all.length}`,
  ];
}

function figuresOf({ heads, connections, gates }: Case, measured: Results): Figure[] {
  const figures: Figure[] = [];
  const add = (gate: GateName | undefined, against: string, cost: (measured: Measurement) => number) => {
    const ratio = gate === undefined ? undefined : ratioTo(measured, "selvedge", against, cost);
    if (gate === undefined || ratio === undefined) return;
    figures.push({ gate, value: ratio.high, text: showRatio(ratio), void: tooFewPairs(ratio) });
  };
  add(gates?.h2, "haproxy h2", cpuUsPerRequest);
  add(gates?.h1, "haproxy h1", cpuUsPerRequest);
  if (heads === "small" && connections === 64) add("wireBytes", "haproxy h1", (one) => one.result.wireBytes);
  return figures;
}
