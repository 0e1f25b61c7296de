/**
 * The change of a site's root without a broken call: first everybody trusts both, then the new one signs, then the old one goes.
 * Pure: the state and what is known are handed in.
 */
import { ISSUER_LIFE_MS } from "./lifetimes.ts";

/**
 * steady: one root. announced: both are in the bundle, the old one signs. signing: both are in the bundle, the new one signs.
 */
export type RootPhase = "steady" | "announced" | "signing";

/** Where the change stands. */
export interface RootRotation {
  readonly phase: RootPhase;
  /** When the phase began, by the time of certificates. */
  readonly sinceMs: number;
}

/** What the root's node knows about the others. */
export interface RotationFacts {
  readonly nowMs: number;
  /** Nodes that are neither banned nor forgotten, this one among them. */
  readonly nodes: number;
  /** Of these, how many confirmed the bundle with both roots. */
  readonly nodesTrusting: number;
  /** Of these, how many hold an issuer of the new root. */
  readonly nodesRenewed: number;
  /** The old key may be in other hands: who has not followed yet is cut off, rather than believed. */
  readonly isCompromised: boolean;
}

/**
 * How long nodes in reach are given to follow when the old key may be in other hands: a minute for each of both steps. Reason:
 * who has the key has had it for longer, and without this every other node would have to be let in anew.
 */
export const COMPROMISED_WAIT_MS = 60_000;

/** What to do next; `wait` until the facts change or time goes by. */
export type RotationStep = "wait" | "sign_with_new" | "drop_old";

/**
 * The next step. Nobody is waited for longer than an issuer lives: a node that was away for that long has no issuer anyway and
 * has to be let in anew.
 */
export function nextRotationStep(rotation: RootRotation, facts: RotationFacts): RotationStep {
  const isWaitOver = facts.nowMs - rotation.sinceMs >= (facts.isCompromised ? COMPROMISED_WAIT_MS : ISSUER_LIFE_MS);
  switch (rotation.phase) {
    case "steady":
      return "wait";
    case "announced":
      return facts.nodesTrusting >= facts.nodes || isWaitOver ? "sign_with_new" : "wait";
    case "signing":
      return facts.nodesRenewed >= facts.nodes || isWaitOver ? "drop_old" : "wait";
  }
}

/** The state after a step. */
export function afterRotationStep(rotation: RootRotation, step: RotationStep, nowMs: number): RootRotation {
  if (step === "wait") return rotation;
  return { phase: step === "sign_with_new" ? "signing" : "steady", sinceMs: nowMs };
}
