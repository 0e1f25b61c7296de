import { LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import { DRAIN_QUIET_MS, HEAD_TIMEOUT_MS, IDLE_TIMEOUT_MS } from "../limits.ts";
import type { Downstream } from "./downstream.ts";
import { matchPreface, mayBeHttp1, PREFACE_MATCH } from "./match-preface.ts";
import type { Session } from "./session.ts";
import type { SessionFactory } from "./session-factory.ts";

const EMPTY = Buffer.alloc(0);

/** Waits for the first bytes of a caller: they tell which version of HTTP it speaks. */
export class FirstBytes implements Session {
  readonly #connection: Downstream;
  readonly #sessions: SessionFactory;
  readonly #inside: string | null;
  readonly #isHttp2: boolean;
  #input: Buffer = EMPTY;
  /** When the first byte came; 0 = none has. */
  #sinceMs = 0;

  /**
   * @param inside the authority of the CONNECT inside which this is spoken.
   * @param isHttp2 the service is declared to speak HTTP/2: what is no request of HTTP/1.1 is a wrong preface then, not a wrong request.
   */
  constructor(connection: Downstream, sessions: SessionFactory, inside: string | null = null, isHttp2 = false) {
    this.#connection = connection;
    this.#sessions = sessions;
    this.#inside = inside;
    this.#isHttp2 = isHttp2;
  }

  received(bytes: Buffer): void {
    this.#input = this.#input.length === 0 ? bytes : Buffer.concat([this.#input, bytes]);
    const matched = matchPreface(this.#input);
    const isWrongPreface = matched === PREFACE_MATCH.NONE && this.#isHttp2 && !mayBeHttp1(this.#input);
    if (matched === PREFACE_MATCH.WHOLE || isWrongPreface)
      this.#sessions.http2(this.#connection, this.#inside, this.#input);
    else if (matched === PREFACE_MATCH.NONE) this.#sessions.http1(this.#connection, this.#inside, this.#input);
    else if (this.#sinceMs === 0) {
      this.#sinceMs = this.#connection.host.now;
      this.#connection.watch(HEAD_TIMEOUT_MS);
    }
  }

  drained(): void {
    // Nothing was written.
  }

  ended(): void {
    this.#connection.close();
  }

  gone(): void {
    // Nothing is under way.
  }

  quiet(quietMs: number): number {
    const { host } = this.#connection;
    if (this.#sinceMs > 0) {
      const leftMs = this.#sinceMs + HEAD_TIMEOUT_MS - host.nowMs();
      if (leftMs > 0) return leftMs;
      host.stats.counter(LIMIT_COUNTER.head_timeout);
      this.#connection.close();
      return 0;
    }
    const idleMs = host.isDraining ? DRAIN_QUIET_MS : IDLE_TIMEOUT_MS;
    if (quietMs < idleMs) return idleMs - quietMs;
    this.#connection.close();
    return 0;
  }

  /** Closing at once would cross with a request on its way: only who is quiet is closed. */
  drain(): void {
    if (this.#sinceMs > 0) return;
    const leftMs = this.quiet(this.#connection.host.nowMs() - this.#connection.lastByteMs);
    if (leftMs > 0) this.#connection.watch(leftMs);
  }
}
