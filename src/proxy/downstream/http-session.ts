import { FLAG } from "../../model/response-flags.ts";
import { LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import { reasonOfParseError, statusOfParseError } from "../../wire/http1/error-status.ts";
import { BODY, HEAD_BYTES_MAX, METHOD, NEED_MORE, type ParseError, RequestHead } from "../../wire/http1/head.ts";
import { parseRequestHead } from "../../wire/http1/parse-request.ts";
import { OUTCOME } from "../exchange/decide.ts";
import { Exchange } from "../exchange/exchange.ts";
import type { ExchangeClient } from "../exchange/exchange-client.ts";
import type { ForwardPlan } from "../exchange/forward-plan.ts";
import { RepeatedRequest } from "../exchange/repeated-request.ts";
import { DRAIN_QUIET_MS, HEAD_TIMEOUT_MS, IDLE_TIMEOUT_MS, PIPELINE_BYTES_MAX, STREAM_IDLE_MS } from "../limits.ts";
import type { ExternalPort, Target } from "../mesh/destination.ts";
import { pickOther } from "../upstream/pick-target.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { canSkipBody } from "./can-skip-body.ts";
import { ConnectionOrigin } from "./connection-origin.ts";
import { countRefusal } from "./count-refusal.ts";
import type { Downstream } from "./downstream.ts";
import { OnConnection } from "./on-connection.ts";
import { RequestLedger } from "./request-ledger.ts";
import type { Session } from "./session.ts";
import type { SessionFactory } from "./session-factory.ts";

const STATE = { HEAD: 0, EXCHANGE: 1, SKIP: 2, HANDED_OVER: 3 } as const;
const EMPTY = Buffer.alloc(0);

/** HTTP/1.1 with one caller: one request at a time, pipelined ones wait their turn. */
export class HttpSession extends OnConnection implements Session, ExchangeClient {
  readonly head = new RequestHead();
  headBytes: Buffer = EMPTY;
  readonly #connection: Downstream;
  readonly #sessions: SessionFactory;
  readonly #exchange: Exchange;
  readonly #origin: ConnectionOrigin;
  readonly #ledger: RequestLedger;
  readonly #repeated = new RepeatedRequest();
  #state: number = STATE.HEAD;
  /** Bytes that have arrived and not been taken, from `#at`. */
  #input: Buffer = EMPTY;
  #at = 0;
  #plan: ForwardPlan | null = null;
  /** When the head that is incomplete began to arrive; 0 = none has. */
  #headSinceMs = 0;
  #skipBytes = 0;
  #isRunning = false;
  #closesAfter = false;

  /** @param inside the authority of the CONNECT inside which this is spoken. */
  constructor(connection: Downstream, sessions: SessionFactory, inside: string | null = null) {
    super(connection);
    this.#connection = connection;
    this.#sessions = sessions;
    this.#origin = new ConnectionOrigin(connection, inside);
    this.#ledger = new RequestLedger(connection.host, connection.out, this.#origin);
    this.#exchange = new Exchange(this, this);
  }

  anotherTarget(failed: Target): Target {
    const target = pickOther(this.#origin, failed, this.nowMs());
    if (target !== failed) this.#ledger.elsewhere(target);
    return target;
  }

  received(bytes: Buffer): void {
    if (this.#at >= this.#input.length) {
      this.#input = bytes;
      this.#at = 0;
    } else {
      this.#input = Buffer.concat([this.#input.subarray(this.#at), bytes]);
      this.#at = 0;
      // Without a line feed among the new bytes no head can have become complete.
      if (this.#state === STATE.HEAD && this.#input.length < HEAD_BYTES_MAX && bytes.indexOf(10) < 0) return;
    }
    this.#run();
  }

  resumeReading(): void {
    this.#connection.resumeReading();
    this.#run();
  }

  drained(): void {
    if (this.#exchange.isActive) this.#exchange.clientDrained();
    else if (this.#closesAfter) this.#connection.close();
  }

  ended(): void {
    // A caller may half-close behind its requests and still read the answers.
    if (this.#state !== STATE.EXCHANGE) this.#connection.close();
    else if (this.#isRequestComplete) this.#closesAfter = true;
    else {
      this.gone();
      this.#connection.cut();
    }
  }

  gone(): void {
    if (this.#state !== STATE.EXCHANGE) return;
    this.#finish(this.#exchange.status, FLAG.DC);
    this.#exchange.abort();
    this.#state = STATE.HANDED_OVER;
  }

  /** Nothing more has to come of the request under way, which may still wait for a name to be looked up. */
  get #isRequestComplete(): boolean {
    return this.#exchange.isActive ? this.#exchange.isRequestComplete : this.head.body === BODY.NONE;
  }

  quiet(quietMs: number): number {
    const now = this.nowMs();
    if (this.#state === STATE.EXCHANGE) {
      if (quietMs < STREAM_IDLE_MS) return STREAM_IDLE_MS - quietMs;
      this.stats.counter(LIMIT_COUNTER.idle_timeout);
      this.#exchange.timeOut(FLAG.SI);
      return STREAM_IDLE_MS;
    }
    if (this.#headSinceMs > 0) {
      const leftMs = HEAD_TIMEOUT_MS - (now - this.#headSinceMs);
      if (leftMs > 0) return leftMs;
      this.stats.counter(LIMIT_COUNTER.head_timeout);
      this.#refuse(408, FLAG.DPE);
      return 0;
    }
    const idleMs = this.isDraining ? DRAIN_QUIET_MS : IDLE_TIMEOUT_MS;
    if (quietMs < idleMs) return idleMs - quietMs;
    this.#connection.close();
    return 0;
  }

  /** Closing at once would cross with a request on its way: only who is quiet is closed, anybody else is told with an answer. */
  drain(): void {
    if (this.#state !== STATE.HEAD || this.#headSinceMs > 0) return;
    const leftMs = this.quiet(this.nowMs() - this.#connection.lastByteMs);
    if (leftMs > 0) this.#connection.watch(leftMs);
  }

  /** Takes what has arrived, as far as the state allows. */
  #run(): void {
    // Writing can call back into here (an answer that ends at once); the outer call goes on with what is left.
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (this.#at < this.#input.length && this.#step()) {
      // All in the condition.
    }
    this.#isRunning = false;
    if (this.#exchange.isActive) this.#exchange.flushRequest();
    if (this.#at >= this.#input.length) this.#input = EMPTY;
    // What is left is no whole request, and the caller sends nothing more.
    if (this.#closesAfter && this.#state !== STATE.EXCHANGE) this.#connection.close();
  }

  #step(): boolean {
    switch (this.#state) {
      case STATE.HEAD:
        return this.#takeHead();
      case STATE.EXCHANGE:
        return this.#takeBody();
      case STATE.SKIP:
        return this.#skip();
      default:
        return false;
    }
  }

  #takeHead(): boolean {
    const known = this.#at === 0 ? this.#repeated.memo.match(this.#input) : 0;
    if (known > 0) {
      this.headBytes = this.#repeated.memo.bytes;
      return this.#begin(known);
    }
    // From here on `head` is about other bytes.
    this.#repeated.forget();
    const start = this.#at;
    const end = parseRequestHead(this.#input, this.#at, this.#input.length, this.head);
    if (end === NEED_MORE) {
      if (this.#headSinceMs === 0) {
        this.#headSinceMs = this.nowMs();
        this.#connection.watch(HEAD_TIMEOUT_MS);
      }
      return false;
    }
    if (end < 0) {
      this.#headSinceMs = 0;
      countRefusal(this.stats, end as ParseError);
      this.#refuse(statusOfParseError(end), FLAG.DPE);
      return false;
    }
    this.headBytes = this.#input;
    // Streams keep the index of their head for themselves.
    const canRepeat = start === 0 && this.head.upgradeLine < 0 && this.head.method !== METHOD.CONNECT;
    if (canRepeat) this.#repeated.memo.remember(this.#input, end);
    return this.#begin(end);
  }

  /** A head is there, and indexed. */
  #begin(end: number): boolean {
    this.#ledger.begin();
    this.#headSinceMs = 0;
    this.#at = end;
    if (!this.#origin.refresh()) {
      // Who calls cannot be told any more: the next connection will be asked anew.
      this.#connection.close();
      return false;
    }
    this.#state = STATE.EXCHANGE;
    if (this.head.method === METHOD.CONNECT) {
      this.#connect();
      return false;
    }
    if (!this.#forwardAgain()) this.#decide(null);
    return this.#state !== STATE.HANDED_OVER;
  }

  /** The same bytes under the same snapshot: only the split has to be asked again. */
  #forwardAgain(): boolean {
    const repeated = this.#repeated;
    if (!repeated.isDecided(this.#connection.host.mesh.epoch)) return false;
    const backend = repeated.rule ? repeated.rule.split.next() : 0;
    const again = repeated.forward(backend);
    if (!again) {
      // The other decision is kept as it is.
      this.#plan = null;
      this.#connection.host.decider.chosen = repeated.rule ? backend : -1;
      return false;
    }
    const { plan } = again;
    this.#ledger.again(repeated.rule, again);
    plan.isRepeated = true;
    this.#plan = plan;
    this.#exchange.forward(plan);
    return true;
  }

  #decide(passthrough: ExternalPort | null): void {
    const { decider } = this.#connection.host;
    const outcome = decider.decide(this.#origin, this.headBytes, this.head, this.#plan, passthrough);
    const { chosen } = decider;
    decider.chosen = -1;
    this.#ledger.decided(decider);
    if (outcome === OUTCOME.PASSTHROUGH) {
      const { host, port: number } = decider.passthrough!;
      this.#sessions.passthrough(host, number, false, this.#origin.caller.uid, (port) => {
        if (this.#connection.session === this && this.#state === STATE.EXCHANGE) this.#goOn(port);
      });
      return;
    }
    if (outcome === OUTCOME.REPLY) {
      this.#reply(decider.status, decider.flag);
      return;
    }
    const plan = decider.plan!;
    this.#plan = plan;
    // With several endpoints every request chooses anew.
    if (plan.target.port.targets.length === 1 && !passthrough && plan.held === null) {
      const backend = decider.rule ? chosen : 0;
      this.#repeated.decided(this.#connection.host.mesh.epoch, decider.rule, backend, {
        plan,
        edge: this.#ledger.edge!,
      });
    }
    this.#exchange.forward(plan);
  }

  #goOn(passthrough: ExternalPort | null): void {
    if (!this.#origin.refresh()) {
      this.#connection.close();
      return;
    }
    if (passthrough) this.#decide(passthrough);
    else this.exchangeFailed(503, FLAG.UF, "the name does not resolve to an address that may be called");
    this.#run();
  }

  #takeBody(): boolean {
    const exchange = this.#exchange;
    if (exchange.isRequestComplete || !exchange.canTakeBody) {
      // Body that cannot go on yet, or requests behind this one: leave them to the kernel once there are enough.
      const waiting = this.#input.length - this.#at;
      const isTooMuch = waiting >= PIPELINE_BYTES_MAX;
      if (exchange.isRequestComplete && isTooMuch) this.stats.counter(LIMIT_COUNTER.pipelined_bytes);
      if (!exchange.isRequestComplete || isTooMuch) this.#connection.pauseReading();
      return false;
    }
    const end = exchange.feed(this.#input, this.#at, this.#input.length);
    if (end < 0) {
      countRefusal(this.stats, end as ParseError);
      if (exchange.status === 0) exchange.fail(statusOfParseError(end), FLAG.DPE, reasonOfParseError(end));
      else {
        this.#finish(exchange.status, FLAG.DPE);
        exchange.abort();
        this.#connection.cut();
      }
      return false;
    }
    this.#at = end;
    this.touch(0);
    return true;
  }

  #skip(): boolean {
    const taken = Math.min(this.#skipBytes, this.#input.length - this.#at);
    this.#at += taken;
    this.#skipBytes -= taken;
    if (this.#skipBytes === 0) this.#state = STATE.HEAD;
    return true;
  }

  #connect(): void {
    this.#state = STATE.HANDED_OVER;
    const rest = this.#input.subarray(this.#at);
    this.#input = EMPTY;
    this.#at = 0;
    this.#sessions.connect(this.#connection, this.#origin, this.headBytes, this.head, rest);
  }

  exchangeEnded(keepsConnection: boolean): void {
    const exchange = this.#exchange;
    this.#finish(exchange.status, exchange.flag);
    exchange.reset();
    const isLast = this.#closesAfter && this.#at >= this.#input.length;
    if (!keepsConnection || isLast) {
      this.#connection.close();
      return;
    }
    this.#state = STATE.HEAD;
    this.headBytes = EMPTY;
    if (this.#at < this.#input.length) {
      this.#connection.resumeReading();
      this.#run();
      return;
    }
    this.#connection.resumeReading();
    // The drain began after the head of this answer had left, which therefore could not say it.
    if (this.isDraining) this.drain();
  }

  exchangeBroken(): void {
    this.#finish(this.#exchange.status, this.#exchange.flag);
    this.#exchange.reset();
    this.#connection.cut();
  }

  exchangeFailed(status: number, flag: number, _reason: string): void {
    const exchange = this.#exchange;
    const hasTakenBody = exchange.requestBytes > 0;
    exchange.reset();
    this.#reply(status, flag, hasTakenBody);
    this.#run();
  }

  exchangeUpgraded(upstream: Upstream, rest: Uint8Array): void {
    const target = this.#exchange.target!;
    this.#finish(101, FLAG.none);
    this.#exchange.reset();
    this.#state = STATE.HANDED_OVER;
    const early = this.#input.subarray(this.#at);
    this.#input = EMPTY;
    this.#sessions.upgraded(this.#connection, this.#origin, this.#plan!.held!, target, upstream, early, rest);
  }

  /** Answers here and, where the rest of the request is known and small, goes on with the connection. */
  #reply(status: number, flag: number, hasTakenBody = false): void {
    const { head } = this;
    const keeps = !hasTakenBody && !this.isDraining && flag !== FLAG.DPE && canSkipBody(head);
    const lines = flag === FLAG.none ? this.#connection.host.decider.lines : [];
    this.#ledger.reply(status, flag, !keeps, head.method === METHOD.HEAD, lines);
    // Made here and now: the event's time would say that it took none.
    this.nowMs();
    this.#finish(status, flag);
    if (!keeps) {
      this.#state = STATE.HANDED_OVER;
      this.#connection.close();
      return;
    }
    this.#skipBytes = head.body === BODY.LENGTH ? head.contentLength : 0;
    this.#state = this.#skipBytes > 0 ? STATE.SKIP : STATE.HEAD;
    this.headBytes = EMPTY;
    this.#connection.resumeReading();
  }

  /** Refuses what could not be parsed: where the next request would begin is unknown, so the connection ends. */
  #refuse(status: number, flag: number): void {
    this.#origin.refresh();
    this.#ledger.refuse(status, flag);
    this.#state = STATE.HANDED_OVER;
    this.#connection.close();
  }

  #finish(status: number, flag: number): void {
    this.#ledger.finish(status, flag, this.#exchange, this.headBytes, this.head);
  }
}
