import type { Issue } from "../model/issue.ts";
import type { IdentityEvent } from "./identity/identity-options.ts";
import type { NodeEvent } from "./nodes/node-event.ts";
import type { ConfigurationEvent } from "./reload/configuration.ts";

/** What `up -o json` prints first: the mesh serves. */
export interface ReadyEvent {
  readonly event: "ready";
  readonly generation: number;
  readonly site: string;
  readonly node: string;
  /** `host:port` of the shared outbound listener, with its real port. */
  readonly outbound: string | undefined;
  readonly metrics: string | undefined;
  /** Path of the admin socket. */
  readonly admin: string;
  readonly state: string;
  readonly pid: number;
  readonly workers: readonly number[];
  /** Why not everything is as the documents say: `config`, `state`, `crash_loop`, `listener`, `identity`; absent where all is well. */
  readonly degraded?: string;
  /** `none` where some workload runs under the mesh's own user, so that nothing separates it. */
  readonly isolation: "none" | "uid" | "cgroup";
  /** Workers of a killed keeper that were taken over and drain now. */
  readonly takenOver?: number;
  readonly issues?: readonly Issue[];
  readonly tookMs: number;
}

/** Everything a keeper tells while it runs; one JSON line each. */
export type KeeperEvent =
  | ReadyEvent
  | ConfigurationEvent
  | IdentityEvent
  | NodeEvent
  | { readonly event: "worker_started"; readonly pid: number; readonly worker: number }
  | {
      readonly event: "worker_died";
      readonly pid: number;
      readonly worker: number;
      readonly code: number | null;
      readonly signal: string | null;
      readonly restartAfterMs: number;
    }
  | { readonly event: "worker_broken"; readonly pid: number; readonly reason: string }
  | { readonly event: "worker_launch_failed"; readonly reason: string }
  | { readonly event: "listener_failed"; readonly listener: string; readonly reason: string }
  | { readonly event: "endpoint"; readonly endpoint: string; readonly state: string; readonly reason: string }
  | { readonly event: "state_trouble"; readonly what: string; readonly reason: string }
  | { readonly event: "watch_trouble"; readonly reason: string }
  | { readonly event: "orphan_gone"; readonly pid: number; readonly worker: number }
  | { readonly event: "draining"; readonly graceMs: number }
  | { readonly event: "stopped"; readonly streamsCut: number };
