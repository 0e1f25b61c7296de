/** Writes the latest figures into bench/README.md, between two marks, from what lies in bench/out. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Figure, GATES, verdictOf } from "./gates.ts";
import { markdownTable } from "./table.ts";

const BEGIN = "<!-- figures: written by npm run bench -- --record -->";
const END = "<!-- end of figures -->";

interface Recorded {
  readonly at: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly seconds: number;
  readonly rounds: number;
  readonly rows: readonly (readonly string[])[];
  readonly older?: { readonly at: string; readonly seconds: number; readonly rounds: number; readonly rows: number };
  readonly figures: readonly Figure[];
}

const describe = (run: { readonly at: string; readonly seconds: number; readonly rounds: number }): string =>
  `${run.at.slice(0, 16).replace("T", " ")} UTC, ${run.rounds} rounds of ${run.seconds} s`;

/** The block of figures as Markdown. */
export function renderFigures(recorded: ReadonlyMap<string, Recorded>): string {
  const first = [...recorded.values()][0];
  if (first === undefined) return "Not measured yet.";
  const { machine } = first;
  const gates = [...recorded.values()].flatMap(({ figures }) =>
    figures.map((figure) => {
      const { title, gate, moonshot, unit } = GATES[figure.gate];
      return [title, figure.text, `${gate} ${unit}`, `${moonshot} ${unit}`, verdictOf(figure)];
    }),
  );
  const tables = [...recorded].map(
    ([name, { rows, older, ...run }]) =>
      `### ${name}\n\n${describe(run)}.${older === undefined ? "" : ` The last ${older.rows} rows: ${describe(older)}.`}\n\n${markdownTable(rows)}`,
  );
  return [
    `Machine: ${machine["cpu"]}, ${machine["cores"]} cores, Linux ${machine["kernel"]} ${machine["arch"]}; Bun ${machine["bun"]}, HAProxy ${machine["haproxy"]}, nginx ${machine["nginx"]}.`,
    markdownTable([["figure", "measured", "gate", "moonshot", "verdict"], ...gates]),
    ...tables,
  ].join("\n\n");
}

/** Puts the block into the text between the marks. Throws where the marks are missing. */
export function replaceFigures(text: string, figures: string): string {
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error("bench/README.md has lost the marks around its figures");
  return `${text.slice(0, from + BEGIN.length)}\n\n${figures}\n\n${text.slice(to)}`;
}

/** Rewrites the README from the JSON files of a folder. */
export function writeFigures(readme: string, folder: string): void {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
  const recorded = new Map(
    names.map((name) => [name.slice(0, -5), JSON.parse(readFileSync(join(folder, name), "utf8")) as Recorded]),
  );
  writeFileSync(readme, replaceFigures(readFileSync(readme, "utf8"), renderFigures(recorded)));
}
