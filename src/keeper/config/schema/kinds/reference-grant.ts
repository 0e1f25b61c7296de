import type { ReferenceGrantSpec } from "../../../../model/documents.ts";
import { list } from "../collections.ts";
import { asWritten, declareKind } from "../kind.ts";
import { dnsLabel, dnsName } from "../names.ts";
import { object, optional, required } from "../object.ts";
import { apiGroup, kindName } from "./references.ts";

/** Most entries on each side (Gateway API). */
export const GRANTS_MAX = 16;

const from = object("ReferenceGrantFrom", {
  group: required(apiGroup, "API group of the documents that refer."),
  kind: required(kindName, "Kind of the documents that refer."),
  namespace: required(dnsLabel, "Namespace of the documents that refer."),
});

const to = object("ReferenceGrantTo", {
  group: required(apiGroup, "API group of what is referred to."),
  kind: required(kindName, "Kind of what is referred to."),
  name: optional(dnsName, "Name of what is referred to.", "all of the kind"),
});

/** Permission to refer into this namespace: Gateway API's ReferenceGrant. */
export const referenceGrantKind = declareKind({
  kind: "ReferenceGrant",
  apiVersions: ["gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1"],
  doc: "Lets routes of other namespaces, attached to a Gateway, use backends in its own namespace.",
  spec: object("ReferenceGrantSpec", {
    from: required(list(from, { itemsMin: 1, itemsMax: GRANTS_MAX }), "Who may refer."),
    to: required(list(to, { itemsMin: 1, itemsMax: GRANTS_MAX }), "What may be referred to."),
  }),
  toModel: asWritten<ReferenceGrantSpec>,
  toFile: asWritten<ReferenceGrantSpec>,
});
