/** gRPC's unary calls over two hops with mutual TLS in between: CPU of both ends per call. */
import { join } from "node:path";
import type { Figure } from "../lib/gates.ts";
import { grpcCalls } from "../lib/h2load.ts";
import { interleave, type Measured, measure, validPairs } from "../lib/measure.ts";
import { GRPC_ORIGIN_PORT, type PairSubject, startHaproxyPair, startSelvedgePair } from "../lib/pairs.ts";
import type { PieceContext, PieceReport } from "../lib/piece.ts";
import { CORE_OF_OTHERS, start, stop, untilListening } from "../lib/processes.ts";
import { median, ratioOfPairs, showRatio, tooFewPairs } from "../lib/statistics.ts";
import type { ClosedLoopResult } from "../lib/wrk.ts";

interface Case {
  readonly connections: number;
  readonly streams: number;
}

/** The first is what the gate is about. */
const CASES: readonly Case[] = [
  { connections: 8, streams: 8 },
  { connections: 1, streams: 1 },
  { connections: 1, streams: 64 },
];

/** As for two hops. */
const WARM_UP_SECONDS = 12;

type Measurement = Measured<ClosedLoopResult>;

const cpuUsPerCall = (measured: Measurement) => (measured.cpuSeconds * 1e6) / measured.result.requests;

/** Measures all cases with both pairs in turns. */
export async function tunnelGrpc(context: PieceContext): Promise<PieceReport> {
  const program = join(import.meta.dir, "../lib/grpc-origin-program.ts");
  const origin = start([process.execPath, "--config=/dev/null", program, String(GRPC_ORIGIN_PORT)], {
    core: CORE_OF_OTHERS,
  });
  const pairs: PairSubject[] = [];
  const rows: string[][] = [["case", "pair", "calls/s", "µs CPU/call", "÷ haproxy h2", "others busy", "void"]];
  const figures: Figure[] = [];
  const raw: Record<string, unknown> = {};
  try {
    await untilListening(GRPC_ORIGIN_PORT);
    if (!context.without.has("haproxy h2")) pairs.push(await startHaproxyPair(context.scratch, "h2"));
    if (!context.without.has("selvedge")) pairs.push(await startSelvedgePair(context.scratch));
    for (const pair of pairs) await call(context, pair, { connections: 8, streams: 8 }, WARM_UP_SECONDS);
    for (const [at, one] of CASES.slice(0, context.cases).entries()) {
      const title = `${one.connections} x ${one.streams} calls at once`;
      context.note(`gRPC over two hops: ${title}`);
      const rounds = at === 0 ? context.rounds : Math.max(2, Math.ceil(context.rounds / 4));
      const measured = await interleave(pairs, rounds, (pair) =>
        measure(pair, () => call(context, pair as PairSubject, one, context.seconds)),
      );
      raw[title] = Object.fromEntries(measured);
      for (const { name } of pairs) rows.push(rowOf(title, name, measured));
      const ratio = ratioIn(measured);
      if (at === 0 && ratio !== undefined)
        figures.push({ gate: "grpcUnary", value: ratio.high, text: showRatio(ratio), void: tooFewPairs(ratio) });
    }
  } finally {
    for (const pair of pairs) await pair.stop();
    await stop(origin);
  }
  return { rows, figures, raw };
}

function call(context: PieceContext, pair: PairSubject, one: Case, seconds: number): Promise<ClosedLoopResult> {
  return grpcCalls(context.scratch, { ...pair.grpc, ...one, seconds });
}

function ratioIn(measured: ReadonlyMap<string, Measurement[]>) {
  const [ours, theirs] = [measured.get("selvedge"), measured.get("haproxy h2")];
  return ours === undefined || theirs === undefined
    ? undefined
    : ratioOfPairs(...validPairs(ours, theirs, cpuUsPerCall));
}

function rowOf(title: string, name: string, measured: ReadonlyMap<string, Measurement[]>): string[] {
  const all = measured.get(name) as Measurement[];
  const valid = all.filter((one) => one.void === undefined);
  const shown = valid.length > 0 ? valid : all;
  const ratio = name === "selvedge" ? ratioIn(measured) : undefined;
  return [
    title,
    name,
    Math.round(median(shown.map((one) => one.result.requestsPerSecond))).toLocaleString("en"),
    median(shown.map(cpuUsPerCall)).toFixed(1),
    ratio === undefined ? "" : showRatio(ratio),
    `${Math.round(median(shown.map((one) => one.busyOthers)) * 100)} %`,
    valid.length === all.length ? "" : `${all.length - valid.length} of ${all.length}`,
  ];
}
