import type { PeerAuthenticationSpec } from "../../../../model/documents.ts";
import { map } from "../collections.ts";
import { declareKind } from "../kind.ts";
import type { Rule } from "../object.ts";
import { object, optional, withDefault } from "../object.ts";
import { oneOf, text } from "../scalars.ts";
import { workloadSelector } from "./authorization-policy.ts";

const mode = oneOf(["UNSET", "STRICT", "PERMISSIVE", "DISABLE"]);

const mtls = object("MutualTLS", {
  mode: withDefault(
    mode,
    "`STRICT`: no plaintext from outside the node. `PERMISSIVE`: as far as policies let it in. UNSET inherits, in the end STRICT.",
    "UNSET",
  ),
});

const portKey = text({
  what: "a port number of the workload",
  pattern: /^[1-9][0-9]{0,4}$/,
  problem: (value) => (Number(value) > 65_535 ? { message: "is not 1 to 65535" } : undefined),
});

type Mode = PeerAuthenticationSpec["mode"];

interface Written {
  readonly selector: PeerAuthenticationSpec["selector"];
  readonly mtls: { readonly mode: Mode };
  readonly portLevelMtls: Readonly<Record<string, { readonly mode: Mode }>>;
}

const portsRule: Rule<Written> = {
  says: "`portLevelMtls` needs a selector.",
  check(value, report) {
    if (Object.keys(value.portLevelMtls).length === 0 || value.selector !== undefined) return;
    report(["portLevelMtls"], "SV0402", "portLevelMtls needs a selector: ports belong to workloads");
  },
};

/** What is asked of connections from other nodes: Istio's PeerAuthentication. */
export const peerAuthenticationKind = declareKind({
  kind: "PeerAuthentication",
  apiVersions: ["security.istio.io/v1", "security.istio.io/v1beta1"],
  doc: "Whether plaintext from outside the node may reach a workload. Between nodes of a site all calls are encrypted, whatever it says; PERMISSIVE opens the workload's ports on the node's address besides, for callers without identity. In the root namespace it is for the whole mesh.",
  isSpecRequired: false,
  spec: object(
    "PeerAuthenticationSpec",
    {
      selector: optional(workloadSelector, "Workloads that it is for.", "all of the namespace"),
      mtls: withDefault(mtls, "For all ports.", { mode: "UNSET" }),
      portLevelMtls: withDefault(map(portKey, mtls, 64), "For single ports of the workload.", {}),
    },
    { rules: [portsRule] },
  ),
  toModel: (written): PeerAuthenticationSpec => ({
    selector: written.selector,
    mode: written.mtls.mode,
    portLevelMtls: mapValues(written.portLevelMtls, (item) => item.mode),
  }),
  toFile: (model): Written => ({
    selector: model.selector,
    mtls: { mode: model.mode },
    portLevelMtls: mapValues(model.portLevelMtls, (item) => ({ mode: item })),
  }),
});

function mapValues<A, B>(record: Readonly<Record<string, A>>, convert: (value: A) => B): Readonly<Record<string, B>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]): [string, B] => [key, convert(value)]));
}
