import { Timer, type TimerWheel } from "../../base/timer-wheel.ts";
import type { Http2Link } from "../http2/link.ts";
import { PING_AFTER_BUSY_MS, PONG_TIMEOUT_MS } from "./limits.ts";

/** What of a connection tells whether somebody is at its other end. */
export type Listened = Pick<Http2Link, "lastReadMs" | "streamCount" | "ping">;

/** How much later than asked a timer may fire before the silence is blamed on this process and not on the peer. */
const LATE_MS = 500;

/** Notices within seconds that nobody is at the other end any more, while TCP would go on hoping. */
export class KeepAlive {
  readonly #wheel: TimerWheel;
  readonly #nowMs: () => number;
  readonly #link: Listened;
  readonly #idleMs: number;
  readonly #dead: () => void;
  readonly #timer: Timer;
  #dueMs = 0;
  /** When a question left that has no answer; 0 = none. */
  #askedMs = 0;
  #count = 0;

  /** @param idleMs silence after which is asked while no stream is open. @param dead called once. */
  constructor(wheel: TimerWheel, nowMs: () => number, link: Listened, idleMs: number, dead: () => void) {
    this.#wheel = wheel;
    this.#nowMs = nowMs;
    this.#link = link;
    this.#idleMs = idleMs;
    this.#dead = dead;
    this.#timer = new Timer(() => this.#look());
  }

  start(): void {
    this.#arm(this.#nowMs(), this.#idleMs);
  }

  stop(): void {
    this.#wheel.remove(this.#timer);
  }

  /** A stream was opened: from now on silence is suspicious sooner. Whoever was asked keeps his time to answer. */
  busy(nowMs: number): void {
    if (this.#link.lastReadMs < this.#askedMs) return;
    if (this.#timer.deadlineMs > nowMs + PING_AFTER_BUSY_MS) this.#arm(nowMs, PING_AFTER_BUSY_MS);
  }

  #look(): void {
    const nowMs = this.#nowMs();
    const { lastReadMs } = this.#link;
    if (lastReadMs >= this.#askedMs) this.#askedMs = 0;
    const silentMs = nowMs - lastReadMs;
    const allowedMs = this.#link.streamCount > 0 ? PING_AFTER_BUSY_MS : this.#idleMs;
    if (this.#askedMs > 0) this.#judge(nowMs);
    else if (silentMs < allowedMs) this.#arm(nowMs, Math.min(allowedMs - silentMs, this.#idleMs));
    else {
      this.#askedMs = nowMs;
      this.#link.ping(0, ++this.#count);
      this.#arm(nowMs, PONG_TIMEOUT_MS);
    }
  }

  #judge(nowMs: number): void {
    const isLate = nowMs - this.#dueMs > LATE_MS;
    // What came while this process did not run is still to be read.
    if (isLate) this.#arm(nowMs, LATE_MS);
    else this.#dead();
  }

  #arm(nowMs: number, afterMs: number): void {
    this.#dueMs = nowMs + afterMs;
    this.#wheel.remove(this.#timer);
    this.#wheel.arm(this.#timer, nowMs, afterMs);
  }
}
