import type { WorkloadRecord } from "../../model/snapshot.ts";

/** In the place of a node's name, which is never empty: on every node. */
const EVERYWHERE = "";

/** Which workloads the documents place on which node; made anew for every generation that changes workloads. */
export class Placements {
  /** Keys of WorkloadRecords by node, namespace and service account. */
  readonly #keys = new Map<string, string[]>();

  constructor(workloads: Iterable<WorkloadRecord>) {
    for (const { key, node, isOnEveryNode, namespace, serviceAccount } of workloads) {
      const place = placeOf(isOnEveryNode ? EVERYWHERE : node, namespace, serviceAccount);
      const keys = this.#keys.get(place);
      if (keys === undefined) this.#keys.set(place, [key]);
      else keys.push(key);
    }
  }

  /** Whether this node may speak for an identity. */
  has(node: string, namespace: string, serviceAccount: string): boolean {
    return this.#at(node, namespace, serviceAccount).length > 0;
  }

  /**
   * The workload that speaks. Several may share a service account: then the one that its node names, if it is one of them, else
   * the first. `undefined` where none is placed there.
   */
  workload(node: string, namespace: string, serviceAccount: string, named: string): string | undefined {
    const keys = this.#at(node, namespace, serviceAccount);
    return keys.find((key) => key === named) ?? keys[0];
  }

  #at(node: string, namespace: string, serviceAccount: string): readonly string[] {
    const here = this.#keys.get(placeOf(node, namespace, serviceAccount)) ?? [];
    const everywhere = this.#keys.get(placeOf(EVERYWHERE, namespace, serviceAccount)) ?? [];
    return everywhere.length === 0 ? here : [...here, ...everywhere];
  }
}

function placeOf(node: string, namespace: string, serviceAccount: string): string {
  return `${node}\n${namespace}\n${serviceAccount}`;
}
