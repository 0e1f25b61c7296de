/** What the demo shows: a picture that redraws itself on a terminal, plain lines elsewhere. */
import type { Observations } from "./facts.ts";
import type { Edge } from "./metrics.ts";
import type { Weight } from "./weigh.ts";

export interface Picture {
  readonly isRoot: boolean;
  /** How two nodes came to be one site; empty where there is one. */
  readonly story: readonly string[];
  readonly seconds: number;
  readonly generation: number;
  readonly edges: readonly Edge[];
  readonly seen: Observations;
  readonly weight: Weight | undefined;
  readonly tryNext: readonly string[];
}

const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
const ms = (value: number) => (Number.isNaN(value) ? "-" : Number.isFinite(value) ? `<= ${value}` : "> all");

/** The table of edges. `areSplit`: with what crossed between machines. */
export function edgeLines(edges: readonly Edge[], areSplit = false): string[] {
  const rows = edges.map((edge) => [
    `${edge.from} -> ${edge.to}`,
    edge.requests.toLocaleString("en"),
    ...(areSplit ? [edge.crossed.toLocaleString("en")] : []),
    String(edge.errors),
    String(edge.refused),
    ms(edge.p50Ms),
    ms(edge.p99Ms),
  ]);
  const crossing = areSplit ? ["crossed encrypted"] : [];
  const all = [["edge", "requests", ...crossing, "errors", "refused", "p50 ms", "p99 ms"], ...rows];
  const widths = (all[0] as string[]).map((_, column) => Math.max(...all.map((row) => (row[column] as string).length)));
  return all.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] as number) : cell.padStart(widths[column] as number),
      )
      .join("  "),
  );
}

/** How callers are told apart, and whether that holds anybody off. */
export function boundaryLine(isRoot: boolean): string {
  return isRoot
    ? "callers are recognised by user id, told by the kernel; services listen on sockets that only the mesh may open"
    : "no root: callers are recognised as what 'selvedge run' started; all run as one user, so this is no boundary";
}

function weightLine({ weight, story }: Picture): string {
  if (weight === undefined) return "weight    not readable without root";
  return `weight    the whole mesh${story.length > 0 ? " on both machines" : ""}: ${mib(weight.pssBytes)} MiB PSS beside the shop's own Bun processes, ${mib(weight.aloneBytes)} MiB if it were alone`;
}

/** The whole picture as lines. */
export function pictureLines(picture: Picture): string[] {
  const { seen } = picture;
  const why =
    seen.why === ""
      ? []
      : seen.why
          .trimEnd()
          .split("\n")
          .slice(0, 8)
          .map((line) => `          ${line}`);
  return [
    `selvedge demo: shop, generation ${picture.generation}, up ${Math.round(picture.seconds)} s`,
    boundaryLine(picture.isRoot),
    ...picture.story,
    "",
    ...edgeLines(picture.edges, picture.story.length > 0),
    "",
    ...seen.facts().map((fact) => `${fact.holds ? "ok  " : "... "}      ${fact.text}`),
    ...why,
    weightLine(picture),
    "",
    "try next, in another terminal:",
    ...picture.tryNext.map((line) => `  ${line}`),
    "",
    "Ctrl-C ends everything.",
  ];
}

/** Draws pictures over each other, cut to the terminal. */
export class TerminalView {
  draw(picture: Picture): void {
    // Some terminals say that they have no size.
    const columns = process.stdout.columns || 100;
    const rows = process.stdout.rows || 50;
    const lines = pictureLines(picture).slice(0, rows - 1);
    process.stdout.write(`\x1b[H${lines.map((line) => `${line.slice(0, columns)}\x1b[K`).join("\n")}\n\x1b[J`);
  }

  open(): void {
    process.stdout.write("\x1b[2J\x1b[?25l");
  }

  close(): void {
    process.stdout.write("\x1b[?25h");
  }
}

/** One line per tick, and the table now and then. */
export class PlainView {
  #ticks = 0;

  open(): void {}

  draw(picture: Picture): void {
    const { seen } = picture;
    if (this.#ticks === 0) for (const line of [boundaryLine(picture.isRoot), ...picture.story]) console.log(line);
    const total = seen.v1 + seen.v2;
    console.log(
      `t=${Math.round(picture.seconds)}s  generation ${picture.generation}  orders ${total} (v2 ${seen.v2})  refused ${seen.refusals}  errors ${seen.errors}`,
    );
    const areSplit = picture.story.length > 0;
    if (++this.#ticks % 4 === 0) for (const line of edgeLines(picture.edges, areSplit)) console.log(`  ${line}`);
    if (this.#ticks % 4 === 0) console.log(`  ${weightLine(picture)}`);
  }

  close(): void {}
}
