import { randomBytes } from "node:crypto";
import {
  printJoinToken,
  TOKEN_ID_BYTES,
  TOKEN_SECRET_BYTES,
  tokenKeyHash,
  tokenPublicKey,
} from "../../identity/join-token.ts";
import type { SiteIdentity } from "../identity/site-identity.ts";
import type { HardwareBinding, Invite } from "./invite.ts";
import type { Invites } from "./invites.ts";
import { INVITE_VALID_MS_MAX } from "./judge-inviter.ts";
import { NodesError } from "./nodes-host.ts";

/** Longest life of a token that any machine may use. Reason: a day is enough for whoever carries it himself. */
export const UNBOUND_VALID_MS_MAX = 86_400_000;

/** Shortest life of a token. Reason: it has to be carried to the other machine. */
export const VALID_MS_MIN = 1_000;

/** What an operator asks for. */
export interface InviteRequest {
  readonly node: string;
  readonly validMs: number;
  readonly binding: HardwareBinding | null;
  readonly isReplacing: boolean;
  /** `host:port` where the new machine calls. */
  readonly address: string;
}

/** What is printed, once. */
export interface Invitation {
  readonly token: string;
  readonly node: string;
  readonly address: string;
  readonly expiresAtMs: number;
  /** Open invitations for the same name that ended by this. */
  readonly ended: number;
}

/** Makes a token and keeps what is needed to recognise it; it is on disk when this returns. Throws NodesError. */
export function makeInvitation(invites: Invites, identity: SiteIdentity, request: InviteRequest): Invitation {
  const { node, validMs, binding, isReplacing, address } = request;
  const nowMs = Math.floor(identity.nowMs());
  refuseValidity(validMs, binding);
  const root = identity.issuerRoot();
  if (root === undefined) throw new NodesError("this node has no certificate of its own yet", "try again in a moment");
  const full = invites.fullness(nowMs);
  if (full !== undefined) throw new NodesError(full, "wait until some have expired");
  const secret = new Uint8Array(randomBytes(TOKEN_SECRET_BYTES));
  const id = randomBytes(TOKEN_ID_BYTES).toString("hex");
  const expiresAtMs = nowMs + validMs;
  const keyHash = tokenKeyHash(tokenPublicKey(secret)).toString("hex");
  const invite: Invite = {
    id,
    node,
    keyHash,
    createdAtMs: nowMs,
    expiresAtMs,
    binding,
    isReplacing,
    tries: 0,
    spent: null,
  };
  try {
    // One open token for a name: the one that was printed last.
    const ended = invites.revoke(node, nowMs);
    invites.add(invite, nowMs);
    const { trustDomain, node: rootNode } = identity;
    const pin = root.keyHash;
    const token = printJoinToken({ trustDomain, node, rootNode, pin, address, id, secret, expiresAtMs });
    return { token, node, address, expiresAtMs, ended };
  } catch (error) {
    throw new NodesError(`the invitation cannot be written down: ${error instanceof Error ? error.message : error}`);
  } finally {
    secret.fill(0);
  }
}

function refuseValidity(validMs: number, binding: HardwareBinding | null): void {
  if (validMs < VALID_MS_MIN || validMs > INVITE_VALID_MS_MAX) throw new NodesError("a token is valid for 1s to 14d");
  if (validMs > UNBOUND_VALID_MS_MAX && binding === null) {
    throw new NodesError(
      "a token that is valid for more than 24h has to be bound to one machine",
      "add --bind serial:NUMBER or --bind ek:SHA256",
    );
  }
}
