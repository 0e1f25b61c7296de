/** Invitations as the root's node keeps them: without the secret, whole, and read back only as they were written. */

/** Hardware that a token can be bound to. */
export const BINDING_KINDS = ["serial", "ek"] as const;

/** Bound to this machine's serial number, or to its TPM's endorsement certificate (SHA-256, hex). */
export interface HardwareBinding {
  readonly kind: (typeof BINDING_KINDS)[number];
  readonly value: string;
}

/** How an invitation was used. */
export interface Spent {
  /** ms since 1970, judged. */
  readonly atMs: number;
  readonly address: string;
  /** Of the issuer that was signed, hex: its holder alone may hear the answer again. */
  readonly keyHash: string;
  /** That issuer's certificate, base64. */
  readonly issuer: string;
}

/** One invitation. */
export interface Invite {
  /** The token's id, hex. */
  readonly id: string;
  readonly node: string;
  /** Of the token's public key, hex; see `tokenKeyHash`. */
  readonly keyHash: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly binding: HardwareBinding | null;
  /** The machine that joins takes the place of one of this name, whose keys are banned then. */
  readonly isReplacing: boolean;
  /** Wrong secrets shown so far. */
  readonly tries: number;
  readonly spent: Spent | null;
}

/** Wrong secrets after which a token is void. Reason: a right one is never wrong; whoever has the id alone is guessing. */
export const TOKEN_TRIES_MAX = 5;

/**
 * How long after a join its own machine may hear the answer again, and after the end of a token others why they cannot: 2 minutes.
 * Reason: an answer can be lost on the way, and a person can be late.
 */
export const JOIN_REPEAT_MS = 120_000;

/** Whether somebody may still join with it. */
export function isInviteOpen(invite: Invite, nowMs: number): boolean {
  return invite.spent === null && invite.tries < TOKEN_TRIES_MAX && nowMs <= invite.expiresAtMs;
}

/** Until when the join door stands open for it, ms since 1970; a time in the past where it does not. */
export function doorUntilMs(invite: Invite): number {
  if (invite.spent !== null) return invite.spent.atMs + JOIN_REPEAT_MS;
  return invite.tries < TOKEN_TRIES_MAX ? invite.expiresAtMs + JOIN_REPEAT_MS : 0;
}

/** The list as it was written, or `undefined` where anything in it is of another shape. */
export function parseInvites(value: unknown): readonly Invite[] | undefined {
  return Array.isArray(value) && value.every(isInvite) ? value : undefined;
}

function isInvite(value: unknown): value is Invite {
  if (!isRecord(value)) return false;
  const { id, node, keyHash, createdAtMs, expiresAtMs, binding, isReplacing, tries, spent } = value;
  return (
    isHex(id, 32) &&
    typeof node === "string" &&
    isHex(keyHash, 64) &&
    Number.isSafeInteger(createdAtMs) &&
    Number.isSafeInteger(expiresAtMs) &&
    (binding === null || isBinding(binding)) &&
    typeof isReplacing === "boolean" &&
    Number.isSafeInteger(tries) &&
    (spent === null || isSpent(spent))
  );
}

function isBinding(value: unknown): value is HardwareBinding {
  return isRecord(value) && BINDING_KINDS.some((kind) => kind === value["kind"]) && typeof value["value"] === "string";
}

function isSpent(value: unknown): value is Spent {
  if (!isRecord(value)) return false;
  const { atMs, address, keyHash, issuer } = value;
  return Number.isSafeInteger(atMs) && typeof address === "string" && isHex(keyHash, 64) && typeof issuer === "string";
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isHex(value: unknown, length: number): value is string {
  return typeof value === "string" && value.length === length && /^[0-9a-f]*$/.test(value);
}
