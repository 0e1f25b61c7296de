import type { WorkloadRecord } from "../../model/snapshot.ts";

/** Which workloads the documents place on which node; made anew for every generation that changes workloads. */
export class Placements {
  /** Keys of WorkloadRecords by node, namespace and service account. */
  readonly #keys = new Map<string, string[]>();

  constructor(workloads: Iterable<WorkloadRecord>) {
    for (const { key, node, namespace, serviceAccount } of workloads) {
      const place = placeOf(node, namespace, serviceAccount);
      const keys = this.#keys.get(place);
      if (keys === undefined) this.#keys.set(place, [key]);
      else keys.push(key);
    }
  }

  /** Whether this node may speak for an identity. */
  has(node: string, namespace: string, serviceAccount: string): boolean {
    return this.#keys.has(placeOf(node, namespace, serviceAccount));
  }

  /**
   * The workload that speaks. Several may share a service account: then the one that its node names, if it is one of them, else
   * the first. `undefined` where none is placed there.
   */
  workload(node: string, namespace: string, serviceAccount: string, named: string): string | undefined {
    const keys = this.#keys.get(placeOf(node, namespace, serviceAccount));
    return keys?.find((key) => key === named) ?? keys?.[0];
  }
}

function placeOf(node: string, namespace: string, serviceAccount: string): string {
  return `${node}\n${namespace}\n${serviceAccount}`;
}
