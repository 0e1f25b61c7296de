/** CPU that the mesh uses while nothing happens. */
import { cpuSecondsOf } from "../lib/cpu.ts";
import type { PieceContext, PieceReport } from "../lib/piece.ts";
import { startSelvedge } from "../lib/subjects.ts";

const SETTLE_MS = 5_000;
/** Long enough that one tick of 10 ms is a thirtieth of a per cent. */
const IDLE_SECONDS = 30;

/** Ten services, no request, half a minute. */
export async function idle(context: PieceContext): Promise<PieceReport> {
  const subject = await startSelvedge(context.scratch, { label: "idle", services: 10 });
  try {
    await Bun.sleep(SETTLE_MS);
    context.note(`idle: watching for ${IDLE_SECONDS} s`);
    const before = cpuSecondsOf(subject.pid);
    await Bun.sleep(IDLE_SECONDS * 1000);
    const percent = ((cpuSecondsOf(subject.pid) - before) / IDLE_SECONDS) * 100;
    return {
      rows: [
        ["state", "% of a core"],
        ["idle", percent.toFixed(3)],
      ],
      figures: [{ gate: "idle", value: percent, text: `${percent.toFixed(3)} %` }],
      raw: { percent, seconds: IDLE_SECONDS },
    };
  } finally {
    await subject.stop();
  }
}
