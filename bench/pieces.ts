/** The pieces of the benchmark by name, in the order they run. */
import type { Piece } from "./lib/piece.ts";
import { latency } from "./pieces/latency.ts";
import { oneHop } from "./pieces/one-hop.ts";

export const PIECES: ReadonlyMap<string, Piece> = new Map<string, Piece>([
  ["one-hop", oneHop],
  ["latency", latency],
]);
