/** Latency at fixed rates, open loop, and what each hop adds to the direct connection. */
import type { Figure } from "../lib/gates.ts";
import { interleave, type Measured, measure } from "../lib/measure.ts";
import { openLoop } from "../lib/open-loop.ts";
import type { OpenLoopResult } from "../lib/open-loop-statistics.ts";
import type { PieceContext, PieceReport } from "../lib/piece.ts";
import { median, ratioOfPairs, showRatio, tooFewPairs } from "../lib/statistics.ts";
import { type Subject, startHaproxy, startNginx, startSelvedge } from "../lib/subjects.ts";
import { warmUp } from "../lib/warm-up.ts";

/** Requests per second. */
const GATE_RATE = 5_000;
const RATES = [GATE_RATE, 1_000, 10_000] as const;
const CONNECTIONS = 64;

/** An added p99 this close to HAProxy's meets the gate whatever the ratio. */
const NEAR_ENOUGH_US = 100;

/** A generator whose timer came this late was starved itself. */
const TICK_LATE_US = 8_000;

type Measurement = Measured<OpenLoopResult>;

/** Measures all rates with all subjects. */
export async function latency(context: PieceContext): Promise<PieceReport> {
  const starters = { haproxy: startHaproxy, nginx: startNginx, selvedge: startSelvedge } as const;
  const subjects: Subject[] = [context.origin];
  for (const [name, starter] of Object.entries(starters))
    if (!context.without.has(name)) subjects.push(await starter(context.scratch));
  const rows: string[][] = [
    ["rate", "subject", "p50 µs", "p99 µs", "p99.9 µs", "added p99 µs", "µs CPU/request", "void"],
  ];
  const figures: Figure[] = [];
  const raw: Record<string, unknown> = {};
  try {
    await warmUp(context, subjects);
    for (const rate of RATES.slice(0, context.cases)) {
      context.note(`open loop: ${rate}/s`);
      const measured = await interleave(subjects, context.rounds, async (subject) => {
        const load = {
          port: subject.httpPort,
          path: "/100",
          requestsPerSecond: rate,
          connections: CONNECTIONS,
          seconds: context.seconds,
        };
        const one = await measure(subject, () => openLoop(context.scratch, load));
        return one.void === undefined && one.result.tickP999Us > TICK_LATE_US
          ? { ...one, void: "generator starved" }
          : one;
      });
      raw[String(rate)] = Object.fromEntries(measured);
      for (const subject of subjects) rows.push(rowOf(rate, subject.name, measured));
      if (rate === GATE_RATE && measured.has("selvedge") && measured.has("haproxy")) figures.push(gateFigure(measured));
    }
  } finally {
    for (const subject of subjects) if (subject.pid !== undefined) await subject.stop();
  }
  return { rows, figures, raw };
}

function rowOf(rate: number, name: string, measured: ReadonlyMap<string, Measurement[]>): string[] {
  const all = measured.get(name) as Measurement[];
  const valid = all.filter((one) => one.void === undefined);
  const shown = valid.length > 0 ? valid : all;
  const of = (pick: (result: OpenLoopResult) => number) => Math.round(median(shown.map((one) => pick(one.result))));
  const direct = median((measured.get("direct") as Measurement[]).map((one) => one.result.p99Us));
  const cpu = median(shown.map((one) => (one.cpuSeconds * 1e6) / one.result.answered));
  return [
    `${rate.toLocaleString("en")}/s`,
    name,
    String(of((result) => result.p50Us)),
    String(of((result) => result.p99Us)),
    String(of((result) => result.p999Us)),
    name === "direct" ? "" : String(Math.round(of((result) => result.p99Us) - direct)),
    Number.isNaN(cpu) ? "" : cpu.toFixed(1),
    valid.length === all.length ? "" : `${all.length - valid.length} of ${all.length}`,
  ];
}

function gateFigure(measured: ReadonlyMap<string, Measurement[]>): Figure {
  const [ours, theirs, direct] = ["selvedge", "haproxy", "direct"].map(
    (name) => measured.get(name) as Measurement[],
  ) as [Measurement[], Measurement[], Measurement[]];
  const rounds = ours.map((_, i) => i).filter((i) => ours[i]?.void === undefined && theirs[i]?.void === undefined);
  const added = (of: Measurement[]) =>
    rounds.map((i) => Math.max(1, (of[i] as Measurement).result.p99Us - (direct[i] as Measurement).result.p99Us));
  const [a, b] = [added(ours), added(theirs)];
  const ratio = ratioOfPairs(a, b);
  const isNear = median(a) - median(b) <= NEAR_ENOUGH_US;
  return {
    gate: "p99",
    value: isNear ? Math.min(ratio.high, 1.3) : ratio.high,
    text: `${showRatio(ratio)}; ${Math.round(median(a))} against ${Math.round(median(b))} µs`,
    void: tooFewPairs(ratio),
  };
}
