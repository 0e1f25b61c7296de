/** Listeners for plaintext from outside the node, where PeerAuthentication is PERMISSIVE. */
import type { DocumentOf } from "../../../model/documents.ts";
import { serviceKey, workloadKey } from "../../../model/names.ts";
import { parseHostPort } from "../schema/addresses.ts";
import { isUnspecified, parseIpAddress } from "../schema/ip-address.ts";
import { type DocumentSet, qualifiedName } from "./document-set.ts";
import { targetNumberOf, type WorkloadIndex } from "./endpoints.ts";
import { listenerKey, type PlacedListener } from "./listeners.ts";
import type { PeerAuthentications } from "./peer-authentications.ts";
import type { Report } from "./report.ts";
import type { CompiledSite } from "./site.ts";
import { nodeOf } from "./workloads.ts";

type Workload = DocumentOf<"Workload">;

interface ServedPort {
  readonly service: string;
  readonly port: number;
}

/**
 * A listener per PERMISSIVE port of a local workload that a Service targets, on this node's address at the workload's port.
 * A port that no Service targets gets none: it has no name, no protocol and no policy to be judged by.
 */
export function inboundListeners(
  documents: DocumentSet,
  workloads: WorkloadIndex,
  peers: PeerAuthentications,
  site: CompiledSite,
  report: Report,
): PlacedListener[] {
  if (documents.all("PeerAuthentication").length === 0) return [];
  const served = servedPorts(documents, workloads);
  const hostname = ownAddress(documents, site);
  const listeners: PlacedListener[] = [];
  const complained = new Set<object>();
  for (const workload of documents.all("Workload")) {
    const { address, ports } = workload.spec;
    if (address === undefined || address.startsWith("unix:") || nodeOf(workload, site) !== site.record.node) continue;
    const { mode, ports: modes, decidedBy } = peers.modeOf(workload);
    for (const port of new Set(Object.values(ports))) {
      const target = served.get(servedKey(workload, port));
      if ((modes[port] ?? mode) !== "PERMISSIVE" || target === undefined) continue;
      const document = decidedBy(port);
      if (hostname !== undefined) listeners.push(listener(workload, hostname, port, target, document));
      else if (document !== undefined && !complained.has(document)) {
        complained.add(document);
        reportNoAddress(document, workload, port, site, report);
      }
    }
  }
  return listeners;
}

function listener(
  workload: Workload,
  hostname: string,
  port: number,
  target: ServedPort,
  document: DocumentOf<"PeerAuthentication"> | undefined,
): PlacedListener {
  const { namespace, name } = workload.metadata;
  return {
    record: {
      kind: "listener",
      key: listenerKey("inbound", hostname, port),
      role: "inbound",
      hostname,
      port,
      service: target.service,
      servicePort: target.port,
      workload: workloadKey(namespace, name),
    },
    document,
    path: ["spec"],
    owner: `PERMISSIVE for Workload ${qualifiedName(workload)}`,
  };
}

/** By workload and its port: the first Service by name that targets it. */
function servedPorts(documents: DocumentSet, workloads: WorkloadIndex): Map<string, ServedPort> {
  const served = new Map<string, ServedPort>();
  for (const service of documents.all("Service")) {
    const { namespace, name } = service.metadata;
    for (const workload of workloads.behind(service)) {
      for (const port of service.spec.ports) {
        const number = targetNumberOf(port, workload);
        const key = number === undefined ? undefined : servedKey(workload, number);
        if (key !== undefined && !served.has(key)) {
          served.set(key, { service: serviceKey(namespace, name), port: port.port });
        }
      }
    }
  }
  return served;
}

function servedKey({ metadata }: Workload, port: number): string {
  return `${metadata.namespace}/${metadata.name}:${port}`;
}

/** Where machines outside find this node: the IP address of its Node document, else one that Site.spec.tunnel names. */
function ownAddress(documents: DocumentSet, site: CompiledSite): string | undefined {
  const own = documents.all("Node").find(({ metadata }) => metadata.name === site.record.node);
  for (const address of [own?.spec.address, site.spec.tunnel]) {
    const host = address === undefined ? undefined : parseHostPort(address, 0)?.host;
    const bytes = host === undefined ? undefined : parseIpAddress(host);
    if (bytes !== undefined && !isUnspecified(bytes)) return host;
  }
  return undefined;
}

function reportNoAddress(
  document: DocumentOf<"PeerAuthentication">,
  workload: Workload,
  port: number,
  site: CompiledSite,
  report: Report,
): void {
  const { node } = site.record;
  const message = `PeerAuthentication ${qualifiedName(document)} lets plaintext reach port ${port} of Workload ${qualifiedName(workload)}, but it is not known where node ${node} is to listen for it`;
  const hint = `write the IP address of ${node} into a Node document (address: 10.0.0.11:15008) or into Site.spec.tunnel`;
  report.add(document, ["spec"], "SV1207", message, hint);
}
