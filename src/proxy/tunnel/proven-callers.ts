import { verifyProof } from "../../identity/proof.ts";
import { isRefusal, type Refusal, refusal } from "../../identity/refusal.ts";
import type { Trust } from "../../identity/verify.ts";
import { PROOFS_PER_SECOND, PROOFS_PER_TUNNEL_MAX } from "./limits.ts";
import type { Placements } from "./placements.ts";
import { type Believed, keep, lifeProblem, stillHolds } from "./still-holds.ts";
import type { TunnelSession } from "./tunnel-session.ts";

/** A workload of the other node that has proven itself on one connection. */
export interface ProvenCaller extends Believed {
  /** Number of the stream that the proof came on. */
  readonly handle: number;
  /** Key of its WorkloadRecord. */
  readonly workload: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** What proofs are judged by besides the session they come on. */
export interface ProofBasis {
  readonly trust: Trust;
  readonly placements: Placements;
}

/** Who has proven itself on one connection, and for how long that holds. */
export class ProvenCallers {
  readonly #session: TunnelSession;
  readonly #callers = new Map<number, ProvenCaller>();
  /** Handles that were good once on this connection, oldest first; as many as there may be proofs. */
  readonly #ended = new Set<number>();
  #tokens = PROOFS_PER_TUNNEL_MAX;
  #refilledMs = 0;

  constructor(session: TunnelSession) {
    this.#session = session;
  }

  /**
   * Judges a proof that came on stream `handle`. What it proves is remembered until the SVID, the connection, the bundle, the
   * bans or the placement end. @param named the WorkloadRecord that its node says it is. @param nowMs on the monotonic clock.
   */
  prove(
    handle: number,
    proof: Uint8Array,
    named: string,
    basis: ProofBasis,
    nowMs: number,
  ): ProvenCaller | Refusal | "limit" {
    if (!this.#mayJudge(nowMs)) return "limit";
    if (this.#callers.size >= PROOFS_PER_TUNNEL_MAX) this.#forgetExpired(basis.trust);
    if (this.#callers.size >= PROOFS_PER_TUNNEL_MAX) return "limit";
    const { trust, placements } = basis;
    const verified = verifyProof(proof, this.#session.binding, trust, ({ namespace, serviceAccount }, node) =>
      placements.has(node, namespace, serviceAccount),
    );
    if (isRefusal(verified)) return verified;
    const { subject, issuerNode } = verified;
    if (subject.kind !== "workload") return refusal("proof", "leaf_kind");
    const { namespace, serviceAccount } = subject;
    const workload = placements.workload(issuerNode, namespace, serviceAccount, named);
    if (workload === undefined) return refusal("issuer", "not_placed");
    const caller = { handle, workload, namespace, serviceAccount, ...keep(verified) };
    this.#callers.set(handle, caller);
    return caller;
  }

  /** Who speaks on a stream that names this handle; `undefined`: nobody that is believed now. Cheap. */
  caller(handle: number, nowMs: number): ProvenCaller | undefined {
    const caller = this.#callers.get(handle);
    return caller !== undefined && nowMs <= caller.verified.notAfterMs ? caller : undefined;
  }

  /** Whether a handle that `caller` does not know was proven once: then a new proof is what is wanted. */
  hasEnded(handle: number): boolean {
    return this.#ended.has(handle) || this.#callers.has(handle);
  }

  /** Those whose life is over, forgotten now. */
  takeExpired(trust: Trust): ProvenCaller[] {
    return this.#take((caller) => lifeProblem(caller.verified, trust) !== undefined);
  }

  /** Judges all once more after trust or documents have changed; those that do not hold any longer, forgotten now. */
  takeRefused({ trust, placements }: ProofBasis): ProvenCaller[] {
    return this.#take((caller) => {
      const { issuerNode } = caller.verified;
      const now = placements.workload(issuerNode, caller.namespace, caller.serviceAccount, caller.workload);
      return now !== caller.workload || stillHolds(caller, trust) !== undefined;
    });
  }

  get size(): number {
    return this.#callers.size;
  }

  #mayJudge(nowMs: number): boolean {
    const refilled = this.#tokens + ((nowMs - this.#refilledMs) / 1000) * PROOFS_PER_SECOND;
    this.#tokens = Math.min(PROOFS_PER_TUNNEL_MAX, refilled);
    this.#refilledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  #forgetExpired(trust: Trust): void {
    this.takeExpired(trust);
  }

  #take(isOver: (caller: ProvenCaller) => boolean): ProvenCaller[] {
    const taken: ProvenCaller[] = [];
    for (const [handle, caller] of this.#callers) {
      if (!isOver(caller)) continue;
      this.#callers.delete(handle);
      this.#ended.add(handle);
      taken.push(caller);
    }
    for (const handle of this.#ended) {
      if (this.#ended.size <= PROOFS_PER_TUNNEL_MAX) break;
      this.#ended.delete(handle);
    }
    return taken;
  }
}
