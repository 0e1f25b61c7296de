import type { EdgeRow, StatRow } from "../../telemetry/report.ts";
import { askNode } from "../admin-client.ts";
import { CliError, EXIT, type ExitCode } from "../exit-code.ts";
import { findAdminPath } from "../find-node.ts";
import type { NodeOptions } from "../node-options.ts";
import { colour, printJson, printTable } from "../output.ts";
import type { Column } from "../table.ts";
import { durationText, latencyText, parseDuration, percentText, rateText } from "../units.ts";

interface StatOptions extends NodeOptions {
  readonly since: string;
  readonly by?: string;
}

interface Rows<Row> {
  /** What of the span asked for is known. */
  readonly coveredMs: number;
  readonly rows: readonly Row[];
}

const NUMBERS: readonly Column[] = [
  { title: "SUCCESS", align: "right" },
  { title: "RPS", align: "right" },
  { title: "P50", align: "right" },
  { title: "P95", align: "right" },
  { title: "P99", align: "right" },
  { title: "TCP", align: "right" },
  { title: "DENIED", align: "right" },
  { title: "TOP ERROR" },
];

/** `selvedge stat`. */
export async function stat(options: StatOptions): Promise<ExitCode> {
  const kind = options.by ?? "service";
  const answer = await ask<StatRow>(options, { op: "stat", kind });
  if (options.output === "json") printJson(answer);
  else {
    const rows = answer.rows.map((row) => [row.namespace || "-", row.name || "(unknown)", ...numbers(row)]);
    show(answer, [{ title: "NAMESPACE" }, { title: kind.toUpperCase() }, ...NUMBERS], rows);
  }
  return EXIT.OK;
}

/** `selvedge edges`. */
export async function edges(options: StatOptions): Promise<ExitCode> {
  const answer = await ask<EdgeRow>(options, { op: "edges" });
  if (options.output === "json") printJson(answer);
  else {
    const columns = [{ title: "FROM" }, { title: "TO" }, { title: "PROTO" }, { title: "SECURED" }, ...NUMBERS];
    const nodes = new Set(answer.rows.flatMap(({ source, destination }) => [source.node, destination.node]));
    nodes.delete("");
    show(
      answer,
      columns,
      answer.rows.map((row) => edgeCells(row, nodes.size > 1)),
    );
  }
  return EXIT.OK;
}

/** @param showsNodes where the rows are of several */
function edgeCells(row: EdgeRow, showsNodes: boolean): string[] {
  const { source, destination } = row;
  const on = (node: string): string => (showsNodes && node !== "" ? `@${node}` : "");
  const from = source.name === "" ? "(no identity)" : `${source.namespace}/${source.name}${on(source.node)}`;
  const to = `${destination.namespace}/${destination.name}${on(destination.node)}`;
  const version = destination.version === "" ? "" : ` ${destination.version}`;
  // On one node nothing leaves the machine: the kernel vouches for the caller. To another one there is only the tunnel, which
  // the calling side does not count as its own security.
  const isBetweenNodes = source.node !== "" && destination.node !== "" && source.node !== destination.node;
  const secured = row.security === "none" && !isBetweenNodes ? "kernel" : "mTLS";
  return [from, to + version, row.protocol, secured, ...numbers(row)];
}

function numbers(row: StatRow | EdgeRow): string[] {
  return [
    percentText(row.success),
    rateText(row.rps),
    latencyText(row.latencyP50Ms),
    latencyText(row.latencyP95Ms),
    latencyText(row.latencyP99Ms),
    String(row.tcpOpen),
    String(row.denied),
    row.topError === null ? "" : `${row.topError.name} ${percentText(row.topError.share)}`,
  ];
}

async function ask<Row>(options: StatOptions, request: { op: string; kind?: string }): Promise<Rows<Row>> {
  const sinceMs = parseDuration(options.since);
  if (sinceMs === undefined) throw new CliError(EXIT.USAGE, "--since is like 10s, 5m or 1h");
  return (await askNode(findAdminPath(options, process.env), { ...request, sinceMs })) as Rows<Row>;
}

function show(answer: Rows<unknown>, columns: readonly Column[], rows: readonly (readonly string[])[]): void {
  if (rows.length === 0) {
    process.stdout.write(`no traffic in the last ${durationText(answer.coveredMs)}\n`);
    return;
  }
  const success = columns.findIndex((column) => column.title === "SUCCESS");
  const denied = columns.findIndex((column) => column.title === "DENIED");
  printTable(columns, rows, (cell, _row, column) => {
    if (column === success && cell !== "100%" && cell !== "-") return colour.red(cell);
    return column === denied && cell !== "0" ? colour.yellow(cell) : cell;
  });
}
