import { nearestName } from "../base/nearest-name.ts";
import type { SnapshotIndex } from "../model/access/snapshot-index.ts";
import { serviceNamed } from "../model/names.ts";
import type { ResponseFlag } from "../model/response-flags.ts";
import type { RequestRecord } from "../telemetry/access-record.ts";

type Placeless = Pick<RequestRecord, "source" | "flag" | "service" | "host">;

/** How a call that left the mesh may end. */
const OUTSIDE: ReadonlySet<ResponseFlag> = new Set(["-", "CALLS", "UF", "UC", "UT", "UPE", "DC"]);

/** Why a recorded request can be judged by no service of its generation, and what to look at. */
export function unplacedNote({ source, flag, service, host }: Placeless, index: SnapshotIndex): string {
  const node = source.node ?? "";
  if (service !== "" || host === "") return "its service is not among the documents of that generation";
  if (node !== "") {
    if (flag === "UH") {
      return `node ${node} asked for an endpoint that is drained here, or that the documents of this one do not have: are the files the same?`;
    }
    if (flag === "RBAC" && source.principal === "") {
      return `node ${node} did not say, or did not prove, for which workload it asked: no policy was looked at`;
    }
    return "its service is not among the documents of that generation";
  }
  if (flag === "NR") return unknownNameNote(host, source.namespace, index);
  return OUTSIDE.has(flag)
    ? "its destination is outside the mesh, where only the caller's calls and outboundTrafficPolicy decide"
    : "its service is not among the documents of that generation";
}

function unknownNameNote(host: string, namespace: string, index: SnapshotIndex): string {
  const name = host.replace(/:[0-9]+$/, "").replace(/\.$/, "");
  const asked = serviceNamed(name, namespace);
  if (asked !== undefined && asked.namespace === "" && !name.includes("."))
    return `whoever has no identity has no namespace either: say ${name}.NAMESPACE`;
  const services = [...index.services.values()].map((one) => `${one.name}.${one.namespace}`);
  const near = nearestName(asked === undefined ? name : `${asked.name}.${asked.namespace}`, services);
  if (near !== undefined) return `no service is called ${host}; did you mean ${near}?`;
  // Only at a Gateway whoever has no identity may ask for other names than those of services.
  if (namespace === "") return `no service is called ${host}, and at a Gateway no route has this hostname`;
  return name.includes(".")
    ? `no service is called ${host}; for a name outside the mesh, with this port, the documents need a ServiceEntry, calls of the caller that name it, or outboundTrafficPolicy ALLOW_ANY`
    : `no service is called ${host} in namespace ${asked?.namespace ?? namespace}`;
}
