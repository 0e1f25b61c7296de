/** What connections between nodes weigh at the called end while nothing is on them. */

import type { VisitResult } from "../../test/support/visitors/tunnel-visitor-program.ts";
import { calledWorker } from "../lib/called-worker.ts";
import { ownBytesOf, pssBytesOf } from "../lib/cpu.ts";
import { startSelvedgePair } from "../lib/pairs.ts";
import type { PieceContext, PieceReport } from "../lib/piece.ts";
import { type Visitors, visitors } from "../lib/visitors.ts";

/** Below what is accepted from one node (60) and in all (256), with the pair's own. */
const NODES = ["guest-1", "guest-2", "guest-3", "guest-4"] as const;
const CONNECTIONS_PER_NODE = 50;
const CONNECTIONS = NODES.length * CONNECTIONS_PER_NODE;
/** Each address may begin 64 at once: nobody has to wait for the gate. */
const ADDRESSES = Array.from({ length: 16 }, (_, at) => `127.0.1.${at + 1}`);
const PER_SECOND = 50;
/** A worker notices within seven seconds that it has become quiet, and gives back what nobody uses; what it has not by then counts. */
const SETTLE_MS = 8_000;

/** Weighs the called worker with none, and with 50 more four times over. */
export async function tunnelIdle(context: PieceContext): Promise<PieceReport> {
  const pair = await startSelvedgePair(context.scratch, { visitors: NODES }, "visited");
  const held: Visitors[] = [];
  try {
    const worker = calledWorker(pair);
    const order = { addresses: ADDRESSES, perSecond: PER_SECOND };
    context.note(`tunnel idle: ${CONNECTIONS} connections one after the other`);
    // What the first handshakes leave behind once and for all (compiled code, a larger heap) belongs to no connection.
    const first = await visitors(pair, { ...order, mode: "churn", nodes: NODES, connections: CONNECTIONS });
    await first.stop();
    const weights = [await weigh(worker)];
    for (const node of NODES) {
      context.note(`tunnel idle: ${CONNECTIONS_PER_NODE} of ${node}`);
      held.push(await visitors(pair, { ...order, mode: "hold", nodes: [node], connections: CONNECTIONS_PER_NODE }));
      weights.push(await weigh(worker));
    }
    const up = held.reduce((sum, one) => sum + one.result.up, 0);
    const nodeBytes = pssBytesOf(pair.alsoPid ?? pair.pid);
    await Promise.all(held.splice(0).map((one) => one.stop()));
    const after = await weigh(worker);
    return report(weights, { up, after, nodeBytes, first: first.result });
  } finally {
    for (const one of held) await one.stop();
    await pair.stop();
  }
}

function report(
  weights: readonly number[],
  more: { readonly up: number; readonly after: number; readonly nodeBytes: number; readonly first: VisitResult },
): PieceReport {
  const [none = 0] = weights;
  const most = weights.at(-1) ?? 0;
  const each = (most - none) / CONNECTIONS / 1000;
  const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
  return {
    rows: [
      ["idle connections", "memory of the called worker without code, MiB", "KB each"],
      ...weights.map((bytes, step) => {
        const count = step * CONNECTIONS_PER_NODE;
        return [String(count), mib(bytes), count === 0 ? "" : ((bytes - none) / count / 1000).toFixed(1)];
      }),
      ["all closed", mib(more.after), ""],
    ],
    figures: [
      {
        gate: "tunnelIdle",
        value: each,
        text: `${each.toFixed(1)} KB`,
        void: more.up < CONNECTIONS ? `only ${more.up} of ${CONNECTIONS} came up` : undefined,
      },
    ],
    raw: { weights, ...more },
  };
}

async function weigh(pid: number): Promise<number> {
  await Bun.sleep(SETTLE_MS);
  return ownBytesOf(pid);
}
