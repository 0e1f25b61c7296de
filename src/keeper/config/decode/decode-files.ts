import type { AnyDocument } from "../../../model/documents.ts";
import type { Issue } from "../../../model/issue.ts";
import { compareIssues } from "../../../model/issue.ts";
import { Reader } from "../schema/reader.ts";
import { decodeTree } from "./decode-document.ts";
import { parseDocuments } from "./parse-documents.ts";

/** One text to decode; `path` is what positions name. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export interface Decoded {
  /** In the order of the files; those with errors are missing. */
  readonly documents: readonly AnyDocument[];
  /** Sorted by position. */
  readonly issues: readonly Issue[];
}

/** Decodes YAML 1.2 and JSON texts, multi-document files, Lists and short forms. Every problem is reported at once. */
export function decodeFiles(files: readonly SourceFile[]): Decoded {
  const reader = new Reader();
  const documents: AnyDocument[] = [];
  for (const { path, text } of files) {
    parseDocuments(path, text, reader, (tree) => decodeTree(tree, documents, reader));
  }
  return { documents, issues: reader.issues.toSorted(compareIssues) };
}
