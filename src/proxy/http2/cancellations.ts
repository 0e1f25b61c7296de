import { FLAG } from "../../model/response-flags.ts";
import { LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import type { StatsWriter } from "../../telemetry/stats-writer.ts";
import type { CallerIdentity } from "../caller.ts";
import { CANCELLATION_SHARE, CANCELLATIONS_AT_ONCE, CANCELLATIONS_PER_SECOND, CANCELLERS_MAX } from "../limits.ts";

interface Account {
  left: number;
  atMs: number;
}

/**
 * How many requests each caller by HTTP/2 has begun and cancelled of late, on all its connections together: a new connection
 * brings no new allowance. Time is handed in, and must not go backwards.
 */
export class Cancellations {
  /** Whoever has not got all of its allowance; the one that cancelled last at the end. */
  readonly #accounts = new Map<string, Account>();
  /** Of these, who had nothing left when it cancelled last. */
  readonly #spent = new Set<string>();

  /** A request of this caller was begun, and cancelled before it was answered; it may have cost a connection to an endpoint. */
  note(caller: CallerIdentity, isConnectionLost: boolean, nowMs: number): void {
    const name = nameOf(caller);
    const account = this.#accounts.get(name) ?? { left: CANCELLATIONS_AT_ONCE, atMs: nowMs };
    refill(account, nowMs);
    account.left = Math.max(0, account.left - (isConnectionLost ? 1 : CANCELLATION_SHARE));
    if (account.left < 1) this.#spent.add(name);
    this.#accounts.delete(name);
    this.#accounts.set(name, account);
    if (this.#accounts.size > CANCELLERS_MAX) this.#forgetOldest();
  }

  /** Whether requests of this caller may be begun. */
  allows(caller: CallerIdentity, nowMs: number): boolean {
    if (this.#spent.size === 0) return true;
    const name = nameOf(caller);
    if (!this.#spent.has(name)) return true;
    const account = this.#accounts.get(name)!;
    refill(account, nowMs);
    if (account.left < 1) return false;
    this.#spent.delete(name);
    return true;
  }

  #forgetOldest(): void {
    for (const name of this.#accounts.keys()) {
      this.#accounts.delete(name);
      this.#spent.delete(name);
      return;
    }
  }
}

interface RefusalContext {
  readonly cancellations: Cancellations;
  readonly stats: StatsWriter;
  readonly now: number;
}

const TOO_MANY_CANCELLED = { status: 503, flag: FLAG.UO } as const;

/** What a caller is told that has cancelled too much, and is counted so; `undefined`: it has not. */
export function refusalOf(
  caller: CallerIdentity,
  { cancellations, stats, now }: RefusalContext,
): typeof TOO_MANY_CANCELLED | undefined {
  if (cancellations.allows(caller, now)) return undefined;
  stats.counter(LIMIT_COUNTER.cancelled_requests);
  return TOO_MANY_CANCELLED;
}

function refill(account: Account, nowMs: number): void {
  const moreOfIt = ((nowMs - account.atMs) / 1000) * CANCELLATIONS_PER_SECOND;
  account.left = Math.min(CANCELLATIONS_AT_ONCE, account.left + moreOfIt);
  account.atMs = nowMs;
}

/** Another node's workload; the user where the kernel named one, as for connections; else an address. */
function nameOf({ node, uid, facts }: CallerIdentity): string {
  if (node !== "") return `${node} ${facts.workload ?? facts.ip}`;
  return uid >= 0 ? String(uid) : facts.ip;
}
