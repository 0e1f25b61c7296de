import type { NodeRow } from "../../keeper/nodes/node-rows.ts";
import { colour } from "../output.ts";
import { problemText } from "../problem-text.ts";
import { tableLines } from "../table.ts";
import { secondsText } from "../units.ts";
import { nodeCells } from "./node-ls.ts";

/** What `status` tells of other nodes and of this one's identity, as far as the text form uses it. */
export interface SiteStatus {
  readonly nodes?: readonly NodeRow[];
  readonly identity?: {
    readonly state: string;
    readonly node?: string;
    readonly trouble?: string;
    readonly clock?: string | null;
    readonly stops?: readonly { readonly what: string; readonly at: string }[];
    readonly troubles?: readonly { readonly what: string; readonly reason: string }[];
  };
}

/** Lines about what is wrong with the identity. */
export function identityTrouble({ identity }: SiteStatus): string[] {
  if (identity === undefined) return [];
  const { state, node = "", trouble, clock, troubles = [] } = identity;
  return [
    ...(state === "failed" ? [`no identity, so no other node is reached: ${trouble ?? ""}`] : []),
    ...(state === "starting" ? ["the identity is being made; no other node is reached before"] : []),
    ...(state === "over"
      ? [
          `this node's issuer has ended, so no other node believes it; it asks the root's node for another one by itself, and why it has none yet is below; where that cannot be helped: on the root's node selvedge node invite ${node} --replace, here, once it is stopped, selvedge node join TOKEN`,
        ]
      : []),
    ...(clock === undefined || clock === null ? [] : [`the wall clock is not followed: ${clock}`]),
    ...troubles.map(({ what, reason }) => `${what}: ${reason}`),
  ];
}

/** Lines about nodes that this one cannot call, and what to do. A banned one is meant to be gone. */
export function nodeTrouble({ nodes = [] }: SiteStatus): string[] {
  return nodes.flatMap(({ name, state, problem }) => {
    const why = problem === "" ? "" : `: ${problemText(problem)}`;
    if (state === "joined" || state === "reachable") return [`node ${name} is not connected${why}`];
    if (state === "invited") return [`node ${name} is invited and has not joined${why}`];
    if (state !== "unknown") return [];
    return [`node ${name} is unknown${why}; if it has not joined, on the root's node: selvedge node invite ${name}`];
  });
}

/** The other machines; nothing where this is the only one. */
export function nodeLines({ nodes = [] }: SiteStatus): string[] {
  if (nodes.length < 2) return [];
  const columns = ["NODE", "ADDRESS", "STATE", "KEY", "EXPIRES IN", "LAST CONTACT", ""].map((title) => ({ title }));
  return tableLines(columns, nodes.map(nodeCells), (cell, row, column) =>
    column === 2 && nodes[row]?.state === "banned" ? colour.red(cell) : cell,
  );
}

/** What stops when, if nobody is met any more; nothing where there is nobody to meet. */
export function stopLines({ identity, nodes = [] }: SiteStatus): string[] {
  const { stops = [] } = identity ?? {};
  if (stops.length === 0 || nodes.length < 2) return [];
  return tableLines(
    [{ title: "WHAT" }, { title: "WHEN" }],
    stops.map(({ what, at }) => [what, secondsText(at)]),
  );
}
