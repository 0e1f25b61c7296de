/** One endpoint taken out of rotation and back with 10,000 services loaded: how long until the data path acts on it. */
import { join } from "node:path";
import { askAdmin } from "../lib/admin.ts";
import type { PieceContext, PieceReport } from "../lib/piece.ts";
import { CORE_OF_OTHERS, GENERATOR_UID, wrapCommand } from "../lib/processes.ts";
import { median, percentile } from "../lib/statistics.ts";
import { startSelvedge } from "../lib/subjects.ts";

const SERVICES = 10_000;
const WORKLOAD = "workload/prod/orders-v1";

interface Change {
  readonly status: number;
  readonly atMs: number;
}

/** A stream of changes, with a wait for the next one. */
class Changes {
  readonly #seen: Change[] = [];
  #wake: () => void = () => {};

  async read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#seen.push(JSON.parse(line) as Change);
      this.#wake();
    }
  }

  /** When the status became this; throws when it does not within five seconds. */
  async next(status: number): Promise<number> {
    const deadline = performance.now() + 5_000;
    for (;;) {
      const found = this.#seen.shift();
      if (found?.status === status) return found.atMs;
      if (found !== undefined) continue;
      if (performance.now() > deadline) throw new Error(`the status never became ${status}`);
      await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), Bun.sleep(100)]);
    }
  }
}

/** Drains and undrains as often as there are rounds. */
export async function endpoint(context: PieceContext): Promise<PieceReport> {
  const { scratch } = context;
  context.note(`endpoint: starting with ${SERVICES} services`);
  const subject = await startSelvedge(scratch, { label: "endpoint", services: SERVICES });
  const argument = JSON.stringify({ port: subject.httpPort, host: "orders-v1.prod", path: "/100" });
  const command = [scratch.bun, "--config=/dev/null", join(scratch.generators, "status-watch-program.ts"), argument];
  const watch = Bun.spawn(wrapCommand(command, { core: CORE_OF_OTHERS, uid: GENERATOR_UID }), {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, HOME: "/nonexistent", BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" },
  });
  try {
    const changes = new Changes();
    void changes.read(watch.stdout);
    await changes.next(200);
    const times: number[] = [];
    for (let round = 0; round < Math.max(10, context.rounds); round++) {
      for (const [op, status] of [
        ["drain", 503],
        ["undrain", 200],
      ] as const) {
        const sentMs = performance.timeOrigin + performance.now();
        const done = askAdmin(String(subject.ready["admin"]), { op, endpoint: WORKLOAD });
        times.push((await changes.next(status)) - sentMs);
        await done;
      }
    }
    const text = `${median(times).toFixed(1)} ms median, ${percentile(times, 1).toFixed(1)} ms worst of ${times.length}`;
    return {
      rows: [
        [`${SERVICES.toLocaleString("en")} services`, "ms until the data path acts on it"],
        ["median", median(times).toFixed(1)],
        ["95th percentile", percentile(times, 0.95).toFixed(1)],
        ["worst", percentile(times, 1).toFixed(1)],
      ],
      figures: [{ gate: "endpoint", value: percentile(times, 0.95), text }],
      raw: { times },
    };
  } finally {
    watch.stdin.end();
    await watch.exited;
    await subject.stop();
  }
}
