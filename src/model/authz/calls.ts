/** Whom a caller may call by its own `Workload.spec.calls`, before any policy of the destination has a say. */
import type { CallsRecord } from "../snapshot.ts";
import { type Denied, denied } from "./decision.ts";

/** One of `CALLS_PERMITTED` and `CALLS_REFUSED`. */
export type CallsVerdict = { readonly allowed: true } | Denied;

export const CALLS_PERMITTED: CallsVerdict = Object.freeze({ allowed: true });
export const CALLS_REFUSED: Denied = denied("calls");

/** What a request is for, before routes and splits choose a backend. */
export interface CallTarget {
  /** Key of the ServiceRecord or ExternalRecord. */
  readonly serviceKey?: string | undefined;
  /** `host:port` outside the mesh, lower case. */
  readonly hostPort?: string | undefined;
}

/**
 * `null`: the caller has no such list and may call anybody whose policy lets it. With a list, a target that neither of its
 * names is in is refused.
 */
export function checkCalls(record: CallsRecord | null, target: CallTarget): CallsVerdict {
  if (record === null) return CALLS_PERMITTED;
  if (target.serviceKey !== undefined && record.services.includes(target.serviceKey)) return CALLS_PERMITTED;
  if (target.hostPort !== undefined && record.hosts.includes(target.hostPort)) return CALLS_PERMITTED;
  return CALLS_REFUSED;
}
