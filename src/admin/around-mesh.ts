import type { AttestService } from "../keeper/attest/attest-service.ts";
import { listListening, type TcpListener } from "../kernel/tcp-listeners.ts";

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

/** The services that can be dialled around the mesh. @param own the mesh's own listeners, `ip:port` each. */
export function findOpenDoors(attest: AttestService, own: ReadonlySet<string>): OpenDoor[] {
  const doors: OpenDoor[] = [];
  for (const listener of readListeners().slice(0, SOCKETS_LOOKED_AT_MAX)) {
    // By address, not by port: a PERMISSIVE port is the workload's own number on another address.
    if (own.has(addressText(listener))) continue;
    const { uid, inode, cgroupId } = listener;
    const { workload } = attest.attest(attest.ownerOf({ uid, inode: BigInt(inode), cgroupId }));
    if (workload !== "") doors.push({ workload, address: addressText(listener), reach: reachOf(listener.ip) });
  }
  return doors;
}

function readListeners(): readonly TcpListener[] {
  try {
    return listListening().listeners;
  } catch {
    return [];
  }
}

function addressText({ ip, port }: TcpListener): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function reachOf(ip: string): OpenDoor["reach"] {
  return ip.startsWith("127.") || ip === "::1" || ip.startsWith("::ffff:127.") ? "machine" : "network";
}
