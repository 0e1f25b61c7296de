import { Timer, type TimerWheel } from "../../base/timer-wheel.ts";
import type { PeerDoor } from "../../wire/channel/to-keeper-frame.ts";
import { PEER_MESSAGE_TIMEOUT_MS, PEER_MESSAGES_MAX, PEER_MESSAGES_PER_NODE_MAX } from "./limits.ts";
import { MessageRates } from "./message-rates.ts";

/** A message from elsewhere to this node's keeper. */
export interface KeeperQuestion {
  readonly door: PeerDoor;
  /** Proven; `""` at the join door. */
  readonly node: string;
  readonly address: string;
  readonly kind: number;
  readonly bytes: Uint8Array;
}

/** What the keeper says; `null`: nothing in time, or there is none. The view is valid only now. */
export type KeeperAnswer = (status: number | null, bytes: Uint8Array) => void;

/** Clock, and the way to the keeper; false: there is none. */
export interface KeeperRelayHost {
  readonly wheel: TimerWheel;
  nowMs(): number;
  request(requestId: number, question: KeeperQuestion): boolean;
}

interface Waiting {
  readonly from: string;
  readonly answer: KeeperAnswer;
  readonly timer: Timer;
}

const NOTHING = new Uint8Array(0);

/** Hands messages that come through the tunnel or the join door to the keeper, and its answers back; bounded, and never for long. */
export class KeeperRelay {
  readonly #host: KeeperRelayHost;
  readonly #waiting = new Map<number, Waiting>();
  readonly #rates = new MessageRates();
  #requestId = 0;

  constructor(host: KeeperRelayHost) {
    this.#host = host;
  }

  /** Whether a question of this node would be asked now: before what it says is read. Too many are under way, or came of late. */
  takes(node: string): boolean {
    return this.#rates.allows(node, this.#host.nowMs()) && !this.#isFull(node);
  }

  /** Answers a number to take the question back with, or `null`: too many are under way or came of late, or there is no keeper. */
  ask(question: KeeperQuestion, answer: KeeperAnswer): number | null {
    const from = question.node === "" ? `\n${question.address}` : question.node;
    if (this.#isFull(from) || !this.#rates.take(from, this.#host.nowMs())) return null;
    this.#requestId = (this.#requestId + 1) >>> 0;
    const requestId = this.#requestId;
    if (!this.#host.request(requestId, question)) return null;
    const timer = new Timer(() => this.#end(requestId, null, NOTHING));
    this.#waiting.set(requestId, { from, answer, timer });
    this.#host.wheel.arm(timer, this.#host.nowMs(), PEER_MESSAGE_TIMEOUT_MS);
    return requestId;
  }

  /** Nobody waits for the answer any more. */
  forget(requestId: number): void {
    const waiting = this.#waiting.get(requestId);
    if (waiting === undefined) return;
    this.#waiting.delete(requestId);
    this.#host.wheel.remove(waiting.timer);
  }

  /** A PEER_ANSWER came. */
  answered(requestId: number, status: number, bytes: Uint8Array): void {
    this.#end(requestId, status, bytes);
  }

  /** The keeper is gone. */
  cut(): void {
    for (const requestId of [...this.#waiting.keys()]) this.#end(requestId, null, NOTHING);
  }

  #end(requestId: number, status: number | null, bytes: Uint8Array): void {
    const waiting = this.#waiting.get(requestId);
    if (waiting === undefined) return;
    this.forget(requestId);
    waiting.answer(status, bytes);
  }

  #isFull(from: string): boolean {
    if (this.#waiting.size >= PEER_MESSAGES_MAX) return true;
    let count = 0;
    for (const waiting of this.#waiting.values()) if (waiting.from === from) count++;
    return count >= PEER_MESSAGES_PER_NODE_MAX;
  }
}
