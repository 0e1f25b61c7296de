import type { Run } from "../keeper/attest/runs.ts";
import type { PeerCredentials } from "../kernel/peer-credentials.ts";
import { statOf } from "../kernel/process-facts.ts";
import type { AttestableWorkload } from "../model/attest.ts";

/** Longest way up a process tree that is looked at. Reason: a deeper tree is made to hide in. */
export const ANCESTORS_MAX = 64;

/** What decides whether somebody may operate the node. */
export interface PeerFacts {
  readonly uid: number;
  readonly meshUid: number;
  /** Who the proxy workers are. */
  readonly workerUid: number;
  /** User ids that workloads are recognised by. */
  readonly workloadUids: ReadonlySet<number>;
  /** Whether the peer is, or descends from, a registered run; `undefined` where that could not be found out. */
  readonly isBelowRun: boolean | undefined;
}

/**
 * Why the peer may not operate the node, or `undefined` where it may. The socket's mode has already kept out everybody but the
 * mesh's own user and root; this keeps out workloads that run as one of these.
 */
export function refusePeer(facts: PeerFacts): string | undefined {
  if (facts.isBelowRun !== false) return "a program started by `selvedge run` may not operate the node";
  // Where a workload shares the mesh's user, its uid says nothing: the operator has the same.
  if (facts.uid !== facts.meshUid && facts.workloadUids.has(facts.uid))
    return "the user of a workload may not operate the node";
  // Whoever has taken over a worker must not get further by a socket that somebody opened to all.
  if (facts.uid !== facts.meshUid && facts.uid === facts.workerUid) return "a proxy worker may not operate the node";
  return undefined;
}

/** Every user id that some entry names. */
export function workloadUids(workloads: readonly AttestableWorkload[]): Set<number> {
  const uids = new Set<number>();
  for (const workload of workloads) {
    for (const entry of workload.selectors) for (const one of entry) if (one.type === "uid") uids.add(one.uid);
  }
  return uids;
}

/** Whether a process or one of its ancestors is a registered run; `undefined` where the way up breaks off. */
export function isBelowRun(peer: PeerCredentials, runs: readonly Run[]): boolean | undefined {
  let pid = peer.pid;
  for (let step = 0; step < ANCESTORS_MAX; step++) {
    if (pid <= 1) return false;
    const stat = statOf(pid);
    if (stat === null) return undefined;
    if (runs.some((run) => run.pid === pid && run.startTime === stat.startTime)) return true;
    pid = stat.parentPid;
  }
  return undefined;
}
