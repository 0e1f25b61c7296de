import type { AttestService } from "../keeper/attest/attest-service.ts";
import type { CallerIndex } from "../keeper/attest/caller-index.ts";
import { type Served, servedLines } from "../keeper/generation/served.ts";
import { listListening, type TcpListener } from "../kernel/tcp-listeners.ts";
import type { EndpointRecord, ServiceRecord } from "../model/snapshot.ts";

/** Sockets whose owner is looked up. Reason: each may walk process trees; a machine has tens. */
export const SOCKETS_LOOKED_AT_MAX = 256;

/** A workload's own listening socket: whoever can dial it goes around the mesh, its policies and its counts. */
export interface OpenDoor {
  /** Key of the WorkloadRecord. */
  readonly workload: string;
  /** `ip:port`. */
  readonly address: string;
  /** `network`: from other machines too; `machine`: by every program on this one. */
  readonly reach: "network" | "machine";
}

/**
 * The services that can be dialled around the mesh. @param own the mesh's own listeners, `ip:port` each. @param nameless endpoints
 * of workloads that nothing is known of but where they listen, as `namelessEndpoints` finds them.
 */
export function findOpenDoors(
  attest: AttestService,
  own: ReadonlySet<string>,
  nameless: ReadonlyMap<string, string>,
): OpenDoor[] {
  const doors: OpenDoor[] = [];
  for (const listener of readListeners().slice(0, SOCKETS_LOOKED_AT_MAX)) {
    // By address, not by port: a PERMISSIVE port is the workload's own number on another address.
    if (own.has(addressText(listener))) continue;
    const { uid, inode, cgroupId } = listener;
    const { workload } = attest.attest(attest.ownerOf({ uid, inode: BigInt(inode), cgroupId }));
    const whose = workload !== "" ? workload : namelessAt(listener, nameless);
    if (whose !== undefined)
      doors.push({ workload: whose, address: addressText(listener), reach: reachOf(listener.ip) });
  }
  return doors;
}

/**
 * Where workloads of this node listen that have no selectors, by `ip:port`: no owner of a socket can be told to be one of them, but
 * whoever stands there is called as one. Reads the served records only where there is such a workload.
 */
export function namelessEndpoints(callers: CallerIndex, served: Served | undefined): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const nameless = new Set(callers.all.filter(({ selectors }) => selectors.length === 0).map(({ key }) => key));
  if (nameless.size === 0 || served === undefined) return found;
  try {
    for (const { workload = "", hostname = "", port = 0, node } of servedEndpoints(served)) {
      if (node === undefined && nameless.has(workload)) found.set(addressText({ ip: hostname, port }), workload);
    }
  } catch {
    // The file has rotted under a node that serves from memory: everything else of `status` is wanted all the more.
  }
  return found;
}

function* servedEndpoints(served: Served): Generator<EndpointRecord, void, void> {
  for (const line of servedLines(served)) {
    if (!line.includes('"kind":"service"')) continue;
    const record = JSON.parse(line.toString()) as ServiceRecord;
    if (record.kind === "service") yield* record.ports.flatMap(({ endpoints }) => endpoints);
  }
}

/** A socket on all addresses stands at each of them. */
function namelessAt({ ip, port }: TcpListener, nameless: ReadonlyMap<string, string>): string | undefined {
  const isEverywhere = ip === "0.0.0.0" || ip === "::";
  const ips = isEverywhere ? [ip, "127.0.0.1", "::1"] : [ip];
  for (const one of ips) {
    const workload = nameless.get(addressText({ ip: one, port }));
    if (workload !== undefined) return workload;
  }
  return undefined;
}

function readListeners(): readonly TcpListener[] {
  try {
    return listListening().listeners;
  } catch {
    return [];
  }
}

function addressText({ ip, port }: Pick<TcpListener, "ip" | "port">): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function reachOf(ip: string): OpenDoor["reach"] {
  return ip.startsWith("127.") || ip === "::1" || ip.startsWith("::ffff:127.") ? "machine" : "network";
}
