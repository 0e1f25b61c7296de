import type { CallerIdentity } from "../caller.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { UNKNOWN_WORKLOAD } from "../mesh/workload.ts";

/** Where a stream of another node comes from, as far as its tunnel proves it. */
export interface RemotePlace {
  /** Name of the node. */
  readonly node: string;
  /** Its address, without a port. */
  readonly ip: string;
}

/** Who calls from another node. */
export interface RemoteCaller extends CallerIdentity {
  /** Of the proof on its tunnel; 0: none. */
  readonly handle: number;
}

/** A workload of another node, proven by its certificate; `null` where the documents do not know it any more. */
export function remoteCaller(mesh: Mesh, place: RemotePlace, workloadKey: string, handle: number): RemoteCaller | null {
  const workload = mesh.workload(workloadKey);
  if (!workload) return null;
  const { principal, namespace, serviceAccount } = workload.record;
  const facts = {
    workload: workload.key,
    principal,
    trustDomain: mesh.site.trustDomain,
    namespace,
    serviceAccount,
    strength: "mtls" as const,
    ip: place.ip,
  };
  return { facts, workload, ...FROM_A_NODE, node: place.node, epoch: mesh.epoch, handle };
}

/** Somebody at a Gateway of another node, who has no identity there either. @param ip as that node saw it. */
export function remoteStranger(mesh: Mesh, node: string, ip: string): RemoteCaller {
  const facts = {
    workload: undefined,
    principal: "",
    trustDomain: "",
    namespace: "",
    serviceAccount: "",
    strength: "none" as const,
    ip,
  };
  return { facts, workload: UNKNOWN_WORKLOAD, ...FROM_A_NODE, node, epoch: mesh.epoch, handle: 0 };
}

/** The kernel of this machine knows nothing of them. */
const FROM_A_NODE = { uid: -1, cgroupId: 0n, isFromKeeper: false } as const;
