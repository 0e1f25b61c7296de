import { type LogEntry, recordOfEntry } from "../../admin/log-entry.ts";
import { why as explainRequest } from "../../admin/why.ts";
import type { SnapshotRecord } from "../../model/snapshot.ts";
import { askNode, RefusedError } from "../admin-client.ts";
import { CliError, EXIT, type ExitCode } from "../exit-code.ts";
import { findAdminPath } from "../find-node.ts";
import type { NodeOptions } from "../node-options.ts";
import { colour, printJson, printLines } from "../output.ts";
import { servedRecords } from "../served-records.ts";

/** `selvedge why ID`: what the mesh did with one request, and what would have to change. */
export async function why(id: string, options: NodeOptions): Promise<ExitCode> {
  if (!/^[0-9a-fA-F]{16}$/.test(id)) {
    throw new CliError(EXIT.USAGE, "an id has 16 hexadecimal digits: the x-selvedge-id of the answer");
  }
  const admin = findAdminPath(options, process.env);
  const entry = (await askNode(admin, { op: "request", id: id.toLowerCase() })) as LogEntry;
  const record = recordOfEntry(entry);
  const answer = explainRequest(record, await recordsThen(admin, record.generation));
  if (options.output === "json") {
    const { lines, change, notes, decidedBy, cause } = answer;
    printJson({ request: entry, cause, decidedBy, change, notes, lines });
  } else {
    printLines(answer.lines.map((line, index) => (index === 0 ? colour.bold(line) : line)));
  }
  return EXIT.OK;
}

/** The records that judged it; `undefined` where they are no longer kept. */
async function recordsThen(admin: string, generation: number): Promise<SnapshotRecord[] | undefined> {
  try {
    return await servedRecords(admin, generation);
  } catch (error) {
    if (error instanceof RefusedError && error.code === "not_found") return undefined;
    throw error;
  }
}
