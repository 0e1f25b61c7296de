import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { expandSources } from "../../keeper/config/decode/check-sources.ts";
import { failsCheck, type LoadResult } from "../../keeper/config/load.ts";
import { loadForNodes } from "../../keeper/config/load-for-nodes.ts";
import { parseUsers } from "../../keeper/config/users.ts";
import { hasErrors, type Issue } from "../../model/issue.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { issueText } from "../issue-text.ts";
import { printJson } from "../output.ts";

interface CheckOptions {
  readonly file: readonly string[];
  readonly node?: string;
  readonly output?: string;
}

/** Reads and compiles documents as `up` would on this machine; without a node's name for every node of the site. */
export function loadHere(paths: readonly string[], node: string | undefined): LoadResult {
  let users: Map<string, number> | undefined;
  const resolveUser = (name: string): number | undefined => {
    users ??= parseUsers(readFileSync("/etc/passwd", "utf8"));
    return users.get(name);
  };
  return loadForNodes(paths, {
    node: node ?? (process.env["SELVEDGE_NODE"] || undefined),
    hostname: hostname(),
    resolveUser,
  });
}

/** `selvedge check`: every problem, on stderr; exit 1 where one of them would keep the documents from working. */
export async function check({ file, node, output }: CheckOptions): Promise<ExitCode> {
  const { issues } = loadHere(file, node);
  const isBad = failsCheck(issues);
  if (output === "json") printJson({ ok: !isBad, issues });
  else complain(issues);
  if (!isBad && output !== "json") process.stdout.write(issues.length === 0 ? "ok\n" : "ok, with warnings\n");
  return isBad ? EXIT.FAILED : EXIT.OK;
}

/** `selvedge expand`: the documents on stdout, problems on stderr. */
export async function expand({ file }: CheckOptions): Promise<ExitCode> {
  const { text, issues } = expandSources(file);
  complain(issues);
  process.stdout.write(text);
  return hasErrors(issues) ? EXIT.FAILED : EXIT.OK;
}

/** Issues on stderr, one line each and a line for a hint. */
export function complain(issues: readonly Issue[]): void {
  for (const issue of issues) process.stderr.write(`${issueText(issue)}\n`);
}
