import type { LocalWorkload } from "./attest/caller-index.ts";
import { isolationOf } from "./isolation.ts";
import type { ReadyEvent } from "./keeper-event.ts";
import type { Configuration } from "./reload/configuration.ts";
import type { SiteFacts } from "./site-facts.ts";

/** What of a keeper its ready event is made of. */
export interface ReadyNode {
  readonly options: {
    readonly adminPath: string;
    readonly statePath: string;
    readonly node: string | undefined;
    readonly workerUid: number;
  };
  readonly degraded: readonly string[];
  readonly orphans: readonly unknown[];
  readonly configuration: Pick<Configuration, "issues" | "served">;
  readonly facts: SiteFacts;
  readonly callers: { readonly all: readonly LocalWorkload[] };
  readonly fleet: { readonly workers: readonly { readonly pid: number }[] };
  addressOf(role: "outbound" | "metrics"): string | undefined;
}

/** What a keeper says of itself when it serves. @param tookMs since its start. */
export function readyEvent(keeper: ReadyNode, tookMs: number): ReadyEvent {
  const { adminPath, statePath, node, workerUid } = keeper.options;
  const { degraded, orphans } = keeper;
  const issues = keeper.configuration.issues;
  return {
    event: "ready",
    generation: keeper.configuration.served?.generation ?? 0,
    site: keeper.facts.site?.name ?? "",
    node: keeper.facts.site?.node ?? node ?? "",
    outbound: keeper.addressOf("outbound"),
    metrics: keeper.addressOf("metrics"),
    admin: adminPath,
    state: statePath,
    pid: process.pid,
    workers: keeper.fleet.workers.map((worker) => worker.pid),
    ...(degraded.length === 0 ? {} : { degraded: degraded[0] as string }),
    isolation: isolationOf(keeper.callers.all, [process.getuid?.() ?? 0, workerUid]),
    ...(orphans.length === 0 ? {} : { takenOver: orphans.length }),
    ...(issues.length === 0 ? {} : { issues }),
    tookMs: Math.round(tookMs),
  };
}
