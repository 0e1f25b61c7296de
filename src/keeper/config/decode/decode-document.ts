import { nearestName } from "../../../base/nearest-name.ts";
import type { AnyDocument } from "../../../model/documents.ts";
import type { ConfigNode, MapNode } from "../schema/config-node.ts";
import { entryOf, nodeAt, nodeFrom, originOf } from "../schema/config-node.ts";
import type { KindDeclaration } from "../schema/kind.ts";
import { KINDS, kindNamed, UNSUPPORTED_KINDS } from "../schema/kinds.ts";
import type { Reader } from "../schema/reader.ts";
import { orList, quote } from "../schema/reader.ts";
import { INVALID, wrongType } from "../schema/schema.ts";
import { expandShortForm } from "./expand-short-form.ts";
import { DOCUMENTS_MAX } from "./limits.ts";

/** Fields of every document; `status` is what a cluster thinks of it. */
const DOCUMENT_FIELDS = ["apiVersion", "kind", "metadata", "spec"];

/**
 * Appends to `documents` what a tree stands for: one document, the items of a List, or what a short form expands into.
 * What has an error is left out, and every problem is reported.
 *
 * @param isWritten the tree stands in its source as it is, not expanded from something shorter
 */
export function decodeTree(node: ConfigNode, documents: AnyDocument[], reader: Reader, isWritten = true): void {
  if (node.type !== "map") {
    reader.report("SV0201", node, "expected a document (a mapping with apiVersion and kind, or with mesh)");
    return;
  }
  const kind = entryOf(node, "kind");
  if (kind === undefined && entryOf(node, "mesh") !== undefined) {
    for (const expanded of expandShortForm(node, reader)) decodeTree(expanded, documents, reader, false);
  } else if (kind === undefined) {
    reader.report("SV0202", node, "the document has no kind", "add apiVersion and kind, or mesh for the short form");
  } else if (kind.value.type !== "scalar" || typeof kind.value.value !== "string") {
    reader.within("kind", () => wrongType(kind.value, reader, "text (a kind)"));
  } else if (kind.value.value === "List") {
    decodeList(node, documents, reader);
  } else {
    decodeOne(node, kind.value.value, kind.value, documents, reader, isWritten);
  }
}

function decodeList(node: MapNode, documents: AnyDocument[], reader: Reader): void {
  const items = entryOf(node, "items");
  if (items === undefined) {
    reader.report("SV0208", node, 'field "items" is missing');
  } else if (items.value.type !== "list") {
    reader.within("items", () => wrongType(items.value, reader, "a list"));
  } else {
    items.value.items.forEach((item, index) => {
      reader.within("items", () => reader.within(index, () => decodeTree(item, documents, reader)));
    });
  }
  for (const { key, keyPlace } of node.entries) {
    if (!["apiVersion", "kind", "metadata", "items"].includes(key)) {
      reader.report(
        "SV0206",
        keyPlace,
        `unknown field ${quote(key)}`,
        "a List has apiVersion, kind, metadata and items",
      );
    }
  }
}

function decodeOne(
  node: MapNode,
  kind: string,
  place: ConfigNode,
  documents: AnyDocument[],
  reader: Reader,
  isWritten: boolean,
): void {
  const declaration = kindNamed(kind);
  if (declaration === undefined) {
    refuseKind(kind, place, reader);
  } else if (documents.length >= DOCUMENTS_MAX) {
    if (documents.length === DOCUMENTS_MAX) reader.report("SV0111", node, `more than ${DOCUMENTS_MAX} documents`);
  } else {
    const document = readDocument(node, declaration, reader, isWritten);
    if (document !== undefined) documents.push(document);
  }
}

function refuseKind(kind: string, place: ConfigNode, reader: Reader): void {
  if (Object.hasOwn(UNSUPPORTED_KINDS, kind)) {
    reader.report("SV0204", place, `kind ${kind} is not supported yet`, UNSUPPORTED_KINDS[kind]);
    return;
  }
  const kinds = KINDS.map((declaration) => declaration.kind);
  const near = nearestName(kind, kinds);
  reader.report(
    "SV0203",
    place,
    `unknown kind ${quote(kind)}`,
    near === undefined ? `known kinds: ${kinds.join(", ")}` : `did you mean ${quote(near)}?`,
  );
}

function readDocument(
  node: MapNode,
  declaration: KindDeclaration,
  reader: Reader,
  isWritten: boolean,
): AnyDocument | undefined {
  const errorsBefore = reader.errorCount;
  const apiVersion = readApiVersion(node, declaration, reader);
  checkFields(node, reader);
  const metadataNode = entryOf(node, "metadata")?.value;
  if (metadataNode === undefined) reader.report("SV0208", node, 'field "metadata" is missing');
  const metadata =
    metadataNode === undefined
      ? INVALID
      : reader.within("metadata", () => declaration.metadata.read(metadataNode, reader));
  const specNode = entryOf(node, "spec")?.value;
  if (specNode === undefined && declaration.isSpecRequired) reader.report("SV0208", node, 'field "spec" is missing');
  // Read even where the metadata is wrong: every problem is shown at once.
  const readMetadata =
    metadata === INVALID ? { name: "unknown", namespace: "default", labels: {}, annotations: {} } : metadata;
  const isReadable = specNode !== undefined || !declaration.isSpecRequired;
  const spec = isReadable
    ? reader.within("spec", () => declaration.read(specNode ?? nodeFrom({}, node), readMetadata, reader))
    : INVALID;
  if (metadata === INVALID || spec === INVALID || reader.errorCount > errorsBefore) return undefined;
  const document = {
    apiVersion,
    kind: declaration.kind,
    metadata,
    spec,
    origin: originOf(node),
    at: isWritten && node.source.reread !== undefined ? positionsBySource(node) : positionsByTree(node),
  };
  // The declaration pairs its kind with the spec that it reads.
  return document as AnyDocument;
}

function positionsByTree(node: ConfigNode): AnyDocument["at"] {
  return (path) => originOf(nodeAt(node, path));
}

/** The tree is not kept: of ten thousand documents it is most of the memory, and few have a problem to point at. */
function positionsBySource({ source, start }: ConfigNode): AnyDocument["at"] {
  return (path) => {
    const tree = source.reread?.(start);
    return originOf(tree === undefined ? { source, start } : nodeAt(tree, path));
  };
}

function readApiVersion(node: MapNode, declaration: KindDeclaration, reader: Reader): string {
  const entry = entryOf(node, "apiVersion");
  const { kind, apiVersions } = declaration;
  const value = entry?.value.type === "scalar" ? entry.value.value : undefined;
  if (entry === undefined) {
    reader.report("SV0208", node, 'field "apiVersion" is missing', `write apiVersion: ${apiVersions[0]}`);
  } else if (typeof value !== "string") {
    reader.within("apiVersion", () => wrongType(entry.value, reader, `text (${orList(apiVersions)})`));
  } else if (!apiVersions.includes(value)) {
    reader.report(
      "SV0205",
      entry.value,
      `apiVersion ${quote(value)} has no kind ${kind}, expected ${orList(apiVersions)}`,
    );
  }
  return String(value);
}

function checkFields(node: MapNode, reader: Reader): void {
  for (const { key, keyPlace } of node.entries) {
    if (DOCUMENT_FIELDS.includes(key) || key === "status") continue;
    const near = nearestName(key, DOCUMENT_FIELDS);
    const hint = near === undefined ? `known fields: ${DOCUMENT_FIELDS.join(", ")}` : `did you mean ${quote(near)}?`;
    reader.report("SV0206", keyPlace, `unknown field ${quote(key)}`, hint);
  }
}
