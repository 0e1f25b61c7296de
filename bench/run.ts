/**
 * `npm run bench`: every measurement of bench/README.md, or the pieces named.
 * `npm run bench -- one-hop latency --seconds 3 --rounds 4 --without nginx,selvedge`; `--cases 1` is only the case that the
 * gate is about.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { arch, cpus, release } from "node:os";
import { join } from "node:path";
import { type Figure, GATES, verdictOf } from "./lib/gates.ts";
import { mergeCases } from "./lib/merge-cases.ts";
import type { Piece, PieceContext, PieceReport } from "./lib/piece.ts";
import { stopAll } from "./lib/processes.ts";
import { writeFigures } from "./lib/readme.ts";
import { makeScratch } from "./lib/scratch.ts";
import { startOrigin } from "./lib/subjects.ts";
import { alignTable } from "./lib/table.ts";
import { PIECES } from "./pieces.ts";

interface Arguments {
  readonly pieces: readonly string[];
  readonly seconds: number;
  readonly rounds: number;
  readonly without: ReadonlySet<string>;
  readonly cases: number;
  readonly isRecorded: boolean;
}

function parseArguments(args: readonly string[]): Arguments {
  const argumentOf = (flag: string) => {
    const at = args.indexOf(flag);
    return at < 0 ? undefined : args[at + 1];
  };
  const flagged = new Set(
    ["--seconds", "--rounds", "--without", "--cases"].flatMap((flag) => [flag, argumentOf(flag)]),
  );
  const pieces = args.filter((arg) => !flagged.has(arg) && arg !== "--record");
  const unknown = pieces.filter((piece) => !PIECES.has(piece));
  if (unknown.length > 0) {
    console.error(`unknown piece ${unknown.join(", ")}; there are: ${[...PIECES.keys()].join(" ")}`);
    process.exit(2);
  }
  return {
    pieces: pieces.length === 0 ? [...PIECES.keys()] : pieces,
    seconds: Number(argumentOf("--seconds") ?? 5),
    rounds: Number(argumentOf("--rounds") ?? 10),
    without: new Set((argumentOf("--without") ?? "").split(",")),
    cases: Number(argumentOf("--cases") ?? Number.POSITIVE_INFINITY),
    isRecorded: args.includes("--record"),
  };
}

function machine(): Record<string, string | number> {
  const version = (command: string[]) =>
    Bun.spawnSync(command).stderr.toString() + Bun.spawnSync(command).stdout.toString();
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    arch: arch(),
    kernel: release(),
    bun: Bun.version,
    haproxy: /version (\S+)/.exec(version(["haproxy", "-v"]))?.[1] ?? "missing",
    nginx: /nginx\/(\S+)/.exec(version(["nginx", "-v"]))?.[1] ?? "missing",
  };
}

function printFigures(figures: readonly Figure[]): void {
  if (figures.length === 0) return;
  const rows = figures.map((figure) => {
    const { title, gate, moonshot, unit } = GATES[figure.gate];
    return [title, figure.text, `${gate} ${unit}`, `${moonshot} ${unit}`, verdictOf(figure)];
  });
  console.log(`\n${alignTable([["figure", "measured", "gate", "moonshot", "verdict"], ...rows])}`);
}

async function main(): Promise<number> {
  const wanted = parseArguments(process.argv.slice(2));
  const scratch = makeScratch();
  const reports = new Map<string, PieceReport>();
  const failed: string[] = [];
  try {
    const origin = await startOrigin(scratch);
    const context: PieceContext = { scratch, origin, ...wanted, note: (text) => console.error(`bench: ${text}`) };
    for (const name of wanted.pieces) {
      try {
        const report = await (PIECES.get(name) as Piece)(context);
        reports.set(name, report);
        console.log(`\n== ${name}\n${alignTable(report.rows)}`);
      } catch (error) {
        failed.push(name);
        console.error(`bench: ${name} failed: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  } finally {
    await stopAll();
    scratch.remove();
  }
  const figures = [...reports.values()].flatMap((report) => report.figures);
  printFigures(figures);
  save(wanted, reports);
  return failed.length === 0 ? 0 : 1;
}

function save(wanted: Arguments, reports: ReadonlyMap<string, PieceReport>): void {
  const out = join(import.meta.dir, "out");
  mkdirSync(out, { recursive: true });
  for (const [name, report] of reports) {
    const record = {
      at: new Date().toISOString(),
      machine: machine(),
      seconds: wanted.seconds,
      rounds: wanted.rounds,
      ...report,
    };
    const file = join(out, `${name}.json`);
    // Cases that were not run this time stay as they were measured before.
    const kept = Number.isFinite(wanted.cases) && existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
    writeFileSync(file, `${JSON.stringify(mergeCases(record, kept), null, 1)}\n`);
  }
  if (wanted.isRecorded) writeFigures(join(import.meta.dir, "README.md"), out);
}

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, async () => {
    await stopAll();
    process.exit(130);
  });

process.exit(await main());
