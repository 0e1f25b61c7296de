import type { Issue } from "../model/issue.ts";

/** `file:line:col  severity  code  message`, and the hint on a line of its own. No final newline. */
export function issueText(issue: Issue): string {
  const { file, line, col, severity, code, message, hint } = issue;
  const text = `${file}:${line}:${col}  ${severity}  ${code}  ${message}`;
  return hint === undefined ? text : `${text}\n  hint: ${hint}`;
}
