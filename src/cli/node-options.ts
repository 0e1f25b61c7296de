import type { NodeChoice } from "./find-node.ts";

/** Options that every command about a running node has. */
export interface NodeOptions extends NodeChoice {
  readonly output?: "json" | "text";
}
