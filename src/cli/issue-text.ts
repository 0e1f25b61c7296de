import type { Issue } from "../model/issue.ts";
import { printable } from "./table.ts";

/** `file:line:col  severity  code  message`, and the hint on a line of its own. No final newline. */
export function issueText(issue: Issue): string {
  const { file, line, col, severity, code, message, hint } = issue;
  // A file's name is chosen by whoever may write into the folder, and a message may quote a document.
  const text = printable(`${file}:${line}:${col}  ${severity}  ${code}  ${message}`);
  return hint === undefined ? text : `${text}\n  hint: ${printable(hint)}`;
}
