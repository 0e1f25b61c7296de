import type { AnyDocument, DocumentOf, Metadata } from "../../../model/documents.ts";
import type { ConfigNode, Plain } from "./config-node.ts";
import { annotations, dnsLabel, dnsName, labels } from "./names.ts";
import { object, required, withDefault } from "./object.ts";
import type { Reader } from "./reader.ts";
import type { Invalid, Schema } from "./schema.ts";
import { INVALID } from "./schema.ts";
import type { ObjectShape } from "./shape.ts";

/** Fields that a Kubernetes API server adds to metadata; they mean nothing here. */
const SERVER_METADATA = [
  "uid",
  "resourceVersion",
  "creationTimestamp",
  "managedFields",
  "generation",
  "finalizers",
  "selfLink",
];

function metadataOf(shapeName: string, name: Schema<string>): Schema<Metadata> & { readonly shape: ObjectShape } {
  return object(
    shapeName,
    {
      name: required(name, "Name of the document, unique within its kind and namespace."),
      namespace: withDefault(dnsLabel, "Namespace: the unit that policies and short names refer to.", "default"),
      labels: withDefault(labels, "Labels, for selectors.", {}),
      annotations: withDefault(annotations, "Annotations; only those documented for a kind have an effect.", {}),
    },
    {
      tolerated: SERVER_METADATA,
      unsupported: {
        generateName: "a file needs a name that stays the same",
        ownerReferences: "nothing owns documents here",
      },
    },
  );
}

const nameMetadata = metadataOf("Metadata", dnsName);
const labelMetadata = metadataOf("LabelMetadata", dnsLabel);

/** The declaration of one kind, with the type of its spec hidden. */
export interface KindDeclaration {
  readonly kind: AnyDocument["kind"];
  /** The first one is what is written. */
  readonly apiVersions: readonly string[];
  readonly doc: string;
  readonly metadata: Schema<Metadata> & { readonly shape: ObjectShape };
  readonly spec: ObjectShape;
  readonly isSpecRequired: boolean;
  /** The spec as it stands in the model; an absent node stands for an empty mapping. */
  read(node: ConfigNode, metadata: Metadata, reader: Reader): AnyDocument["spec"] | Invalid;
  /** The spec as one would write it. */
  write(document: AnyDocument): Plain;
}

export interface KindOptions<Kind extends AnyDocument["kind"], Written> {
  readonly kind: Kind;
  readonly apiVersions: readonly string[];
  readonly doc: string;
  /** Services and nodes are single labels. */
  readonly nameIsLabel?: boolean;
  readonly isSpecRequired?: boolean;
  readonly spec: Schema<Written> & { readonly shape: ObjectShape };
  /** Fills in what depends on the metadata, and gives the spec the form it has in the model. */
  readonly toModel: (written: Written, metadata: Metadata) => DocumentOf<Kind>["spec"];
  readonly toFile: (spec: DocumentOf<Kind>["spec"]) => Written;
}

/** Declares a kind. */
export function declareKind<Kind extends AnyDocument["kind"], Written>(
  options: KindOptions<Kind, Written>,
): KindDeclaration {
  const { kind, apiVersions, doc, spec, toModel, toFile, isSpecRequired = true, nameIsLabel = false } = options;
  return {
    kind,
    apiVersions,
    doc,
    metadata: nameIsLabel ? labelMetadata : nameMetadata,
    spec: spec.shape,
    isSpecRequired,
    read(node, metadata, reader) {
      const written = spec.read(node, reader);
      return written === INVALID ? INVALID : toModel(written, metadata);
    },
    write(document) {
      if (document.kind !== kind) throw new Error(`a ${document.kind} is not a ${kind}`);
      // The kind says which spec it is; the compiler cannot follow that through a type parameter.
      return spec.write(toFile(document.spec as DocumentOf<Kind>["spec"]));
    },
  };
}

/** For kinds whose spec has the same form in the file and in the model. */
export function asWritten<T>(value: T): T {
  return value;
}
