/** What PeerAuthentication asks of plaintext from outside the node. */
import type { WorkloadRecord } from "./snapshot.ts";

/** Whether plaintext from outside the node may reach a port of a workload. */
export function isPermissive(workload: Pick<WorkloadRecord, "mtls">, port: number): boolean {
  const { mtls } = workload;
  return mtls !== undefined && (mtls.ports[port] ?? mtls.mode) === "PERMISSIVE";
}
