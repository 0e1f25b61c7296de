/** What the whole mesh weighs with ten services: idle, and after load on a thousand connections. */
import { pssBytesOf } from "../lib/cpu.ts";
import { openLoop } from "../lib/open-loop.ts";
import type { PieceContext, PieceReport } from "../lib/piece.ts";
import { startSelvedge } from "../lib/subjects.ts";

const SERVICES = 10;
const SETTLE_MS = 5_000;
const LOAD = { path: "/100", requestsPerSecond: 5_000, connections: 1_000 } as const;

const mib = (bytes: number) => bytes / 2 ** 20;

/** Just started, idle after settling, then while a thousand connections are open under load, then after it. */
export async function memory(context: PieceContext): Promise<PieceReport> {
  const subject = await startSelvedge(context.scratch, { label: "memory", services: SERVICES });
  try {
    const starting = mib(pssBytesOf(subject.pid));
    await Bun.sleep(SETTLE_MS);
    const idle = mib(pssBytesOf(subject.pid));
    context.note(`memory: ${idle.toFixed(1)} MiB idle; loading`);
    let peak = 0;
    const timer = setInterval(() => {
      peak = Math.max(peak, mib(pssBytesOf(subject.pid)));
    }, 500);
    const load = await openLoop(context.scratch, {
      ...LOAD,
      port: subject.httpPort,
      seconds: Math.max(10, context.seconds * 2),
    });
    clearInterval(timer);
    const loaded = mib(pssBytesOf(subject.pid));
    const isVoid = load.errors > 0 ? `${load.errors} errors` : undefined;
    return {
      rows: [
        ["state", "PSS MiB"],
        ["just started, with all of the runtime's code that starting touched", starting.toFixed(1)],
        ["idle", idle.toFixed(1)],
        ["highest under load", peak.toFixed(1)],
        ["after load", loaded.toFixed(1)],
      ],
      figures: [
        { gate: "memoryIdle", value: idle, text: `${idle.toFixed(1)} MiB` },
        {
          gate: "memoryLoaded",
          value: Math.max(peak, loaded),
          text: `${Math.max(peak, loaded).toFixed(1)} MiB`,
          void: isVoid,
        },
      ],
      raw: { starting, idle, peak, loaded, load },
    };
  } finally {
    await subject.stop();
  }
}
