import { Timer, type TimerWheel } from "../../base/timer-wheel.ts";

interface TimerHost {
  readonly wheel: TimerWheel;
  nowMs(): number;
}

/**
 * The two time-outs of a route on one exchange, with one timer: the whole request, and from the request having been sent to
 * the head of the answer (Gateway API `timeouts.request` and `backendRequest`), whichever comes first.
 */
export class ExchangeTimer {
  /** The time-out that is armed is the backend's. */
  isBackends = false;
  readonly #host: TimerHost;
  readonly #timer: Timer;
  /** When the whole request has to be over; 0 = never. */
  #endsAtMs = 0;

  constructor(host: TimerHost, fire: () => void) {
    this.#host = host;
    this.#timer = new Timer(fire);
  }

  /** @param requestTimeoutMs for everything, 0 = no bound. */
  start(requestTimeoutMs: number): void {
    this.isBackends = false;
    this.#endsAtMs = 0;
    if (requestTimeoutMs === 0) return;
    const nowMs = this.#host.nowMs();
    this.#endsAtMs = nowMs + requestTimeoutMs;
    this.#host.wheel.arm(this.#timer, nowMs, requestTimeoutMs);
  }

  /** The endpoint has the whole request. @param backendTimeoutMs until its answer begins, 0 = no bound. */
  requestSent(backendTimeoutMs: number): void {
    if (backendTimeoutMs === 0) return;
    const nowMs = this.#host.nowMs();
    if (this.#endsAtMs !== 0 && nowMs + backendTimeoutMs >= this.#endsAtMs) return;
    this.isBackends = true;
    this.#host.wheel.arm(this.#timer, nowMs, backendTimeoutMs);
  }

  /** The answer has begun: only the whole request's time counts on. */
  answered(): void {
    if (!this.isBackends) return;
    this.isBackends = false;
    this.#timer.deadlineMs = 0;
    if (this.#endsAtMs === 0) return;
    const nowMs = this.#host.nowMs();
    this.#host.wheel.arm(this.#timer, nowMs, Math.max(1, this.#endsAtMs - nowMs));
  }

  stop(): void {
    // Out of the wheel at once: it would hold on to the exchange, and that to a connection that may be closed.
    this.#host.wheel.remove(this.#timer);
    this.isBackends = false;
  }
}
