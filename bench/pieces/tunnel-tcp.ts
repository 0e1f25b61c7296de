/** TCP over two hops with mutual TLS in between: Gbit/s and CPU per gigabyte, from iperf3 to its server. */
import { startHaproxyPair, startSelvedgePair } from "../lib/pairs.ts";
import type { PieceContext, PieceReport } from "../lib/piece.ts";
import { SINK_PORT, type Subject } from "../lib/subjects.ts";
import { relays } from "./tcp.ts";

/** Measures both pairs in turns. */
export function tunnelTcp(context: PieceContext): Promise<PieceReport> {
  return relays(context, { gate: "tunnelTcp", against: "haproxy h2" }, async () => {
    const pairs: Subject[] = [];
    if (!context.without.has("haproxy h2")) pairs.push(await startHaproxyPair(context.scratch, "h2"));
    if (!context.without.has("selvedge")) pairs.push(await startSelvedgePair(context.scratch, { sinkPort: SINK_PORT }));
    return pairs;
  });
}
