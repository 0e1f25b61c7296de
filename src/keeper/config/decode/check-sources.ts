import type { AnyDocument } from "../../../model/documents.ts";
import type { Issue } from "../../../model/issue.ts";
import { compareIssues, hasErrors } from "../../../model/issue.ts";
import { decodeFiles } from "./decode-files.ts";
import { printDocuments } from "./print-documents.ts";
import { readSources } from "./read-sources.ts";

export interface CheckedSources {
  readonly documents: readonly AnyDocument[];
  /** Sorted by file and position. Documents are complete only where none of these is an error. */
  readonly issues: readonly Issue[];
}

/** Reads and decodes files and folders. References between documents are not looked at: that is compiling. */
export function checkSources(paths: readonly string[]): CheckedSources {
  const sources = readSources(paths);
  const decoded = decodeFiles(sources.files);
  return { documents: decoded.documents, issues: [...sources.issues, ...decoded.issues].toSorted(compareIssues) };
}

/** What `selvedge expand` prints: the full documents that the sources stand for. Empty text where there are errors. */
export function expandSources(paths: readonly string[]): { readonly text: string; readonly issues: readonly Issue[] } {
  const { documents, issues } = checkSources(paths);
  return { text: hasErrors(issues) ? "" : printDocuments(documents), issues };
}
