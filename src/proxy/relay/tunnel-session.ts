import { FLAG } from "../../model/response-flags.ts";
import { COUNTER, DENIED_COUNTER } from "../../telemetry/fixed-metrics.ts";
import type { Downstream } from "../downstream/downstream.ts";
import type { Session } from "../downstream/session.ts";
import { ATTEMPTS_MAX, TUNNEL_IDLE_MS } from "../limits.ts";
import type { Target } from "../mesh/destination.ts";
import type { RequestSummary } from "../recorder.ts";
import type { Waiter, Way } from "../upstream/endpoint.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { Relay, type RelayClient } from "./relay.ts";

/** Where a stream goes. */
export interface StreamAim {
  readonly target: Target;
  readonly way: Way;
  /** True while the snapshot still permits the stream. */
  readonly recheck: () => boolean;
}

/** What to do once the endpoint is connected, or is not. */
export interface TunnelEvents {
  /** Before the first byte is relayed: the place for the answer to a CONNECT. */
  connected(): void;
  /** Not reached. Where else to try; `null`: nowhere. */
  another(failed: Target): StreamAim | null;
  failed(flag: number, reason: string): void;
  /** For the record. */
  over(session: TunnelSession): void;
}

/** Most bytes that are held while the endpoint is being connected. Reading stops at the first ones, so this is one read. */
const NOTHING = Buffer.alloc(0);

/**
 * A connection whose bytes are relayed: TCP from its beginning, the inside of a CONNECT, what follows a 101.
 * Judged when it is made; `recheck` judges it again under every new snapshot.
 */
export class TunnelSession implements Session, RelayClient, Waiter {
  readonly summary: RequestSummary;
  readonly #connection: Downstream;
  readonly #events: TunnelEvents;
  #aim: StreamAim;
  #attempts = 1;
  #relay: Relay | null = null;
  #held: Buffer = NOTHING;
  #callerEnded = false;
  #isWaiting = false;

  constructor(connection: Downstream, aim: StreamAim, summary: RequestSummary, events: TunnelEvents) {
    this.#connection = connection;
    this.#aim = aim;
    this.summary = summary;
    this.#events = events;
  }

  /** How it goes where it goes now. */
  get way(): Way {
    return this.#aim.way;
  }

  recheck(): boolean {
    return this.#aim.recheck();
  }

  get out() {
    return this.#connection.out;
  }

  get sentBytes(): number {
    return this.#relay?.sent ?? 0;
  }

  get receivedBytes(): number {
    return this.#relay?.received ?? 0;
  }

  /** Asks for a connection to the endpoint; what the caller sends until then is held. */
  connect(early: Buffer): void {
    this.#held = early;
    this.#isWaiting = true;
    this.#connection.pauseReading();
    this.#aim.way.acquire(this);
  }

  /** Goes on over a connection that is there already. */
  adopt(upstream: Upstream, early: Buffer, rest: Uint8Array): void {
    this.#start(upstream);
    if (rest.length > 0) this.#relay?.onUpstreamData(upstream, rest);
    if (early.length > 0) this.received(early);
  }

  onUpstreamReady(upstream: Upstream): void {
    this.#isWaiting = false;
    this.#events.connected();
    if (!this.#connection.isOpen) {
      upstream.close();
      return;
    }
    this.#start(upstream);
    const held = this.#held;
    this.#held = NOTHING;
    if (held.length > 0) this.#relay?.fromClient(held);
    this.#connection.resumeReading();
    if (this.#callerEnded) this.#relay?.clientEnded();
  }

  onUpstreamFailed(flag: number, reason: string): void {
    if (this.#goesElsewhere(flag)) return;
    this.#isWaiting = false;
    this.#events.failed(flag, reason);
  }

  /** Nothing has been sent to an endpoint that was not reached: another one may serve as well. */
  #goesElsewhere(flag: number): boolean {
    const isElsewhereBetter = flag === FLAG.UH || flag === FLAG.UF || flag === FLAG.LISTENER_MISMATCH;
    if (!isElsewhereBetter || this.#attempts >= ATTEMPTS_MAX) return false;
    const next = this.#events.another(this.#aim.target);
    // The snapshot may have changed since the first attempt.
    if (!next?.recheck()) return false;
    this.#attempts++;
    this.#aim = next;
    this.#connection.host.stats.counter(COUNTER.retries);
    next.way.acquire(this);
    return true;
  }

  received(bytes: Buffer): void {
    if (this.#relay) this.#relay.fromClient(bytes);
    else this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
  }

  drained(): void {
    this.#relay?.clientDrained();
  }

  ended(): void {
    this.#callerEnded = true;
    this.#relay?.clientEnded();
  }

  gone(): void {
    this.#giveUp(FLAG.DC);
    this.#relay?.clientGone();
  }

  #giveUp(flag: number): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#aim.way.withdraw(this);
    this.summary.flag = flag;
    this.#events.over(this);
  }

  /** The relay has its own clock, which both directions renew. */
  quiet(_quietMs: number): number {
    return TUNNEL_IDLE_MS;
  }

  drain(): void {
    // A stream has no end of its own; it goes on until the grace is over.
  }

  /** Ends the stream because a new snapshot denies it. */
  revoke(): void {
    this.#connection.host.stats.counter(DENIED_COUNTER.policy_change);
    this.summary.flag = FLAG.RBAC;
    if (this.#relay) this.#relay.cut();
    else {
      this.#giveUp(FLAG.RBAC);
      this.#connection.cut();
    }
  }

  /** Tells the counters what has moved so far. */
  report(): void {
    this.#relay?.report();
  }

  pauseReading(): void {
    this.#connection.pauseReading();
  }

  resumeReading(): void {
    this.#connection.resumeReading();
  }

  relayEnded(isClean: boolean): void {
    this.#events.over(this);
    if (isClean) this.#connection.close();
    else if (this.#connection.isOpen) this.#connection.cut();
  }

  #start(upstream: Upstream): void {
    const edge = this.summary.edge!;
    this.#relay = new Relay(this, upstream, edge, this.#connection.host);
  }
}
