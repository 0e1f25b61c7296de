/** Sources on disk to the records of a snapshot, with every problem on the way. */

import type { AnyDocument } from "../../model/documents.ts";
import { compareIssues, hasErrors, type Issue } from "../../model/issue.ts";
import type { RouteCondition } from "../../model/route/condition.ts";
import { FAILURES_FOR_CHECK, type RoutingCode } from "../../model/route/issue-codes.ts";
import type { SnapshotRecord } from "../../model/snapshot.ts";
import { checkAssertions } from "./compile/assertions.ts";
import { compile } from "./compile/compile.ts";
import type { CompileEnv } from "./compile/site.ts";
import { decodeFiles } from "./decode/decode-files.ts";
import { readSources } from "./decode/read-sources.ts";
import { issueAt } from "./schema/reader.ts";

/** What sources come to. Records are not to be served where an issue is an error. */
export interface LoadResult {
  /** Sorted by position. */
  readonly issues: readonly Issue[];
  readonly documents: readonly AnyDocument[];
  readonly records: readonly SnapshotRecord[];
  readonly conditions: readonly RouteCondition[];
}

/** Problems that may only follow from a document that could not be decoded: they would send the reader the wrong way. */
const FOLLOW_UPS: ReadonlySet<string> = new Set<RoutingCode | "SV2009" | "SV2102">([
  "SV1003",
  "SV1004",
  "SV1009",
  "SV1012",
  "SV1014",
  "SV1101",
  "SV1111",
  "SV1112",
  "SV1203",
  "SV2009",
  "SV2102",
]);

/**
 * Reads, decodes and compiles. Assertions are judged only where everything else is sound. Sources without any document are an
 * error: nobody means a mesh without services, while a disk that is full empties files. With `mayBeEmpty` no file at all is right.
 */
export function loadSources(paths: readonly string[], env: CompileEnv, mayBeEmpty = false): LoadResult {
  const sources = readSources(paths);
  const decoded = decodeFiles(sources.files);
  const found = [...sources.issues, ...decoded.issues];
  const isEmptyMeant = mayBeEmpty && sources.files.length === 0;
  if (decoded.documents.length === 0 && !isEmptyMeant && !hasErrors(found)) found.push(emptyIssue(paths));
  const compiled = compile(decoded.documents, env);
  const isWhole = !hasErrors(found);
  const ofCompiling = isWhole ? compiled.issues : compiled.issues.filter((issue) => !FOLLOW_UPS.has(issue.code));
  const issues = [...found, ...ofCompiling];
  if (!hasErrors(issues)) {
    const assertions = decoded.documents.filter((document) => document.kind === "Assertion");
    issues.push(...checkAssertions(compiled.records, assertions));
  }
  return {
    issues: issues.sort(compareIssues),
    documents: decoded.documents,
    records: compiled.records,
    conditions: compiled.conditions,
  };
}

function emptyIssue(paths: readonly string[]): Issue {
  const place = { source: { file: paths[0] ?? "", position: () => ({ line: 1, col: 1 }) }, start: 0 };
  return issueAt("SV0115", place, "holds no document");
}

/** Whether `check` fails: on errors, and on references that a running mesh would live with. */
export function failsCheck(issues: readonly Issue[]): boolean {
  return hasErrors(issues) || issues.some((issue) => FAILURES_FOR_CHECK.has(issue.code));
}
