import { FLAG } from "../../model/response-flags.ts";
import type { CallerIdentity } from "../caller.ts";
import {
  CANCELLATION_SHARE,
  CANCELLATIONS_AT_ONCE,
  CANCELLATIONS_OWED_MAX,
  CANCELLATIONS_PER_SECOND,
  CANCELLER_TOLD_EVERY_MS,
  CANCELLERS_MAX,
  LATE_CANCELLATION_MS,
  LATE_CANCELLATION_SHARE,
} from "../limits.ts";

interface Account {
  /** Negative: more was cancelled than it might, since it had been begun already. */
  left: number;
  atMs: number;
  /** When a refusal was last answered. */
  toldMs: number;
}

/** What becomes of a request of a caller that has cancelled too much. */
export const REFUSAL = {
  /** Answered, and recorded. */
  TOLD: { status: 503, flag: FLAG.UO },
  /** Reset: it was told a moment ago. */
  SILENT: "silent",
} as const;

/**
 * How many requests each caller by HTTP/2 has begun and cancelled of late, on all its connections together: a new connection
 * brings no new allowance. Time is handed in, and must not go backwards.
 */
export class Cancellations {
  /** Whoever has not got all of its allowance; the one that cancelled last at the end. */
  readonly #accounts = new Map<string, Account>();
  /** Of these, who had nothing left when it cancelled last. */
  readonly #spent = new Set<string>();

  /**
   * A request of this caller was begun, and cancelled before it was answered; it may have cost a connection to an endpoint.
   * @param ageMs since it was begun.
   */
  note(caller: CallerIdentity, isConnectionLost: boolean, ageMs: number, nowMs: number): void {
    const name = nameOf(caller);
    const account = this.#accounts.get(name) ?? {
      left: CANCELLATIONS_AT_ONCE,
      atMs: nowMs,
      toldMs: Number.NEGATIVE_INFINITY,
    };
    refill(account, nowMs);
    account.left = Math.max(-CANCELLATIONS_OWED_MAX, account.left - costOf(isConnectionLost, ageMs));
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

  /** What becomes of a request of this caller now, one of REFUSAL; `undefined`: it may be begun. */
  refusalOf(caller: CallerIdentity, nowMs: number): (typeof REFUSAL)[keyof typeof REFUSAL] | undefined {
    if (this.allows(caller, nowMs)) return undefined;
    if (this.isSilent(caller, nowMs)) return REFUSAL.SILENT;
    this.#accounts.get(nameOf(caller))!.toldMs = nowMs;
    return REFUSAL.TOLD;
  }

  /** Whether a request of this caller would be reset; cheap where nobody has cancelled too much. */
  isSilent(caller: CallerIdentity, nowMs: number): boolean {
    if (this.allows(caller, nowMs)) return false;
    return nowMs - this.#accounts.get(nameOf(caller))!.toldMs < CANCELLER_TOLD_EVERY_MS;
  }

  #forgetOldest(): void {
    for (const name of this.#accounts.keys()) {
      this.#accounts.delete(name);
      this.#spent.delete(name);
      return;
    }
  }
}

function costOf(isConnectionLost: boolean, ageMs: number): number {
  if (!isConnectionLost) return CANCELLATION_SHARE;
  return ageMs < LATE_CANCELLATION_MS ? 1 : LATE_CANCELLATION_SHARE;
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
