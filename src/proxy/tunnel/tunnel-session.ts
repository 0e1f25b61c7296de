import type { ProofBinding } from "../../identity/proof.ts";
import { nodeId } from "../../model/spiffe-id.ts";
import type { HeldKeys } from "./keys.ts";
import { CUT_BEFORE_END_MS, ROTATE_AT_LIFE_SHARE } from "./limits.ts";
import type { Believed } from "./still-holds.ts";
import type { TlsConnection } from "./tls-connection.ts";

/** One TLS session between two nodes, both verified. What was proven on it ends with it. */
export interface TunnelSession extends Believed {
  readonly connection: TlsConnection;
  /** This end's address. */
  readonly localAddress: string;
  /** Name of the node at the other end. */
  readonly node: string;
  /** With which identity of ours it was opened. */
  readonly own: HeldKeys;
  /** What proofs on it are bound to; the sender is the dialer. */
  readonly binding: ProofBinding;
  /** On the judged clock: from when on another connection should take its place. */
  readonly rotateAtMs: number;
  /** On the judged clock: when it has to be closed. */
  readonly endMs: number;
}

/** @param dialer which node dialed, @param listener which accepted; one of them is this one. */
export function tunnelSession(
  facts: Pick<TunnelSession, "connection" | "node" | "verified" | "chain" | "own">,
  ends: { readonly trustDomain: string; readonly dialer: string; readonly listener: string },
  keyingMaterial: Uint8Array,
  nowMs: number,
): TunnelSession {
  const notAfterMs = Math.min(facts.verified.notAfterMs, facts.own.notAfterMs);
  return {
    ...facts,
    localAddress: facts.connection.localAddress,
    binding: {
      sender: "dialer",
      senderNode: nodeId(ends.trustDomain, ends.dialer),
      receiverNode: nodeId(ends.trustDomain, ends.listener),
      keyingMaterial,
    },
    rotateAtMs: nowMs + (notAfterMs - nowMs) * ROTATE_AT_LIFE_SHARE,
    endMs: notAfterMs - CUT_BEFORE_END_MS,
  };
}
