import pc from "picocolors";
import type { Column } from "./table.ts";
import { tableLines } from "./table.ts";

/** How a command prints: `-o json` is one JSON value on stdout (for streams one per line), everything else is for people. */
export interface Output {
  readonly isJson: boolean;
}

/** Colours where stdout is a terminal and NO_COLOR is not set. */
export const colour = pc.createColors(process.stdout.isTTY === true && !process.env["NO_COLOR"]);

/** One JSON value on a line of its own. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function printLines(lines: readonly string[]): void {
  if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
}

export function printTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  paint?: (cell: string, row: number, column: number) => string,
): void {
  printLines(tableLines(columns, rows, paint));
}
