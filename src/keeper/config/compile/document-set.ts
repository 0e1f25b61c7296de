/** The documents by kind and name, each name once. */
import type { AnyDocument, DocumentOf } from "../../../model/documents.ts";
import type { Report } from "./report.ts";

type Kind = AnyDocument["kind"];

/** Documents of one configuration. Of two with the same kind, namespace and name the first counts, and it is an error. */
export class DocumentSet {
  readonly #byKind = new Map<Kind, AnyDocument[]>();
  readonly #byName = new Map<string, AnyDocument>();
  readonly #names = new Map<Kind, readonly string[]>();

  constructor(documents: readonly AnyDocument[], report: Report) {
    for (const document of documents) this.#add(document, report);
    for (const list of this.#byKind.values()) list.sort(compareNames);
  }

  /** All documents of a kind, ordered by `namespace/name`, so that the order of files decides nothing. */
  all<K extends Kind>(kind: K): readonly DocumentOf<K>[] {
    return (this.#byKind.get(kind) ?? []).filter((document): document is DocumentOf<K> => document.kind === kind);
  }

  /** One document, or `undefined`. */
  find<K extends Kind>(kind: K, namespace: string, name: string): DocumentOf<K> | undefined {
    const document = this.#byName.get(nameKey(kind, namespace, name));
    return document as DocumentOf<K> | undefined;
  }

  /** `namespace/name` of every document of a kind. */
  names(kind: Kind): readonly string[] {
    const known = this.#names.get(kind) ?? this.all(kind).map((document) => qualifiedName(document));
    this.#names.set(kind, known);
    return known;
  }

  #add(document: AnyDocument, report: Report): void {
    const key = nameKey(document.kind, document.metadata.namespace, document.metadata.name);
    const first = this.#byName.get(key);
    if (first !== undefined && document.kind !== "Assertion") {
      const where = `${first.origin.file}:${first.origin.line}`;
      const message = `${document.kind} ${qualifiedName(document)} is defined twice, first at ${where}`;
      report.add(document, ["metadata", "name"], "SV1001", message);
      return;
    }
    this.#byName.set(key, document);
    const list = this.#byKind.get(document.kind);
    if (list === undefined) this.#byKind.set(document.kind, [document]);
    else list.push(document);
  }
}

/** `namespace/name`. */
export function qualifiedName(document: Pick<AnyDocument, "metadata">): string {
  return `${document.metadata.namespace}/${document.metadata.name}`;
}

function nameKey(kind: Kind, namespace: string, name: string): string {
  return `${kind} ${namespace}/${name}`;
}

function compareNames(a: AnyDocument, b: AnyDocument): number {
  const left = qualifiedName(a);
  const right = qualifiedName(b);
  return left < right ? -1 : left > right ? 1 : 0;
}
