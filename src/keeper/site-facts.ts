import type { ListenerRecord, SiteRecord } from "../model/snapshot.ts";
import { type Served, servedLines } from "./generation/served.ts";

/** What the keeper itself has to know of what is served. */
export interface SiteFacts {
  readonly site: SiteRecord | undefined;
  readonly listeners: readonly Pick<ListenerRecord, "key" | "role" | "hostname" | "port">[];
}

/** Reads the few records it is about; the thousands of others are not parsed. */
export function readSiteFacts(served: Served): SiteFacts {
  let site: SiteRecord | undefined;
  const listeners: SiteFacts["listeners"][number][] = [];
  for (const line of servedLines(served)) {
    if (line.includes('"kind":"site"')) {
      const record = JSON.parse(line.toString()) as SiteRecord;
      if (record.kind === "site") site = record;
    } else if (line.includes('"kind":"listener"')) {
      const { kind, key, role, hostname, port } = JSON.parse(line.toString()) as ListenerRecord;
      if (kind === "listener") listeners.push({ key, role, hostname, port });
    }
  }
  return { site, listeners };
}
