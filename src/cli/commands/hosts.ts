import { chmodSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { SnapshotRecord } from "../../model/snapshot.ts";
import { CliError, EXIT, type ExitCode } from "../exit-code.ts";
import { findAdminPath } from "../find-node.ts";
import type { NodeOptions } from "../node-options.ts";
import { printJson, printLines } from "../output.ts";
import { servedRecords } from "../served-records.ts";

const BEGIN = "# selvedge: begin (written by `selvedge hosts --write`)";
const END = "# selvedge: end";
const HOSTS = "/etc/hosts";

interface HostEntry {
  readonly address: string;
  readonly names: readonly string[];
}

/** `selvedge hosts`: the lines, or with `--write` the file. */
export async function hosts(options: NodeOptions & { readonly write?: boolean }): Promise<ExitCode> {
  const entries = hostEntries(await servedRecords(findAdminPath(options, process.env)));
  if (options.write === true) {
    writeHosts(HOSTS, entries);
    const what = entries.length === 1 ? "1 service is" : `${entries.length} services are`;
    if (options.output !== "json") process.stdout.write(`${what} in ${HOSTS}\n`);
  }
  if (options.output === "json") printJson({ entries });
  else if (options.write !== true) printLines(hostLines(entries));
  return EXIT.OK;
}

/** Services with a loopback address of their own, and the full names they answer to. */
export function hostEntries(records: readonly SnapshotRecord[]): HostEntry[] {
  return records.flatMap((record) => {
    if (record.kind !== "service" || record.clusterIP === undefined) return [];
    const names = new Set([`${record.name}.${record.namespace}`, ...record.aliases, record.host]);
    return [{ address: record.clusterIP, names: [...names].filter((name) => !name.includes("*")) }];
  });
}

export function hostLines(entries: readonly HostEntry[]): string[] {
  return entries.map((entry) => `${entry.address} ${entry.names.join(" ")}`);
}

/** The text of a hosts file with our block in place of the one before, or at its end. The rest stays byte for byte. */
export function withBlock(text: string, lines: readonly string[]): string {
  const block = lines.length === 0 ? "" : `${[BEGIN, ...lines, END].join("\n")}\n`;
  const start = text.indexOf(BEGIN);
  const end = text.indexOf(END, start);
  if (start >= 0 && end > start) {
    const after = text.slice(end + END.length).replace(/^\n/, "");
    return text.slice(0, start) + block + after;
  }
  return text === "" || text.endsWith("\n") ? text + block : `${text}\n${block}`;
}

/** A container's file is mounted there by its engine: it can be written, and no other one put in its place. */
function replace(path: string, aside: string, text: string): void {
  try {
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside);
    if ((error as NodeJS.ErrnoException).code !== "EBUSY") throw error;
    writeFileSync(path, text);
  }
}

function writeHosts(path: string, entries: readonly HostEntry[]): void {
  try {
    const next = withBlock(readFileSync(path, "utf8"), hostLines(entries));
    const aside = `${path}.selvedge`;
    writeFileSync(aside, next);
    chmodSync(aside, statSync(path).mode & 0o777);
    replace(path, aside, next);
  } catch (error) {
    throw new CliError(
      EXIT.FAILED,
      `${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
