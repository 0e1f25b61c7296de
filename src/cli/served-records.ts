import type { SnapshotRecord } from "../model/snapshot.ts";
import { askNode } from "./admin-client.ts";

/**
 * What a node serves, or served as `generation`, record by record as its workers have them. Evaluated here, so that the keeper
 * stays small. Rejects with RefusedError `not_found` where that generation is no longer kept.
 */
export async function servedRecords(adminPath: string, generation?: number): Promise<SnapshotRecord[]> {
  const records: SnapshotRecord[] = [];
  await askNode(adminPath, { op: "records", generation }, (record) => records.push(record as SnapshotRecord));
  return records;
}
