/** CPU per request and requests per second of one hop: bodies, connections, a connection per request. */
import { join } from "node:path";
import { writeDifferingHeads } from "../lib/differing-heads.ts";
import type { Figure, GateName } from "../lib/gates.ts";
import { interleave, type Measured, measure, validPairs } from "../lib/measure.ts";
import type { PieceContext, PieceReport } from "../lib/piece.ts";
import { median, ratioOfPairs, showRatio, tooFewPairs } from "../lib/statistics.ts";
import { type Subject, startHaproxy, startNginx, startSelvedge } from "../lib/subjects.ts";
import { warmUp } from "../lib/warm-up.ts";
import { type ClosedLoop, type ClosedLoopResult, closedLoop } from "../lib/wrk.ts";

interface Case extends Pick<ClosedLoop, "path" | "connections" | "isConnectionPerRequest"> {
  readonly title: string;
  /** The gate it is about; such a case gets every round, the rest of the field is mapped with fewer. */
  readonly gate?: GateName;
  readonly hasDifferingHeads?: boolean;
}

/** Those with a gate come first. */
const CASES: readonly Case[] = [
  { title: "100 B, 64 connections", path: "/100", connections: 64, gate: "oneHopCpu" },
  {
    title: "100 B, 64 connections, 800 B heads, no two alike",
    path: "/100",
    connections: 64,
    gate: "oneHopCpuDiffering",
    hasDifferingHeads: true,
  },
  { title: "0 B, 64 connections", path: "/0", connections: 64 },
  { title: "1 KiB, 64 connections", path: "/1k", connections: 64 },
  { title: "10 KiB, 64 connections", path: "/10k", connections: 64 },
  { title: "100 KiB, 64 connections", path: "/100k", connections: 64 },
  { title: "1 MiB, 16 connections", path: "/1m", connections: 16 },
  { title: "100 B, 1 connection", path: "/100", connections: 1 },
  { title: "100 B, 8 connections", path: "/100", connections: 8 },
  { title: "100 B, 256 connections", path: "/100", connections: 256 },
  { title: "100 B, 1,000 connections", path: "/100", connections: 1000 },
  { title: "100 B, a connection per request", path: "/100", connections: 64, isConnectionPerRequest: true },
];

type Measurement = Measured<ClosedLoopResult>;

const cpuUsPerRequest = (measured: Measurement) => (measured.cpuSeconds * 1e6) / measured.result.requests;

/** Starts everything that forwards, measures in turns, stops everything. */
export async function oneHop(context: PieceContext): Promise<PieceReport> {
  const subjects = await startAll(context);
  const rows: string[][] = [
    ["case", "subject", "requests/s", "µs CPU/request", "÷ haproxy (95 %)", "others busy", "void"],
  ];
  const figures: Figure[] = [];
  const raw: Record<string, unknown> = {};
  try {
    await warmUp(context, subjects);
    for (const one of CASES.slice(0, context.cases)) {
      context.note(`one hop: ${one.title}`);
      const script = one.hasDifferingHeads === true ? scriptFor(context, one.path) : {};
      const run = (subject: Subject) =>
        measure(subject, () => closedLoop({ ...one, ...script, port: subject.httpPort, seconds: context.seconds }));
      const rounds = one.gate !== undefined ? context.rounds : Math.max(2, Math.ceil(context.rounds / 4));
      const measured = await interleave(subjects, rounds, run);
      raw[one.title] = Object.fromEntries(measured);
      for (const subject of subjects) rows.push(rowOf(one.title, subject.name, measured));
      const isComplete = measured.has("selvedge") && measured.has("haproxy");
      if (one.gate !== undefined && isComplete) figures.push(gateFigure(one.gate, measured));
    }
  } finally {
    for (const subject of subjects) if (subject.pid !== undefined) await subject.stop();
  }
  return { rows, figures, raw };
}

function scriptFor(context: PieceContext, path: string): { script: string } {
  const script = join(context.scratch.generators, "differing-heads.lua");
  writeDifferingHeads(script, path);
  return { script };
}

async function startAll(context: PieceContext): Promise<Subject[]> {
  const subjects: Subject[] = [context.origin];
  const starters = { haproxy: startHaproxy, nginx: startNginx, selvedge: startSelvedge } as const;
  for (const [name, starter] of Object.entries(starters))
    if (!context.without.has(name)) subjects.push(await starter(context.scratch));
  return subjects;
}

function rowOf(title: string, name: string, measured: ReadonlyMap<string, Measurement[]>): string[] {
  const all = measured.get(name) as Measurement[];
  const valid = all.filter((one) => one.void === undefined);
  const shown = valid.length > 0 ? valid : all;
  const against = measured.get("haproxy");
  const ratio = against === undefined ? undefined : ratioOfPairs(...validPairs(all, against, cpuUsPerRequest));
  const cpu = median(shown.map(cpuUsPerRequest));
  return [
    title,
    name,
    Math.round(median(shown.map((one) => one.result.requestsPerSecond))).toLocaleString("en"),
    Number.isNaN(cpu) ? "" : cpu.toFixed(1),
    ratio === undefined || name === "haproxy" || name === "direct" ? "" : showRatio(ratio),
    `${Math.round(median(shown.map((one) => one.busyOthers)) * 100)} %`,
    valid.length === all.length ? "" : `${all.length - valid.length} of ${all.length}`,
  ];
}

function gateFigure(gate: GateName, measured: ReadonlyMap<string, Measurement[]>): Figure {
  const [ours, theirs] = validPairs(
    measured.get("selvedge") as Measurement[],
    measured.get("haproxy") as Measurement[],
    cpuUsPerRequest,
  );
  const ratio = ratioOfPairs(ours, theirs);
  return { gate, value: ratio.high, text: showRatio(ratio), void: tooFewPairs(ratio) };
}
