import type { FieldPath } from "../../../model/documents.ts";
import type { DecodeCode } from "../../../model/error-codes.ts";
import { DECODE_CODES } from "../../../model/error-codes.ts";
import type { Issue } from "../../../model/issue.ts";
import type { Placed } from "./config-node.ts";
import { originOf } from "./config-node.ts";

/** Most issues of one decoding; the rest is dropped with a note. Reason: nobody reads more, and hostile files must not fill memory. */
export const ISSUES_MAX = 1000;

/** Most characters of a value that a message repeats. Reason: a message is one line on a terminal. */
export const SHOWN_VALUE_LENGTH_MAX = 60;

/** Collects issues while a tree is read, and knows the path of the field that is being read. */
export class Reader {
  readonly issues: Issue[];
  /** Errors reported so far, those beyond `ISSUES_MAX` included. */
  errorCount = 0;
  readonly #steps: (string | number)[] = [];

  /** Issues are appended to the list that is handed in; several readers may share one. */
  constructor(issues: Issue[] = []) {
    this.issues = issues;
  }

  /** Runs `read` one step further down. */
  within<T>(step: string | number, read: () => T): T {
    this.#steps.push(step);
    const value = read();
    this.#steps.pop();
    return value;
  }

  /** Reports a problem of the current field, or of one below it. The path goes before the message. */
  report(code: DecodeCode, place: Placed, message: string, hint?: string, below: FieldPath = []): void {
    const path = formatPath([...this.#steps, ...below]);
    this.add(code, place, path === "" ? message : `${path}: ${message}`, hint);
  }

  /** Reports a problem without the path of a field. */
  add(code: DecodeCode, place: Placed, message: string, hint?: string): void {
    if (DECODE_CODES[code].severity === "error") this.errorCount++;
    if (this.issues.length > ISSUES_MAX) return;
    if (this.issues.length === ISSUES_MAX)
      this.issues.push(issueAt("SV0212", place, `more than ${ISSUES_MAX} problems`));
    else this.issues.push(issueAt(code, place, message, hint));
  }
}

/** An issue with the severity that the table gives its code. */
export function issueAt(code: DecodeCode, place: Placed, message: string, hint?: string): Issue {
  const issue = { ...originOf(place), severity: DECODE_CODES[code].severity, code, message };
  return hint === undefined ? issue : { ...issue, hint };
}

/** `spec.rules[0].matches`; keys that are no plain words are quoted. */
export function formatPath(path: FieldPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${quote(step)}]`;
  }
  return text;
}

/** A value as messages show it: quoted, on one line, cut where it is long. */
export function quote(value: string): string {
  const cut = value.length > SHOWN_VALUE_LENGTH_MAX ? `${value.slice(0, SHOWN_VALUE_LENGTH_MAX)}…` : value;
  return escapeControls(JSON.stringify(cut));
}

/** A text of foreign origin without anything that moves a cursor or ends a line. */
export function escapeControls(value: string): string {
  return value.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (found) => `\\u{${found.codePointAt(0)!.toString(16)}}`);
}

/** `a, b or c`. */
export function orList(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} or ${words[words.length - 1]}`;
}
