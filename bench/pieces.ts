/** The pieces of the benchmark by name, in the order they run. */
import type { Piece } from "./lib/piece.ts";
import { apply } from "./pieces/apply.ts";
import { attacks } from "./pieces/attacks.ts";
import { endpoint } from "./pieces/endpoint.ts";
import { growth } from "./pieces/growth.ts";
import { handshakes } from "./pieces/handshakes.ts";
import { idle } from "./pieces/idle.ts";
import { latency } from "./pieces/latency.ts";
import { memory } from "./pieces/memory.ts";
import { oneHop } from "./pieces/one-hop.ts";
import { stall } from "./pieces/stall.ts";
import { startup } from "./pieces/startup.ts";
import { tcp } from "./pieces/tcp.ts";
import { tunnelGrpc } from "./pieces/tunnel-grpc.ts";
import { tunnelIdle } from "./pieces/tunnel-idle.ts";
import { tunnelTcp } from "./pieces/tunnel-tcp.ts";
import { twoHops } from "./pieces/two-hops.ts";

export const PIECES: ReadonlyMap<string, Piece> = new Map<string, Piece>([
  ["one-hop", oneHop],
  ["latency", latency],
  ["tcp", tcp],
  ["memory", memory],
  ["growth", growth],
  ["startup", startup],
  ["apply", apply],
  ["endpoint", endpoint],
  ["stall", stall],
  ["idle", idle],
  ["two-hops", twoHops],
  ["tunnel-grpc", tunnelGrpc],
  ["tunnel-tcp", tunnelTcp],
  ["tunnel-idle", tunnelIdle],
  ["handshakes", handshakes],
  ["attacks", attacks],
]);
