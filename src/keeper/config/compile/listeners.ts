/** What the worker listens on, and that no two of them want the same address. */
import type { DocumentOf, FieldPath } from "../../../model/documents.ts";
import { serviceKey } from "../../../model/names.ts";
import type { ListenerRecord } from "../../../model/snapshot.ts";
import { type DocumentSet, qualifiedName } from "./document-set.ts";
import type { Located, Report } from "./report.ts";
import type { CompiledSite } from "./site.ts";

/** A listener with the place it was written at. */
export interface PlacedListener {
  readonly record: ListenerRecord;
  readonly document: Located | undefined;
  readonly path: FieldPath;
  /** What to call it in a message. */
  readonly owner: string;
}

/** Key of a ListenerRecord. */
export function listenerKey(role: ListenerRecord["role"], hostname: string, port: number): string {
  return `listener/${role}/${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/** The shared outbound listener, the one for metrics, and the one for tunnels from other nodes where there is to be one. */
export function siteListeners(site: CompiledSite): PlacedListener[] {
  return (["outbound", "metrics", "tunnel"] as const).flatMap((role): PlacedListener[] => {
    const address = site.spec[role];
    if (address === undefined) return [];
    const { hostname, port } = splitAddress(address);
    const record: ListenerRecord = { kind: "listener", key: listenerKey(role, hostname, port), role, hostname, port };
    return [{ record, document: site.document, path: ["spec", role], owner: `Site.spec.${role}` }];
  });
}

/** A listener per port of each Service with a clusterIP. */
export function serviceListeners(documents: readonly DocumentOf<"Service">[], report: Report): PlacedListener[] {
  const owners = new Map<string, DocumentOf<"Service">>();
  return documents.flatMap((document) => {
    const hostname = document.spec.clusterIP;
    if (hostname === undefined) return [];
    const owner = owners.get(hostname);
    if (owner !== undefined) {
      const message = `clusterIP ${hostname} of Service ${qualifiedName(document)} belongs to Service ${qualifiedName(owner)}`;
      report.add(document, ["spec", "clusterIP"], "SV1010", message);
      return [];
    }
    owners.set(hostname, document);
    return document.spec.ports.map(
      ({ port }): PlacedListener => ({
        record: {
          kind: "listener",
          key: listenerKey("service", hostname, port),
          role: "service",
          hostname,
          port,
          service: serviceKey(document.metadata.namespace, document.metadata.name),
          servicePort: port,
        },
        document,
        path: ["spec", "clusterIP"],
        owner: `Service ${qualifiedName(document)}`,
      }),
    );
  });
}

/** Drops listeners whose address another one of this node has; the earlier in the list keeps it. */
export function withoutConflicts(listeners: readonly PlacedListener[], report: Report): ListenerRecord[] {
  const taken = new TakenAddresses();
  return listeners.flatMap((listener) => {
    const { hostname, port, node } = listener.record;
    // Whatever else another node listens on is its own matter.
    if (node !== undefined) return [listener.record];
    const other = taken.find(hostname, port);
    if (other === undefined) {
      taken.add(listener);
      return [listener.record];
    }
    const message = `${listener.owner} listens on ${hostname}:${port}, and ${other.owner} on ${other.record.hostname}:${port}`;
    const at = listener.document ?? other.document;
    if (at !== undefined) report.add(at, listener.document ? listener.path : other.path, "SV1011", message);
    return [];
  });
}

/** Reports local workloads that listen where the mesh does: the mesh would call itself. */
export function checkWorkloadAddresses(
  documents: DocumentSet,
  listeners: readonly PlacedListener[],
  isLocal: (workload: DocumentOf<"Workload">) => boolean,
  report: Report,
): void {
  const taken = new TakenAddresses();
  for (const listener of listeners) if (listener.record.node === undefined) taken.add(listener);
  for (const workload of documents.all("Workload")) {
    const { address, ports } = workload.spec;
    if (address === undefined || address.startsWith("unix:") || !isLocal(workload)) continue;
    for (const [name, port] of Object.entries(ports)) {
      const other = taken.find(address, port);
      if (other === undefined) continue;
      const message = `Workload ${qualifiedName(workload)} listens on ${address}:${port}, and so does ${other.owner}`;
      report.add(workload, ["spec", "ports", name], "SV1013", message);
    }
  }
}

/** Addresses by port; the wildcard address overlaps every other one. Port 0 is any free one and overlaps nothing. */
class TakenAddresses {
  readonly #ports = new Map<number, Map<string, PlacedListener>>();

  add(listener: PlacedListener): void {
    const { hostname, port } = listener.record;
    const hosts = this.#ports.get(port) ?? new Map<string, PlacedListener>();
    this.#ports.set(port, hosts);
    if (!hosts.has(hostname)) hosts.set(hostname, listener);
  }

  find(hostname: string, port: number): PlacedListener | undefined {
    const hosts = port === 0 ? undefined : this.#ports.get(port);
    if (hosts === undefined) return undefined;
    if (WILDCARDS.includes(hostname)) return hosts.values().next().value;
    return hosts.get(hostname) ?? WILDCARDS.map((wildcard) => hosts.get(wildcard)).find((found) => found !== undefined);
  }
}

const WILDCARDS: readonly string[] = ["0.0.0.0", "::"];

/** `127.0.0.1:15001` or `[::1]:15001`; decoding has checked the form. */
function splitAddress(address: string): { readonly hostname: string; readonly port: number } {
  const colon = address.lastIndexOf(":");
  const hostname = address.slice(0, colon).replace(/^\[|\]$/g, "");
  return { hostname, port: Number(address.slice(colon + 1)) };
}
