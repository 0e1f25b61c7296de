import type { ListenerRecord } from "../../model/snapshot.ts";
import { METRICS_CONNECTIONS_MAX, ONE_CALLERS_SHARE } from "../limits.ts";

/** A connection that has no share. */
export const NO_SHARE = -9;
const METRICS = -3;
const GATEWAY = -2;

/** Whose share a connection counts against: a listener's that anybody reaches, or the user's who opened it (-1: unknown). */
export function shareOf(role: ListenerRecord["role"], uid: number): number {
  if (role === "metrics") return METRICS;
  return role === "gateway" || role === "inbound" ? GATEWAY : Math.max(-1, uid);
}

/**
 * Who has how many of the connections that a worker may have: nobody may take so many that there are none for the others.
 * Users, not workloads, since a workload may be many processes of one user, and who has no identity has a user all the same.
 */
export class ConnectionShares {
  readonly #max: number;
  readonly #taken = new Map<number, number>();

  /** @param connectionsMax of the worker. */
  constructor(connectionsMax: number) {
    this.#max = Math.floor(connectionsMax * ONE_CALLERS_SHARE);
  }

  /** False where the share is used up; then nothing was taken. */
  take(share: number): boolean {
    const taken = this.#taken.get(share) ?? 0;
    if (taken >= (share === METRICS ? METRICS_CONNECTIONS_MAX : this.#max)) return false;
    this.#taken.set(share, taken + 1);
    return true;
  }

  /** What was taken is free again; nothing for NO_SHARE. */
  give(share: number): void {
    const taken = this.#taken.get(share);
    if (taken === undefined) return;
    if (taken > 1) this.#taken.set(share, taken - 1);
    else this.#taken.delete(share);
  }
}
