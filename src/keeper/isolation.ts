import type { AttestableWorkload } from "../model/attest.ts";

/**
 * What separates a workload from the mesh and from others: `none` where it runs under the mesh's own user or is known only by
 * its process tree, `uid` where a user of its own, `cgroup` where only its control group is known.
 */
export type Isolation = "none" | "uid" | "cgroup";

/** The isolation of one workload. @param meshUids user ids of keeper and workers. */
export function isolationOfWorkload(workload: AttestableWorkload, meshUids: readonly number[]): Isolation {
  const uids = workload.selectors.flatMap((entry) =>
    entry.flatMap((selector) => (selector.type === "uid" ? [selector.uid] : [])),
  );
  if (workload.selectors.length === 0 || uids.some((uid) => meshUids.includes(uid))) return "none";
  return uids.length > 0 ? "uid" : "cgroup";
}

/** The weakest of all; `uid` where there is no workload to separate. */
export function isolationOf(workloads: readonly AttestableWorkload[], meshUids: readonly number[]): Isolation {
  const found = new Set(workloads.map((workload) => isolationOfWorkload(workload, meshUids)));
  if (found.has("none")) return "none";
  return found.has("cgroup") ? "cgroup" : "uid";
}
