/** When certificates are to be renewed, and what stops when nothing can be. Pure: times are handed in, in ms since 1970. */
import { BACKDATE_MS } from "./lifetimes.ts";

/** Share of half a life by which renewals are spread. Reason: all workloads of a site start together, and must not renew so. */
export const RENEWAL_JITTER_SHARE = 0.1;

/** How long before its end a root is due: one year. Reason: its rotation waits for two lives of an issuer at most. */
export const ROOT_DUE_BEFORE_MS = 365 * 86_400_000;

/** First and longest wait after a renewal that failed. Reason: a missing root's node is asked about once an hour for weeks. */
export const RETRY_MIN_MS = 60_000;
export const RETRY_MAX_MS = 3_600_000;

/** When a certificate is valid. */
export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Whether it holds at this time. A time that is no number is never within. */
export function isValidAt({ notBeforeMs, notAfterMs }: Validity, nowMs: number): boolean {
  return nowMs >= notBeforeMs && nowMs <= notAfterMs;
}

/** When a certificate is due: at half its life, earlier or later by up to a tenth of that half. `jitter`: from 0 to 1. */
export function renewAtMs({ notBeforeMs, notAfterMs }: Validity, jitter: number): number {
  const madeMs = Math.min(notBeforeMs + BACKDATE_MS, notAfterMs);
  const halfMs = (notAfterMs - madeMs) / 2;
  return Math.round(madeMs + halfMs * (1 + (jitter * 2 - 1) * RENEWAL_JITTER_SHARE));
}

/** How long to wait after so many failures in a row, 1 being the first. `jitter`: from 0 to 1. */
export function retryAfterMs(failures: number, jitter: number): number {
  const waitMs = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(Math.max(failures, 1) - 1, 10));
  return Math.round(waitMs * (1 - jitter / 2));
}

/** What a node holds. */
export interface HeldCertificates {
  /** Each with the jitter that was drawn when it was issued. */
  readonly svids: readonly (Validity & { readonly key: string; readonly jitter: number })[];
  readonly issuer: Validity;
  readonly root: Validity;
}

/** What is to be done now, in this order. */
export interface Duties {
  /** Ask the root's node, or sign it here where this is the root's node. */
  readonly isIssuerDue: boolean;
  /** Nothing can be issued before the issuer is renewed. */
  readonly isIssuerOver: boolean;
  /** Keys of the SVIDs to issue anew; empty while the issuer cannot sign. */
  readonly svids: readonly string[];
  /** Begin to change the root. */
  readonly isRootDue: boolean;
}

/** What is due at this time: also what ended long ago, or what is not valid yet because the clock went back. */
export function dutiesAt(held: HeldCertificates, nowMs: number): Duties {
  const isIssuerOver = !isValidAt(held.issuer, nowMs);
  const due = held.svids.filter((svid) => !isValidAt(svid, nowMs) || nowMs >= renewAtMs(svid, svid.jitter));
  return {
    isIssuerDue: isIssuerOver || nowMs >= renewAtMs(held.issuer, 0.5),
    isIssuerOver,
    svids: isIssuerOver ? [] : due.map((svid) => svid.key),
    isRootDue: nowMs >= held.root.notAfterMs - ROOT_DUE_BEFORE_MS,
  };
}

/** What stops, and when, if this node meets nobody from now on. Calls on the node itself need no certificate and never stop. */
export interface Stops {
  /** No SVID is issued after this: restarts and renewals work until then. */
  readonly issuingMs: number;
  /** Calls between nodes end with the last SVID, which ends with the issuer. */
  readonly callsBetweenNodesMs: number;
  /** Issuers and joins, on the root's node. */
  readonly joiningMs: number;
}

/** When what stops. Times in the past say what stopped already. */
export function stopsAt({ issuer, root, svids }: HeldCertificates, nowMs: number): Stops {
  const issuingMs = Math.min(issuer.notAfterMs, root.notAfterMs);
  // Without any, as after a start too late, they went on until the issuer ended, for all that is known.
  const last = svids.length === 0 ? issuingMs : Math.max(...svids.map((svid) => svid.notAfterMs));
  const callsBetweenNodesMs = nowMs <= issuingMs ? issuingMs : Math.min(last, issuingMs);
  return { issuingMs, callsBetweenNodesMs, joiningMs: root.notAfterMs };
}

/**
 * Whether a jump of the clock can be followed: SVIDs for the new time can be made, because the issuer holds then or because this
 * is the root's node and can renew it. Else the old time is kept, and `status` says so.
 */
export function canFollowJump(held: HeldCertificates, pendingMs: number, isRootHere: boolean): boolean {
  return isValidAt(held.issuer, pendingMs) || (isRootHere && isValidAt(held.root, pendingMs));
}
