import type { ListenerRecord } from "../model/snapshot.ts";
import { StartError } from "./start-error.ts";

/** A socket that listens on this machine already. */
export interface TakenAddress {
  readonly ip: string;
  readonly port: number;
  readonly uid: number;
}

type Wanted = Pick<ListenerRecord, "key" | "hostname" | "port">;

/**
 * The first listener whose address somebody listens on already. The kernel would not refuse it: workers share ports among
 * themselves (SO_REUSEPORT), and so two meshes of one user would silently share the calls, too. Port 0 is never taken.
 */
export function findConflict(
  wanted: readonly Wanted[],
  taken: readonly TakenAddress[],
): { readonly listener: Wanted; readonly uid: number } | undefined {
  for (const listener of wanted) {
    if (listener.port === 0) continue;
    const other = taken.find((one) => one.port === listener.port && overlaps(one.ip, listener.hostname));
    if (other !== undefined) return { listener, uid: other.uid };
  }
  return undefined;
}

/**
 * Throws StartError where somebody else listens already. PERMISSIVE ports are left out: a workload that listens on all addresses
 * itself is in the way of one of them, which `status` says, and no reason to leave all the others without a mesh.
 */
export function requireFree(wanted: readonly Wanted[], taken: readonly TakenAddress[]): void {
  const conflict = findConflict(
    wanted.filter(({ key }) => !key.startsWith("listener/inbound/")),
    taken,
  );
  if (conflict === undefined) return;
  const { hostname, port } = conflict.listener;
  throw new StartError(
    `cannot listen on ${hostname}:${port}: a process of uid ${conflict.uid} does already; see \`ss -ltnp\``,
  );
}

function overlaps(a: string, b: string): boolean {
  if (a === b || a === "::" || b === "::") return true;
  const isIpv6 = (ip: string): boolean => ip.includes(":");
  return !isIpv6(a) && !isIpv6(b) && (a === "0.0.0.0" || b === "0.0.0.0");
}

/**
 * Forgets remembered ports that somebody took in the meantime. They are by listener key, `listener/<role>/<hostname>:0`, and
 * only a wish: the documents ask for any free port.
 */
export function forgetTaken(ports: Map<string, number>, taken: readonly TakenAddress[]): void {
  for (const [key, port] of ports) {
    const hostname = key.slice(key.lastIndexOf("/") + 1, -":0".length);
    if (findConflict([{ key, hostname, port }], taken) !== undefined) ports.delete(key);
  }
}
