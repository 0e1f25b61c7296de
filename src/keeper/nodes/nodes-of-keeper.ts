import { COUNTER, LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import type { OwnStats } from "../../telemetry/own-stats.ts";
import type { IdentityOptions } from "../identity/identity-options.ts";
import type { KeeperEvent } from "../keeper-event.ts";
import type { LogFile } from "../observe/log-file.ts";
import type { SiteFacts } from "../site-facts.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import type { NodesHost } from "./nodes-host.ts";
import type { PeerWorker } from "./peer-calls.ts";

/** What of a keeper its dealings with other nodes use; read when they happen, so that it may be under construction. */
export interface KeeperParts {
  readonly state: StateDirectory;
  readonly auditLog: LogFile;
  readonly stats: { readonly own: OwnStats };
  readonly fleet: { readonly workers: readonly PeerWorker[] };
  readonly facts: SiteFacts;
  readonly options: { readonly emit: (event: KeeperEvent) => void; readonly identity?: IdentityOptions };
}

/** A keeper as its dealings with other nodes see it. */
export function nodesHost(keeper: KeeperParts): NodesHost {
  return {
    statePath: keeper.state.path,
    lateProgram: keeper.options.identity?.lateProgram,
    workers: () => keeper.fleet.workers,
    facts: () => keeper.facts,
    emit: (event) => keeper.options.emit(event),
    countJoin: (isAdmitted) => keeper.stats.own.add(isAdmitted ? COUNTER.nodesJoined : COUNTER.joinsRefused),
    countRefused: () => keeper.stats.own.add(COUNTER.peersRefused),
    countBansFull: () => keeper.stats.own.add(LIMIT_COUNTER.banned_keys),
    note: (what, reason) => (reason === undefined ? keeper.state.forgive(what) : keeper.state.note(what, reason)),
    tell: ({ what, node, address, detail, ...more }) => {
      keeper.options.emit({ event: "node", what, node, address, detail });
      const line = { time: new Date().toISOString(), op: `node-${what.replaceAll("_", "-")}`, node, address, detail };
      try {
        keeper.auditLog.append(`${JSON.stringify({ ...line, ...more })}\n`);
        keeper.state.forgive("audit log");
      } catch (error) {
        keeper.state.note("audit log", error instanceof Error ? error.message : String(error));
      }
    },
  };
}
