import { askNode } from "../admin-client.ts";
import { CliError, EXIT, type ExitCode } from "../exit-code.ts";
import { findAdminPath } from "../find-node.ts";
import { printJson, printLines } from "../output.ts";
import type { NodeOptions } from "../program.ts";
import { printable } from "../table.ts";
import { entryText } from "./records.ts";

type Entry = Readonly<Record<string, string | number | null>>;

/** `selvedge why ID`. */
export async function why(id: string, options: NodeOptions): Promise<ExitCode> {
  if (!/^[0-9a-fA-F]{16}$/.test(id))
    throw new CliError(EXIT.USAGE, "an id has 16 hexadecimal digits: the x-selvedge-id of the answer");
  const admin = findAdminPath(options, process.env);
  const entry = (await askNode(admin, { op: "request", id: id.toLowerCase() })) as Entry;
  if (options.output === "json") printJson({ request: entry });
  else printLines([entryText(entry), ...factLines(entry)]);
  return EXIT.OK;
}

/** What is known of the request, one fact a line. */
export function factLines(entry: Entry): string[] {
  const facts: [string, string | number | null | undefined][] = [
    ["caller", entry["src_identity"] ?? "no identity"],
    ["recognised by", entry["identity_strength"]],
    ["to", entry["dst_service"] ?? entry["authority"]],
    ["workload", entry["dst_workload"]],
    ["route", entry["route_name"]],
    ["endpoint", entry["upstream_host"]],
    ["verdict", entry["authz_verdict"]],
    ["policy", entry["authz_policy"]],
    ["generation", entry["generation"]],
    ["trace", entry["trace_id"]],
  ];
  return facts.flatMap(([name, value]) =>
    value === null || value === undefined ? [] : [`  ${name.padEnd(14)} ${printable(String(value))}`],
  );
}
