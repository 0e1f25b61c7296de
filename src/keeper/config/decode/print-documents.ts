import { stringify } from "yaml";
import type { AnyDocument } from "../../../model/documents.ts";
import type { Plain } from "../schema/config-node.ts";
import { kindNamed } from "../schema/kinds.ts";

/** A document as one would write it, defaults left out. `decodeFiles` of it gives the same document again. */
export function documentToPlain(document: AnyDocument): Plain {
  const declaration = kindNamed(document.kind);
  if (declaration === undefined) throw new Error(`no kind ${document.kind}`);
  const { apiVersion, kind, metadata } = document;
  return { apiVersion, kind, metadata: declaration.metadata.write(metadata), spec: declaration.write(document) };
}

/**
 * Documents as one YAML text. Words that older YAML takes for booleans (`yes`, `on`) are quoted, so that other tools read
 * the same.
 */
export function printDocuments(documents: readonly AnyDocument[]): string {
  return documents
    .map((document) => stringify(documentToPlain(document), { schema: "core", compat: "yaml-1.1", lineWidth: 0 }))
    .join("---\n");
}
