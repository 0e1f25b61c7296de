import type { ListenerRecord, NodeRecord, SiteRecord } from "../model/snapshot.ts";
import { type Served, servedLines } from "./generation/served.ts";

/** What the keeper itself has to know of what is served. */
export interface SiteFacts {
  readonly site: SiteRecord | undefined;
  /** Those that this node opens. */
  readonly listeners: readonly Pick<ListenerRecord, "key" | "role" | "hostname" | "port">[];
  /** Machines of the site, this one among them; empty where there is one only. */
  readonly nodes: readonly NodeRecord[];
}

/** Reads the few records it is about; the thousands of others are not parsed. */
export function readSiteFacts(served: Served): SiteFacts {
  let site: SiteRecord | undefined;
  const listeners: SiteFacts["listeners"][number][] = [];
  const nodes: NodeRecord[] = [];
  for (const line of servedLines(served)) {
    if (line.includes('"kind":"site"')) {
      const record = JSON.parse(line.toString()) as SiteRecord;
      if (record.kind === "site") site = record;
    } else if (line.includes('"kind":"listener"')) {
      const { kind, key, role, hostname, port, node } = JSON.parse(line.toString()) as ListenerRecord;
      if (kind === "listener" && node === undefined) listeners.push({ key, role, hostname, port });
    } else if (line.includes('"kind":"node"')) {
      const record = JSON.parse(line.toString()) as NodeRecord;
      if (record.kind === "node") nodes.push(record);
    }
  }
  return { site, listeners, nodes };
}
