import { type AttestableWorkload, attest, needsKeeper, type OwnerFacts } from "../../model/attest.ts";
import type { WorkloadRecord } from "../../model/snapshot.ts";

/** Whose callers the worker can tell by itself, and when the keeper has to be asked. One per generation of workloads. */
export class CallerTable {
  readonly #byUid = new Map<number, AttestableWorkload[]>();
  /** Workloads with an entry that names no user: such an entry may hold for anybody. */
  readonly #anyUid: AttestableWorkload[] = [];
  readonly #needKeeper = new Set<number>();
  #anyNeedsKeeper = false;

  constructor(workloads: Iterable<WorkloadRecord>) {
    for (const workload of workloads) {
      for (const entry of workload.selectors) {
        const uid = entry.find((selector) => selector.type === "uid");
        if (uid?.type !== "uid") {
          if (!this.#anyUid.includes(workload)) this.#anyUid.push(workload);
          this.#anyNeedsKeeper = true;
          continue;
        }
        const list = this.#byUid.get(uid.uid) ?? [];
        if (!list.includes(workload)) list.push(workload);
        this.#byUid.set(uid.uid, list);
        if (needsKeeper(entry)) this.#needKeeper.add(uid.uid);
      }
    }
  }

  /** An entry that may hold for this user looks at more than the user. */
  needsKeeperFor(uid: number): boolean {
    return this.#anyNeedsKeeper || this.#needKeeper.has(uid);
  }

  /** By the user alone; `""` = nobody. Only where `needsKeeperFor` is false. */
  byUid(uid: number): string {
    const candidates = this.#byUid.get(uid);
    if (!candidates) return "";
    const owner: OwnerFacts = { uid, cgroupPath: undefined, exe: undefined, run: undefined };
    return attest(owner, candidates).workload;
  }
}
