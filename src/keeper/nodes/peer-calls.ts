import { PEER_STATUS, TO_WORKER } from "../../wire/channel/frames.ts";
import type { ToWorkerFrame } from "../../wire/channel/to-worker-frame.ts";

/** Longest wait for an answer of another keeper. Reason: the worker gives up after ten seconds and says so. */
export const PEER_CALL_TIMEOUT_MS = 12_000;

/** Calls under way. Reason: a few for each node of a site. */
export const PEER_CALLS_MAX = 128;

/** A worker, as far as messages go through it. */
export interface PeerWorker {
  readonly id: number;
  send(frame: ToWorkerFrame): boolean;
}

/** What another keeper answered, or the transport for it. */
export interface PeerReply {
  /** `PEER_STATUS`, or `PEER_REFUSAL`. */
  readonly status: number;
  readonly bytes: Uint8Array;
}

interface Waiting {
  readonly workerId: number;
  readonly timer: Timer;
  resolve(reply: PeerReply): void;
}

const NOTHING = new Uint8Array(0);

/** Messages from this keeper to others, through its workers' tunnels. */
export class PeerCalls {
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;

  /** Sends; resolves with the answer, or with the status that says why there is none. Never rejects. */
  send(worker: PeerWorker, node: string, kind: number, bytes: Uint8Array): Promise<PeerReply> {
    if (this.#waiting.size >= PEER_CALLS_MAX) return Promise.resolve({ status: PEER_STATUS.REFUSED, bytes: NOTHING });
    const requestId = this.#nextId;
    this.#nextId = (this.#nextId % 0xffffffff) + 1;
    const { promise, resolve } = Promise.withResolvers<PeerReply>();
    const giveUp = () => this.#settle(requestId, { status: PEER_STATUS.TIMED_OUT, bytes: NOTHING });
    this.#waiting.set(requestId, { workerId: worker.id, timer: setTimeout(giveUp, PEER_CALL_TIMEOUT_MS), resolve });
    if (!worker.send({ type: TO_WORKER.PEER_SEND, requestId, node, kind, bytes })) {
      this.#settle(requestId, { status: PEER_STATUS.NOT_CONNECTED, bytes: NOTHING });
    }
    return promise;
  }

  /** The answer came; one from another worker than was asked is nobody's. `bytes` is copied. */
  replied(workerId: number, requestId: number, status: number, bytes: Uint8Array): void {
    if (this.#waiting.get(requestId)?.workerId !== workerId) return;
    this.#settle(requestId, { status, bytes: Uint8Array.from(bytes) });
  }

  /** A worker is gone, and with it what it was asked. */
  forget(workerId: number): void {
    for (const [requestId, waiting] of [...this.#waiting]) {
      if (waiting.workerId === workerId) this.#settle(requestId, { status: PEER_STATUS.NOT_CONNECTED, bytes: NOTHING });
    }
  }

  /** Ends every wait. */
  close(): void {
    for (const requestId of [...this.#waiting.keys()]) {
      this.#settle(requestId, { status: PEER_STATUS.NOT_CONNECTED, bytes: NOTHING });
    }
  }

  #settle(requestId: number, reply: PeerReply): void {
    const waiting = this.#waiting.get(requestId);
    if (waiting === undefined) return;
    this.#waiting.delete(requestId);
    clearTimeout(waiting.timer);
    waiting.resolve(reply);
  }
}
