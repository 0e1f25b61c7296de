/** From the start of the process to the first request served, with a warm state directory. */
import type { PieceContext, PieceReport } from "../lib/piece.ts";
import { median, percentile } from "../lib/statistics.ts";
import { startSelvedge } from "../lib/subjects.ts";

/** Starts cold once, then warm as often as there are rounds. */
export async function startup(context: PieceContext): Promise<PieceReport> {
  const times: number[] = [];
  const cold = await oneStart(context, false);
  for (let round = 0; round < Math.max(5, context.rounds); round++) times.push(await oneStart(context, true));
  const text = `${median(times).toFixed(0)} ms median, ${percentile(times, 1).toFixed(0)} ms worst of ${times.length}`;
  return {
    rows: [
      ["start", "ms to the first request served"],
      ["cold", cold.toFixed(0)],
      ["warm, median", median(times).toFixed(0)],
      ["warm, worst", percentile(times, 1).toFixed(0)],
    ],
    figures: [{ gate: "startup", value: percentile(times, 0.95), text }],
    raw: { cold, times },
  };
}

async function oneStart(context: PieceContext, isWarm: boolean): Promise<number> {
  const startedAt = performance.now();
  const subject = await startSelvedge(context.scratch, { label: "startup", isWarm });
  try {
    const spentCopyingMs = performance.now() - startedAt - subject.readyMs;
    const response = await fetch(`http://127.0.0.1:${subject.httpPort}/100`, { headers: { Host: "orders.prod" } });
    await response.arrayBuffer();
    // This harness is not the workload `web`: it is refused, which is an answer of the data path all the same.
    if (response.status !== 403 && response.status !== 200) throw new Error(`first request: status ${response.status}`);
    return performance.now() - startedAt - spentCopyingMs;
  } finally {
    await subject.stop();
  }
}
