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
  "SV1016",
  "SV1017",
  "SV1101",
  "SV1111",
  "SV1112",
  "SV1203",
  "SV2009",
  "SV2102",
]);

/** What was read and decoded, before it is compiled for a node. */
export interface Decoded {
  readonly documents: readonly AnyDocument[];
  readonly issues: readonly Issue[];
}

/**
 * Reads, decodes and compiles. Assertions are judged only where everything else is sound. Sources without any document are an
 * error: nobody means a mesh without services, while a disk that is full empties files. With `mayBeEmpty` no file at all is right.
 */
export function loadSources(paths: readonly string[], env: CompileEnv, mayBeEmpty = false): LoadResult {
  return compileFor(decodeSources(paths, mayBeEmpty), env);
}

/** The first half of `loadSources`. */
export function decodeSources(paths: readonly string[], mayBeEmpty = false): Decoded {
  const sources = readSources(paths);
  const decoded = decodeFiles(sources.files);
  const issues = [...sources.issues, ...decoded.issues];
  const isEmptyMeant = mayBeEmpty && sources.files.length === 0;
  if (decoded.documents.length === 0 && !isEmptyMeant && !hasErrors(issues)) issues.push(emptyIssue(paths));
  return { documents: decoded.documents, issues };
}

/** The second half of `loadSources`: what the documents come to on one node. */
export function compileFor({ documents, issues: found }: Decoded, env: CompileEnv): LoadResult {
  const compiled = compile(documents, env);
  const isWhole = !hasErrors(found);
  const ofCompiling = isWhole ? compiled.issues : compiled.issues.filter((issue) => !FOLLOW_UPS.has(issue.code));
  const issues = [...found, ...ofCompiling];
  if (!hasErrors(issues)) {
    const assertions = documents.filter((document) => document.kind === "Assertion");
    issues.push(...checkAssertions(compiled.records, assertions));
  }
  return {
    issues: issues.sort(compareIssues),
    documents,
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
