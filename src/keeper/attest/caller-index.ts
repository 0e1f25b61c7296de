import type { AttestableWorkload } from "../../model/attest.ts";
import type { WorkloadRecord } from "../../model/snapshot.ts";
import { type Served, servedLines } from "../generation/served.ts";

/** What the keeper keeps of a workload of this node: as little as attesting and `status` need. */
export interface LocalWorkload extends AttestableWorkload {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** The workloads of this node, so arranged that a caller is compared only with those it can be. */
export class CallerIndex {
  readonly all: readonly LocalWorkload[];
  readonly #byUid = new Map<number, LocalWorkload[]>();
  readonly #byKey = new Map<string, LocalWorkload>();
  readonly #others: LocalWorkload[] = [];

  constructor(workloads: readonly LocalWorkload[]) {
    this.all = workloads;
    for (const workload of workloads) this.#add(workload);
  }

  get(key: string): LocalWorkload | undefined {
    return this.#byKey.get(key);
  }

  /** Every workload that a process of this uid, or this run, can possibly be; each once. */
  candidates(uid: number, run: string | undefined): Iterable<LocalWorkload> {
    const found = new Set(this.#byUid.get(uid));
    for (const workload of this.#others) found.add(workload);
    const registered = run === undefined ? undefined : this.#byKey.get(run);
    if (registered !== undefined) found.add(registered);
    return found;
  }

  #add(workload: LocalWorkload): void {
    this.#byKey.set(workload.key, workload);
    for (const entry of workload.selectors) {
      const uids = entry.flatMap((selector) => (selector.type === "uid" ? [selector.uid] : []));
      if (uids.length === 0) this.#others.push(workload);
      for (const uid of uids) {
        const known = this.#byUid.get(uid);
        if (known === undefined) this.#byUid.set(uid, [workload]);
        else known.push(workload);
      }
    }
  }
}

/** Reads the local workloads out of what is served. Parses no other record. */
export function indexCallers(served: Served): CallerIndex {
  const workloads: LocalWorkload[] = [];
  for (const line of servedLines(served)) {
    if (!line.includes('"kind":"workload"')) continue;
    const record = JSON.parse(line.toString()) as WorkloadRecord;
    if (record.kind !== "workload" || !record.isLocal) continue;
    const { key, principal, selectors, name, namespace, serviceAccount } = record;
    workloads.push({ key, principal, selectors, name, namespace, serviceAccount });
  }
  return new CallerIndex(workloads);
}
