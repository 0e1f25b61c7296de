import { makeProof } from "../../identity/proof.ts";
import type { Http2Link } from "../http2/link.ts";
import { LINK_LOST, type LinkStream, type StreamOwner } from "../http2/link-stream.ts";
import { controlHead, PROOF_PATH } from "./control-request.ts";
import type { HeldKeys, Keys } from "./keys.ts";
import { PROOF_RETRY_MS } from "./limits.ts";
import type { TunnelSession } from "./tunnel-session.ts";

/** Why there is no handle. Handles are above. */
export const NO_HANDLE = {
  /** The proof is on its way out: ask again when told. */
  PENDING: 0,
  /** This node holds no key for the workload (yet). */
  NO_KEYS: -1,
  /** The other node did not believe it. */
  REFUSED: -2,
  /** The connection takes no streams now. */
  NO_ROOM: -3,
} as const;

/** What sending proofs needs of the worker. */
export interface SentProofsHost {
  readonly keys: Keys;
  /** On the monotonic clock. */
  nowMs(): number;
  /** On the judged clock. */
  judgedNowMs(): number;
  /** The other node refused the proof of one of our workloads. */
  refused(workload: string, status: number): void;
}

interface SentProof {
  readonly keys: HeldKeys;
  readonly stream: LinkStream;
  state: "leaving" | "sent" | "refused" | "doubted";
  /** When it was refused, on the monotonic clock. */
  refusedAtMs: number;
  /** When a proof before it was doubted last. */
  readonly doubtedAtMs: number;
  readonly waiters: (() => void)[];
}

/** The proofs that were sent on one connection: one for each workload that speaks on it, made when it first does. */
export class SentProofs {
  readonly #host: SentProofsHost;
  readonly #link: Http2Link;
  readonly #session: TunnelSession;
  readonly #sent = new Map<string, SentProof>();

  constructor(host: SentProofsHost, link: Http2Link, session: TunnelSession) {
    this.#host = host;
    this.#link = link;
    this.#session = session;
  }

  /**
   * The handle under which a workload of this node speaks, or one of NO_HANDLE. A proof goes out where there is none yet; streams
   * that are opened from then on come after it. @param waiter called once where the answer is PENDING, when to ask again.
   */
  handle(workload: string, waiter: () => void): number {
    const keys = this.#host.keys.workload(workload);
    if (keys === undefined || !(this.#host.judgedNowMs() < keys.notAfterMs)) return NO_HANDLE.NO_KEYS;
    const known = this.#sent.get(workload);
    if (known === undefined || known.keys !== keys || this.#isToBeTriedAgain(known))
      return this.#send(workload, keys, waiter);
    if (known.state === "sent") return known.stream.stream?.id ?? NO_HANDLE.NO_ROOM;
    if (known.state === "refused") return NO_HANDLE.REFUSED;
    known.waiters.push(waiter);
    return NO_HANDLE.PENDING;
  }

  /** The handle of a proof that was sent and still holds, else -1: ask `handle`. */
  known(workload: string): number {
    const keys = this.#host.keys.workload(workload);
    const known = this.#sent.get(workload);
    if (known?.state !== "sent" || known.keys !== keys || !(this.#host.judgedNowMs() < keys.notAfterMs)) return -1;
    return known.stream.stream?.id ?? -1;
  }

  /** Documents or trust have changed: what was refused may be tried again. */
  forgetRefused(): void {
    for (const [workload, { state }] of this.#sent) if (state === "refused") this.#sent.delete(workload);
  }

  /**
   * The other node refused a stream under this handle unread: perhaps its documents have changed, and it believes the proof no
   * more. The next stream brings a new one, at most every PROOF_RETRY_MS.
   */
  doubt(handle: number): void {
    for (const sent of this.#sent.values()) {
      if (sent.state !== "sent" || sent.stream.stream?.id !== handle) continue;
      const nowMs = this.#host.nowMs();
      if (nowMs - sent.doubtedAtMs < PROOF_RETRY_MS) return;
      sent.state = "doubted";
      sent.refusedAtMs = nowMs;
      return;
    }
  }

  #isToBeTriedAgain({ state, refusedAtMs }: SentProof): boolean {
    if (state === "doubted") return true;
    return state === "refused" && this.#host.nowMs() - refusedAtMs >= PROOF_RETRY_MS;
  }

  #send(workload: string, keys: HeldKeys, waiter: () => void): number {
    const owner: StreamOwner = {
      onStreamHead: () => this.#answered(workload, sent, this.#link.host.heads.response.status),
      onStreamData: (stream, bytes) => stream.credit(bytes.length),
      onStreamTrailers: () => undefined,
      onStreamReset: (_stream, code) => {
        if (code !== LINK_LOST) this.#answered(workload, sent, 0);
        else this.#wake(sent);
      },
      onStreamDrained: () => this.#left(sent),
    };
    const stream = this.#link.openStream(owner);
    if (stream === null) return NO_HANDLE.NO_ROOM;
    const before = this.#sent.get(workload);
    const doubtedAtMs =
      before?.state === "doubted" ? before.refusedAtMs : (before?.doubtedAtMs ?? Number.NEGATIVE_INFINITY);
    const sent: SentProof = { keys, stream, state: "leaving", refusedAtMs: 0, doubtedAtMs, waiters: [] };
    this.#sent.set(workload, sent);
    const proof = makeProof(this.#session.binding, keys.chain, keys.key);
    const head = controlHead(PROOF_PATH, proof.length, workload);
    stream.head(head, 0, head.length, false, false);
    stream.write(proof, 0, proof.length, false);
    stream.finish();
    // Heads of other streams leave before content that waits for its turn: all of it has to be out first.
    this.#link.flushQuietly();
    if (!stream.hasEnded) {
      sent.waiters.push(waiter);
      return NO_HANDLE.PENDING;
    }
    sent.state = "sent";
    return stream.stream?.id ?? NO_HANDLE.NO_ROOM;
  }

  #left(sent: SentProof): void {
    if (sent.state !== "leaving") return;
    sent.state = "sent";
    this.#wake(sent);
  }

  #answered(workload: string, sent: SentProof, status: number): void {
    if (status >= 100 && status < 200) return;
    if (status === 200) {
      this.#left(sent);
      return;
    }
    sent.state = "refused";
    sent.refusedAtMs = this.#host.nowMs();
    this.#host.refused(workload, status);
    this.#wake(sent);
  }

  #wake({ waiters }: SentProof): void {
    for (const waiter of waiters.splice(0)) waiter();
  }
}
