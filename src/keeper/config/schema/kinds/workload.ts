import type { WorkloadSpec } from "../../../../model/documents.ts";
import { callee, workloadAddress } from "../addresses.ts";
import { list, map } from "../collections.ts";
import { declareKind } from "../kind.ts";
import { dnsLabel, port, serviceAccountName } from "../names.ts";
import type { Rule } from "../object.ts";
import { object, optional, refined, withDefault } from "../object.ts";
import { oneOf } from "../scalars.ts";
import { SELECTORS_MAX, selector } from "../selectors.ts";

/** Most entries of `calls`. Reason: a workload that calls more names none of them on purpose. */
export const CALLS_MAX = 256;

/** Selectors that must all hold. `unix:path` alone is refused: whoever can run a program could take its identity. */
export const selectorEntry = refined(list(selector, { itemsMin: 1, itemsMax: SELECTORS_MAX }), {
  says: "`unix:path:` stands only beside another selector.",
  check(entry, report) {
    if (!entry.every((item) => item.startsWith("unix:path:"))) return;
    const hint = "put unix:user:NAME or another selector into the same list";
    report([], "SV0308", "unix:path needs another selector beside it", hint);
  },
});

/** Any of several entries. */
export const selectorLists = list(selectorEntry, { itemsMin: 1, itemsMax: SELECTORS_MAX });

/** The list of what a workload may call. */
export const callees = list(callee, { itemsMax: CALLS_MAX });

interface Written {
  readonly node: string | undefined;
  readonly nodes: "all" | undefined;
  readonly address: string | undefined;
  readonly ports: Readonly<Record<string, number>>;
}

const placementRule: Rule<Written> = {
  says: "`node` and `nodes` exclude each other.",
  check(value, report) {
    if (value.node !== undefined && value.nodes !== undefined) {
      report(["nodes"], "SV0401", "node and nodes exclude each other");
    }
  },
};

const portsRule: Rule<Written> = {
  says: "`ports` have an effect only with an IP address.",
  check(value, report) {
    if (Object.keys(value.ports).length === 0) return;
    if (value.address === undefined) {
      const hint = "add address: 127.0.0.1, or remove ports where it only calls others";
      report(["ports"], "SV0412", "without an address these ports are never used", hint);
    } else if (value.address.startsWith("unix:")) {
      report(["ports"], "SV0412", "a unix socket has no ports; these are never used");
    }
  },
};

const spec = object(
  "WorkloadSpec",
  {
    serviceAccount: optional(
      serviceAccountName,
      "Last part of its identity; several workloads may share one.",
      "<metadata.name>",
    ),
    selectors: optional(
      selectorLists,
      "How its processes are recognised. Outer list: any of; inner list: all of; `unix:path:` never alone.",
      "never recognised as a caller",
    ),
    node: optional(dnsLabel, "Node it runs on.", "this node (on a site with one)"),
    nodes: optional(oneOf(["all"]), "`all`: it runs on every node."),
    address: optional(workloadAddress, "Where it listens: an IP address or a unix socket.", "a caller only"),
    ports: withDefault(map(dnsLabel, port, 64), "Named ports it listens on.", {}),
    calls: optional(
      callees,
      "Whom it may call: `name`, `name.namespace`, or `host:port` outside the mesh. An empty list: nobody.",
      "anybody whose policy lets it",
    ),
  },
  { rules: [placementRule, portsRule] },
);

/** A group of equal processes. */
export const workloadKind = declareKind({
  kind: "Workload",
  apiVersions: ["selvedge/v1"],
  doc: "A process (or a group of equal ones): how it is recognised, where it listens, whom it may call.",
  spec,
  toModel: ({ nodes, ...written }, metadata): WorkloadSpec => ({
    ...written,
    node: nodes ?? written.node,
    serviceAccount: written.serviceAccount ?? metadata.name,
  }),
  // A node cannot be called `all`: the model says with this word that there is no single one.
  toFile: ({ node, ...model }) =>
    node === "all" ? { ...model, node: undefined, nodes: "all" as const } : { ...model, node, nodes: undefined },
});
