import type { NodeRow } from "../../keeper/nodes/node-rows.ts";
import { askNode } from "../admin-client.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { findAdminPath } from "../find-node.ts";
import type { NodeOptions } from "../node-options.ts";
import { colour, printJson, printTable } from "../output.ts";
import { problemText } from "../problem-text.ts";
import { durationText } from "../units.ts";

/** Digits of a key that are shown; `-o json` has all of them. */
const KEY_DIGITS = 12;

/** `selvedge node ls`. */
export async function nodeLs(options: NodeOptions): Promise<ExitCode> {
  const rows = (await askNode(findAdminPath(options, process.env), { op: "node-ls" })) as NodeRow[];
  if (options.output === "json") {
    printJson(rows);
    return EXIT.OK;
  }
  const columns = ["NAME", "ADDRESS", "STATE", "KEY", "EXPIRES IN", "LAST CONTACT", ""].map((title) => ({ title }));
  printTable(columns, rows.map(nodeCells), (cell, row, column) =>
    column === 2 ? paintState(cell, rows[row]?.state) : cell,
  );
  return EXIT.OK;
}

/** The cells of a row. */
export function nodeCells(row: NodeRow): string[] {
  const nowMs = Date.now();
  const expiresMs = row.expiry === null ? 0 : Date.parse(row.expiry) - nowMs;
  const contactMs = row.lastContact === null ? 0 : Math.max(0, nowMs - Date.parse(row.lastContact));
  return [
    row.name,
    row.address || "-",
    row.state,
    row.key.slice(0, KEY_DIGITS) || "-",
    row.expiry === null ? "-" : expiresMs > 0 ? durationText(expiresMs) : "expired",
    row.lastContact === null ? "-" : contactMs < 1000 ? "now" : `${durationText(contactMs)} ago`,
    [...(row.holdsRoot ? ["holds the root"] : []), ...(row.problem === "" ? [] : [problemText(row.problem)])].join(
      "; ",
    ),
  ];
}

function paintState(cell: string, state: NodeRow["state"] | undefined): string {
  if (state === "connected" || state === "this") return colour.green(cell);
  return state === "banned" ? colour.red(cell) : cell;
}
