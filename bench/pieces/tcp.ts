/** The TCP relay: Gbit/s and CPU per gigabyte through HAProxy and Selvedge, from iperf3 to its server. */

import { findProgram } from "../../tools/find-program.ts";
import type { GateName } from "../lib/gates.ts";
import { interleave, type Measured, measure, validPairs } from "../lib/measure.ts";
import type { PieceContext, PieceReport } from "../lib/piece.ts";
import { CORE_OF_OTHERS, GENERATOR_UID, runToEnd, start, stop, untilListening } from "../lib/processes.ts";
import { median, ratioOfPairs, showRatio, tooFewPairs } from "../lib/statistics.ts";
import { SINK_PORT, type Subject, startHaproxy, startSelvedge } from "../lib/subjects.ts";

/** Streams at a time. */
const STREAMS = 4;

interface TcpResult {
  readonly gbitPerSecond: number;
  readonly bytes: number;
  readonly errors: number;
}

/** Reads iperf3's JSON. Throws with its own error where there is one. */
export function parseIperf(text: string): TcpResult {
  const json = JSON.parse(text) as {
    error?: string;
    end?: { sum_received?: { bits_per_second: number; bytes: number } };
  };
  const sum = json.end?.sum_received;
  if (json.error !== undefined || sum === undefined) throw new Error(`iperf3: ${json.error ?? "no summary"}`);
  return { gbitPerSecond: sum.bits_per_second / 1e9, bytes: sum.bytes, errors: 0 };
}

/** Measures all relays in turns. */
export function tcp(context: PieceContext): Promise<PieceReport> {
  return relays(context, { gate: "tcpRelay", against: "haproxy" }, async () => {
    const subjects: Subject[] = [context.origin];
    if (!context.without.has("haproxy")) subjects.push(await startHaproxy(context.scratch));
    if (!context.without.has("selvedge")) subjects.push(await startSelvedge(context.scratch, { sinkPort: SINK_PORT }));
    return subjects;
  });
}

/** What a comparison of relays is about, and whom `selvedge` is compared with. */
export interface RelayGate {
  readonly gate: GateName;
  readonly against: string;
}

/** Starts a sink and the relays in front of it, measures, stops all. */
export async function relays(
  context: PieceContext,
  gate: RelayGate,
  startAll: () => Promise<readonly Subject[]>,
): Promise<PieceReport> {
  const iperf = findProgram("iperf3");
  if (iperf === undefined) throw new Error("iperf3 is missing; run scripts/install-test-packages.sh");
  const sink = start([iperf, "-s", "-p", String(SINK_PORT), "-B", "127.0.0.1"], { core: CORE_OF_OTHERS });
  let subjects: readonly Subject[] = [];
  try {
    await untilListening(SINK_PORT);
    subjects = await startAll();
    const measured = await interleave(subjects, context.rounds, (subject) => {
      context.note(`TCP relay: ${subject.name}`);
      return measure(subject, () => runIperf(iperf, subject, context.seconds));
    });
    return report(subjects, measured, gate);
  } finally {
    for (const subject of subjects) if (subject.pid !== undefined) await subject.stop();
    await stop(sink);
  }
}

async function runIperf(iperf: string, subject: Subject, seconds: number): Promise<TcpResult> {
  const { hostname, port } = subject.tcp as { hostname: string; port: number };
  const command = [iperf, "-c", hostname, "-p", String(port), "-P", String(STREAMS), "-t", String(seconds), "-J"];
  return parseIperf(await runToEnd(command, { core: CORE_OF_OTHERS, uid: GENERATOR_UID }));
}

function report(
  subjects: readonly Subject[],
  measured: ReadonlyMap<string, Measured<TcpResult>[]>,
  { gate, against }: RelayGate,
): PieceReport {
  const rows: string[][] = [["subject", "Gbit/s", "CPU s/GB", "others busy"]];
  for (const { name } of subjects) {
    const all = measured.get(name) as Measured<TcpResult>[];
    const cpu = median(all.map((one) => one.cpuSeconds / (one.result.bytes / 1e9)));
    rows.push([
      name,
      median(all.map((one) => one.result.gbitPerSecond)).toFixed(1),
      Number.isNaN(cpu) ? "" : cpu.toFixed(2),
      `${Math.round(median(all.map((one) => one.busyOthers)) * 100)} %`,
    ]);
  }
  const [ours, theirs] = [measured.get("selvedge"), measured.get(against)];
  if (ours === undefined || theirs === undefined) return { rows, figures: [], raw: Object.fromEntries(measured) };
  // Sender and receiver share a core and may be the limit for both relays; that can only bring the ratio closer to one,
  // so these rounds are kept and the table shows how busy that core was.
  const all = (of: Measured<TcpResult>[]) => of.map((one) => ({ ...one, void: undefined }));
  const ratio = ratioOfPairs(...validPairs(all(ours), all(theirs), (one) => one.result.gbitPerSecond));
  return {
    rows,
    figures: [{ gate, value: ratio.low, text: showRatio(ratio), void: tooFewPairs(ratio) }],
    raw: Object.fromEntries(measured),
  };
}
