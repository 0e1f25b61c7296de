import { askNode } from "../admin-client.ts";
import { CliError, EXIT, type ExitCode } from "../exit-code.ts";
import { findAdminPath } from "../find-node.ts";
import type { NodeOptions } from "../node-options.ts";
import { colour, printJson } from "../output.ts";
import { printable } from "../table.ts";
import { latencyText } from "../units.ts";

interface FilterOptions extends NodeOptions {
  readonly from?: string;
  readonly to?: string;
  readonly status?: string;
  readonly verdict?: string;
  readonly path?: string;
  readonly method?: string;
}

interface TapOptions extends FilterOptions {
  readonly max?: string;
}

interface LogsOptions extends FilterOptions {
  readonly follow?: boolean;
  readonly count: string;
}

/** A line of the access log, or how many were left out because this reader was too slow. */
type Entry = Readonly<Record<string, string | number | null>>;

/** `selvedge tap`. */
export async function tap(options: TapOptions): Promise<ExitCode> {
  const max = options.max === undefined ? Number.POSITIVE_INFINITY : countOf(options.max, "--max");
  return stream(options, { op: "tap" }, max);
}

/** `selvedge logs`. */
export async function logs(options: LogsOptions): Promise<ExitCode> {
  const count = Math.min(countOf(options.count, "--count"), 1024);
  const request = { op: "logs", count, follow: options.follow === true };
  return stream(options, request, Number.POSITIVE_INFINITY);
}

async function stream(options: FilterOptions, request: { op: string }, max: number): Promise<ExitCode> {
  const { from, to, status, verdict, path, method } = options;
  const end = new AbortController();
  process.once("SIGINT", () => end.abort());
  let shown = 0;
  const show = (item: unknown): void => {
    if (shown >= max) return;
    const entry = item as Entry;
    if (options.output === "json") printJson(entry);
    else process.stdout.write(`${entryText(entry)}\n`);
    shown += "skipped" in entry ? 0 : 1;
    if (shown >= max) end.abort();
  };
  const question = { ...request, from, to, status, verdict, path, method };
  await askNode(findAdminPath(options, process.env), question, show, end.signal);
  return EXIT.OK;
}

function countOf(text: string, option: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 0) throw new CliError(EXIT.USAGE, `${option} is a number`);
  return count;
}

/** One request for a person: time, who called whom, what, how it ended, how long it took, what to ask `why` for. */
export function entryText(entry: Entry): string {
  if ("skipped" in entry) return colour.yellow(`… ${entry["skipped"]} left out: this terminal is too slow`);
  const text = (key: string, otherwise: string): string => printable(String(entry[key] ?? otherwise));
  const time = text("start_time", "").slice(11, 23);
  const flag = text("response_flags", "-");
  const status = `${text("response_code", "0")}${flag === "-" ? "" : ` ${flag}`}`;
  const isBad = flag !== "-" || Number(entry["response_code"]) >= 500;
  const verdict = text("authz_verdict", "");
  const parts = [
    colour.dim(time),
    `${text("src_workload", "(no identity)")} → ${text("dst_workload", text("dst_service", text("authority", "?")))}`,
    `${text("method", text("protocol", ""))} ${text("path", "")}`.trim(),
    verdict === "denied" ? colour.red(status) : isBad ? colour.yellow(status) : status,
    latencyText(Number(entry["duration"])),
  ];
  if (isBad && entry["selvedge_id"] !== null) parts.push(colour.dim(`why ${text("selvedge_id", "")}`));
  return parts.join("  ");
}
