/** References from one document to another: parents, backends, targets. */
import type { BackendRef, ParentRef } from "../../../../model/documents.ts";
import { list } from "../collections.ts";
import { dnsLabel, dnsName, port } from "../names.ts";
import type { Rule } from "../object.ts";
import { object, optional, required, withDefault } from "../object.ts";
import { integer, text } from "../scalars.ts";
import type { Schema } from "../schema.ts";
import { mapped } from "../schema.ts";

/** API group of Gateway API's kinds. */
export const GATEWAY_GROUP = "gateway.networking.k8s.io";

/** Most parents of one route (Gateway API). */
export const PARENT_REFS_MAX = 32;

/** Most backends of one rule (Gateway API). */
export const BACKEND_REFS_MAX = 16;

/** Highest weight (Gateway API). */
export const WEIGHT_MAX = 1_000_000;

/** An API group; the core group is empty, and `core` is read as it. */
export const apiGroup: Schema<string> = mapped(
  text({
    what: 'an API group ("" for Services)',
    pattern: /^(?:[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*)?$/,
    lengthMin: 0,
    lengthMax: 253,
  }),
  (group) => (group === "core" ? "" : group),
  (group) => group,
);

/** The name of a kind. */
export const kindName = text({ what: "a kind", pattern: /^[A-Za-z](?:[-A-Za-z0-9]*[A-Za-z0-9])?$/, lengthMax: 63 });

const parentKindRule: Rule<ParentRef> = {
  says: 'A parent is a Service (`group: ""`) or a Gateway.',
  check(value, report) {
    const isService = value.group === "" && value.kind === "Service";
    if (isService || (value.group === GATEWAY_GROUP && value.kind === "Gateway")) return;
    const hint = value.kind === "Service" ? 'add group: "" beside kind: Service' : "a parent is a Service or a Gateway";
    report(["kind"], "SV0410", `a route cannot attach to ${value.kind} of group "${value.group}"`, hint);
  },
};

/** What a route attaches to. */
export const parentRef: Schema<ParentRef> = object(
  "ParentReference",
  {
    group: withDefault(apiGroup, 'API group of the parent; `""` or `core` for a Service.', GATEWAY_GROUP),
    kind: withDefault(kindName, "`Service` for calls inside the mesh, `Gateway` for calls that enter it.", "Gateway"),
    name: required(dnsName, "Name of the parent."),
    namespace: optional(dnsLabel, "Namespace of the parent.", "<metadata.namespace>"),
    port: optional(port, "Only this port of the parent.", "all ports"),
    sectionName: optional(dnsName, "Only this listener of a Gateway.", "all listeners"),
  },
  { rules: [parentKindRule] },
);

/** All parents of a route. */
export const parentRefs = list(parentRef, { itemsMax: PARENT_REFS_MAX });

/** Parents can be told apart, and there is at least one. */
export const parentRefsRule: Rule<{ readonly parentRefs: readonly ParentRef[] }> = {
  says: "Two references to one parent differ in `port` or `sectionName`.",
  check(value, report) {
    if (value.parentRefs.length === 0)
      report(["parentRefs"], "SV0413", "the route has no parentRefs, so that it routes nothing");
    const seen = new Set<string>();
    value.parentRefs.forEach((ref, index) => {
      const parent = JSON.stringify([ref.group, ref.kind, ref.namespace ?? "", ref.name]);
      const section = JSON.stringify([parent, ref.sectionName ?? "", ref.port ?? 0]);
      // One reference to the whole parent beside one to a part of it: which of them holds for the part is not defined.
      const isWhole = ref.sectionName === undefined && ref.port === undefined;
      const isClash = seen.has(section) || seen.has(`${parent} whole`) || (isWhole && seen.has(parent));
      if (isClash) {
        report(
          ["parentRefs", index],
          "SV0411",
          "sectionName or port must be unique when parentRefs has several references to one parent",
        );
      }
      seen.add(parent).add(section);
      if (isWhole) seen.add(`${parent} whole`);
    });
  },
};

/** Fields of a backend reference. */
export const backendRefFields = {
  group: withDefault(apiGroup, "API group of the backend.", ""),
  kind: withDefault(kindName, "Kind of the backend.", "Service"),
  name: required(dnsName, "Name of the backend."),
  namespace: optional(dnsLabel, "Namespace of the backend.", "<metadata.namespace>"),
  port: optional(port, "Port of the Service; required for one."),
};

/** Share of requests, relative to the sum over all backends of the rule. */
export const weight = integer(0, WEIGHT_MAX);

/** The weight of a backend; written out even where it is the default, since it only means something beside the others. */
export const weightField = { ...withDefault(weight, "Share of the requests; 0 for none.", 1), omitsDefault: false };

/** A Service needs a port: it may have several. */
export const backendPortRule: Rule<Pick<BackendRef, "group" | "kind" | "port">> = {
  says: "A reference to a Service names its port.",
  check(value, report) {
    if (value.group !== "" || value.kind !== "Service" || value.port !== undefined) return;
    report([], "SV0409", "Must have port for Service reference");
  },
};

/** A backend with a weight. */
export const backendRef: Schema<BackendRef> = object(
  "BackendRef",
  { ...backendRefFields, weight: weightField },
  { rules: [backendPortRule] },
);
