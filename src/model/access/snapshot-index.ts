import type { PolicyLookup } from "../authz/decide.ts";
import type { PolicyRecord, ServiceRecord, SiteRecord, SnapshotRecord, WorkloadRecord } from "../snapshot.ts";

/** The records of one generation by what questions about access ask for. */
export class SnapshotIndex {
  readonly site: SiteRecord;
  readonly workloads = new Map<string, WorkloadRecord>();
  readonly services = new Map<string, ServiceRecord>();
  /** Finds a policy by key. */
  readonly policy: PolicyLookup;
  /** By `namespace/service account`. */
  readonly #byAccount = new Map<string, WorkloadRecord[]>();

  /** Throws where there is no site record: such a list is no generation. */
  constructor(records: readonly SnapshotRecord[]) {
    const policies = new Map<string, PolicyRecord>();
    let site: SiteRecord | undefined;
    for (const record of records) {
      if (record.kind === "site") site = record;
      else if (record.kind === "policy") policies.set(record.key, record);
      else if (record.kind === "service") this.services.set(record.key, record);
      else if (record.kind === "workload") this.#addWorkload(record);
    }
    if (site === undefined) throw new TypeError("records without a site");
    this.site = site;
    this.policy = (key) => policies.get(key);
  }

  /** Every `namespace/service account` that a workload has. */
  get accounts(): readonly string[] {
    return [...this.#byAccount.keys()];
  }

  workloadsOf(namespace: string, serviceAccount: string): readonly WorkloadRecord[] {
    return this.#byAccount.get(`${namespace}/${serviceAccount}`) ?? [];
  }

  #addWorkload(record: WorkloadRecord): void {
    this.workloads.set(record.key, record);
    const account = `${record.namespace}/${record.serviceAccount}`;
    const known = this.#byAccount.get(account);
    if (known === undefined) this.#byAccount.set(account, [record]);
    else known.push(record);
  }
}
