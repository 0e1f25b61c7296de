import { authzCheck, queryProblem } from "../../admin/authz-check.ts";
import { hasErrors } from "../../model/issue.ts";
import type { SnapshotRecord } from "../../model/snapshot.ts";
import { CliError, EXIT, type ExitCode } from "../exit-code.ts";
import { findAdminPath } from "../find-node.ts";
import type { NodeOptions } from "../node-options.ts";
import { colour, printJson, printLines } from "../output.ts";
import { servedRecords } from "../served-records.ts";

interface AuthzOptions extends NodeOptions {
  readonly from: string;
  readonly to: string;
  readonly method?: string;
  readonly path?: string;
  readonly header: readonly string[];
  readonly file: readonly string[];
  readonly node?: string;
}

/** `selvedge authz check`: exit 0 where the call is allowed, 1 where it is not, 2 where the question is none. */
export async function authzCheckCommand(options: AuthzOptions): Promise<ExitCode> {
  const { from, to, method, path } = options;
  const headers = options.header.map(parseHeader);
  const query = { from, to, method, path, headers };
  const problem = queryProblem(query);
  // Not 1: whoever asks from a script must not take a slip of the pen for a no.
  if (problem !== undefined) throw new CliError(EXIT.USAGE, problem);
  const answer = authzCheck(await recordsOf(options), query);
  if (options.output === "json") printJson({ allowed: answer.allowed, lines: answer.lines, trace: answer.trace });
  else printLines(answer.lines.map((line, index) => (index === 0 ? paintVerdict(line, answer.allowed) : line)));
  return answer.allowed ? EXIT.OK : EXIT.FAILED;
}

async function recordsOf(options: AuthzOptions): Promise<readonly SnapshotRecord[]> {
  if (options.file.length === 0) return servedRecords(findAdminPath(options, process.env));
  const { complain, loadHere } = await import("./check.ts");
  const { records, issues } = loadHere(options.file, options.node);
  if (hasErrors(issues)) {
    complain(issues);
    throw new CliError(EXIT.FAILED, "the documents have errors: nothing is allowed by them");
  }
  return records;
}

/** `name: value` or `name:value`. */
function parseHeader(text: string): readonly [name: string, value: string] {
  const colon = text.indexOf(":");
  if (colon < 1) throw new CliError(EXIT.USAGE, `--header ${text}: expected NAME:VALUE`);
  return [text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim()];
}

function paintVerdict(line: string, isAllowed: boolean): string {
  return isAllowed ? colour.green(line) : colour.red(line);
}
