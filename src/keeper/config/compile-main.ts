/**
 * The short-lived child that reads the sources, so that the keeper never holds what is needed for it.
 *
 * Argument: JSON `{paths, node, mayBeEmpty, out, folder}`; relative paths count from `folder`. Writes the generation file `out` where no problem is an error, and prints
 * `{ok, issues, conditions, counts}` on stdout. Exit 0 also where the configuration is refused; 1 with a line on stderr
 * where this program itself could not do its work (no disk, a bug).
 */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { isAbsolute } from "node:path";
import { hasErrors, type Issue } from "../../model/issue.ts";
import type { SnapshotRecord } from "../../model/snapshot.ts";
import { writeGeneration } from "./generation-file.ts";
import { loadSources } from "./load.ts";
import { parseUsers } from "./users.ts";

/** Most issues that are handed on. Reason: the keeper bounds what it reads, and nobody reads the thousandth. */
export const ISSUES_MAX = 1000;

interface CompileRequest {
  readonly paths: readonly string[];
  readonly node: string | undefined;
  readonly mayBeEmpty: boolean;
  readonly out: string;
  readonly folder: string | undefined;
}

function parseRequest(text: string | undefined): CompileRequest {
  const value: unknown = JSON.parse(text ?? "");
  if (typeof value !== "object" || value === null) throw new Error("the argument is no JSON object");
  const { paths, node, mayBeEmpty, out, folder } = value as Readonly<Record<string, unknown>>;
  const isPaths = Array.isArray(paths) && paths.every((path): path is string => typeof path === "string");
  if (!isPaths || typeof out !== "string") throw new Error("the argument needs paths and out");
  const textIn = (field: unknown): string | undefined => (typeof field === "string" ? field : undefined);
  return { paths, node: textIn(node), mayBeEmpty: mayBeEmpty === true, out, folder: textIn(folder) };
}

/** Errors first, so that a bound never hides one behind warnings. */
function mostImportant(issues: readonly Issue[]): readonly Issue[] {
  if (issues.length <= ISSUES_MAX) return issues;
  const errors = issues.filter((issue) => issue.severity === "error");
  return [...errors, ...issues.filter((issue) => issue.severity === "warning")].slice(0, ISSUES_MAX);
}

function countKinds(records: readonly SnapshotRecord[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of records) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

function main(): void {
  const { paths, node, mayBeEmpty, out, folder } = parseRequest(process.argv[2]);
  if (folder !== undefined && !paths.every(isAbsolute)) process.chdir(folder);
  let users: Map<string, number> | undefined;
  const resolveUser = (name: string): number | undefined => {
    users ??= parseUsers(readFileSync("/etc/passwd", "utf8"));
    return users.get(name);
  };
  const result = loadSources(paths, { node, hostname: hostname(), resolveUser }, mayBeEmpty);
  const ok = !hasErrors(result.issues);
  const written = ok ? writeGeneration(out, result.records) : { records: 0, bytes: 0 };
  const counts = { ...countKinds(result.records), ...written, issues: result.issues.length };
  const issues = mostImportant(result.issues);
  process.stdout.write(`${JSON.stringify({ ok, issues, conditions: result.conditions, counts })}\n`);
}

try {
  main();
} catch (error) {
  process.stderr.write(`compiling failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
