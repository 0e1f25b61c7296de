import type { SnapshotRecord } from "../model/snapshot.ts";
import { askNode } from "./admin-client.ts";

/** What a node serves, record by record as its workers have them. Evaluated here, so that the keeper stays small. */
export async function servedRecords(adminPath: string): Promise<SnapshotRecord[]> {
  const records: SnapshotRecord[] = [];
  await askNode(adminPath, { op: "records" }, (record) => records.push(record as SnapshotRecord));
  return records;
}
