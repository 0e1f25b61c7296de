/** Where a piece of configuration was written. Lines and columns start at 1. */
export interface Origin {
  readonly file: string;
  readonly line: number;
  readonly col: number;
}

/**
 * One problem in the configuration, as `check`, `up` and `apply` report it.
 *
 * Printed as `file:line:col  severity  code  message`, with the hint on a line of its own.
 */
export interface Issue extends Origin {
  readonly severity: "error" | "warning";
  /** Stable, looked up in `docs/errors.md`; `SV` and four digits. */
  readonly code: string;
  /** What was attempted, what is, what should be; one sentence, no final period. */
  readonly message: string;
  /** What to do about it, or the nearest known name. */
  readonly hint?: string;
}

/** The text of one issue as people see it: one line, and a second, indented one where there is a hint. No final newline. */
export function formatIssue(issue: Issue): string {
  const line = `${issue.file}:${issue.line}:${issue.col}  ${issue.severity}  ${issue.code}  ${issue.message}`;
  return issue.hint === undefined ? line : `${line}\n    hint: ${issue.hint}`;
}

/** Order of a report: by file, then position, then code. Locale-independent, so that reports compare equal everywhere. */
export function compareIssues(a: Issue, b: Issue): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  if (a.line !== b.line) return a.line - b.line;
  if (a.col !== b.col) return a.col - b.col;
  if (a.code !== b.code) return a.code < b.code ? -1 : 1;
  return a.message < b.message ? -1 : a.message > b.message ? 1 : 0;
}

/** True where at least one issue is an error, so that the configuration must not be served. */
export function hasErrors(issues: readonly Issue[]): boolean {
  return issues.some((issue) => issue.severity === "error");
}
