import { Timer } from "../../base/timer-wheel.ts";
import { FLAG } from "../../model/response-flags.ts";
import { LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import { METHOD, type RequestHead } from "../../wire/http1/head.ts";
import { ERROR_CODE } from "../../wire/http2/protocol.ts";
import type { CallerIdentity } from "../caller.ts";
import type { Downstream } from "../downstream/downstream.ts";
import { RequestLedger } from "../downstream/request-ledger.ts";
import type { Session } from "../downstream/session.ts";
import { OUTCOME } from "../exchange/decide.ts";
import { Exchange } from "../exchange/exchange.ts";
import type { ExchangeClient } from "../exchange/exchange-client.ts";
import type { ForwardPlan } from "../exchange/forward-plan.ts";
import { grpcStatusFor, isGrpc, withGrpcTimeout } from "../exchange/grpc.ts";
import { STREAM_IDLE_MS } from "../limits.ts";
import type { ExternalPort, Target } from "../mesh/destination.ts";
import { pickOther } from "../upstream/pick-target.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { REFUSAL } from "./cancellations.ts";
import type { HeldContent } from "./held-content.ts";
import { LINK_LOST, type LinkStream, type StreamOwner } from "./link-stream.ts";
import { OnStream, type StreamPlace } from "./on-stream.ts";
import { RequestBody } from "./request-body.ts";
import { RequestCopy } from "./request-copy.ts";
import { codeOfBroken, type StreamOrigin } from "./stream-origins.ts";
import type { GivenUp } from "./turns.ts";

/** A place that takes streams back. */
export interface ServerPlace extends StreamPlace {
  /** Resets the stream of a caller that has cancelled too much. */
  calm(stream: LinkStream): void;
  /** The caller has nothing more to do with it. */
  left(stream: ServerStream): void;
  /** The stream is done with; it may be used for another. `isSpoilt`: not this object. */
  over(stream: ServerStream, isSpoilt: boolean): void;
}

const STATE = { FREE: 0, READ: 1, EXCHANGE: 2, LEAVING: 3, TUNNEL: 4, GIVEN_UP: 5 } as const;
const EMPTY = Buffer.alloc(0);

/**
 * One request by HTTP/2, or the tunnel that it asked for: from its head until both sides have ended. Used again for other
 * streams of the worker.
 */
export class ServerStream extends OnStream<ServerPlace> implements StreamOwner, ExchangeClient, Downstream, GivenUp {
  session: Session | null = null;
  caller: CallerIdentity | null = null;
  readonly #request = new RequestCopy();
  readonly #exchange = new Exchange(this, this);
  readonly #body = new RequestBody(this.#exchange);
  #stream: LinkStream | null = null;
  #origin: StreamOrigin | null = null;
  #ledger: RequestLedger | null = null;
  #plan: ForwardPlan | null = null;
  #state: number = STATE.FREE;
  /** The end of what the caller sent has been told to the session. */
  #hasToldEnd = false;
  #isPaused = false;
  /** Raised with every stream, so that what comes late finds another one. */
  #serial = 0;
  #timer: Timer | null = null;

  get headBytes(): Buffer {
    return this.#request.bytes;
  }
  get head(): RequestHead {
    return this.#request.head;
  }
  /** Content that cannot go on yet. */
  get held(): HeldContent {
    return this.#body.held;
  }
  get out(): LinkStream {
    return this.#stream!;
  }
  get isOpen(): boolean {
    return this.#state === STATE.TUNNEL || this.#state === STATE.EXCHANGE;
  }

  /** Takes up a request whose head was just read; nothing is done for it before `begin`. */
  take(place: ServerPlace, stream: LinkStream, origin: StreamOrigin, head: RequestHead, bytes: Buffer): void {
    this.place = place;
    this.#stream = stream;
    this.#origin = origin;
    this.#serial++;
    this.#body.begin(stream);
    this.#isPaused = false;
    this.#hasToldEnd = false;
    this.#state = STATE.READ;
    this.caller = origin.caller;
    this.lastByteMs = place.host.now;
    stream.owner = this;
    this.#request.take(head, bytes);
  }

  /** Serves what was taken up; false: nothing, since it is over again, or was begun. */
  begin(place: ServerPlace): boolean {
    if (this.#state !== STATE.READ || this.place !== place) return false;
    const origin = this.#origin!;
    const { head } = this;
    const refusal = origin.refusal ?? place.host.cancellations.refusalOf(origin.caller, place.host.now);
    if (refusal === REFUSAL.SILENT) {
      place.calm(this.#stream!);
      this.#over();
      return false;
    }
    this.#state = STATE.EXCHANGE;
    let ledger = this.#ledger;
    if (ledger?.isOf(place.host)) ledger.reopen(this.#stream!, origin);
    else ledger = new RequestLedger(place.host, this.#stream!, origin);
    this.#ledger = ledger;
    ledger.isGrpc = isGrpc(this.headBytes, this.head);
    ledger.begin();
    if (refusal) {
      if (refusal === REFUSAL.TOLD) this.stats.counter(LIMIT_COUNTER.cancelled_requests);
      ledger.nowhere();
      this.#reply(refusal.status, refusal.flag);
    } else if (head.method === METHOD.CONNECT) {
      this.#becomeTunnel();
      place.sessions.connect(this, origin, this.headBytes, head, EMPTY);
      this.#giveHeld();
    } else this.#decide(null);
    this.held.keep();
    return true;
  }

  anotherTarget(failed: Target): Target {
    const target = pickOther(this.#origin!, failed, this.nowMs());
    if (target !== failed) this.#ledger!.elsewhere(target);
    return target;
  }

  onStreamHead(): void {
    // For clients alone.
  }

  onStreamData(stream: LinkStream, bytes: Buffer, isEnd: boolean): void {
    this.lastByteMs = this.now;
    if (this.#state === STATE.TUNNEL) {
      this.#tunnelData(stream, bytes, isEnd);
      return;
    }
    if (isEnd) this.#body.hasEnded = true;
    if (bytes.length > 0) {
      if (this.#state === STATE.READ) this.held.lend(bytes);
      else this.held.push(bytes);
    }
    this.#pump();
  }

  onStreamTrailers(_stream: LinkStream, bytes: Buffer, start: number, end: number): void {
    this.#body.endWith(bytes, start, end);
    this.#pump();
  }

  onStreamReset(stream: LinkStream, errorCode: number): void {
    // Told late, when this serves another stream already, or none.
    if (stream !== this.#stream) return;
    const { session } = this;
    if (this.#state === STATE.EXCHANGE) {
      // A connection between nodes that is lost is nothing its callers have done.
      if (errorCode !== LINK_LOST || this.#origin!.pin === null)
        this.host.cancellations.note(this.#origin!.caller, this.#exchange.hasConnection, this.#ledger!.ageMs, this.now);
      this.#state = STATE.GIVEN_UP;
      this.held.clear();
      this.place!.left(this);
      this.host.turns.end(this);
      return;
    }
    this.session = null;
    const wasTunnel = this.#state === STATE.TUNNEL;
    this.#state = STATE.LEAVING;
    if (wasTunnel) session?.gone();
    this.#over();
  }

  endGivenUp(): void {
    if (this.#state !== STATE.GIVEN_UP) return;
    this.#finish(this.#exchange.status, FLAG.DC);
    this.#exchange.abort();
    this.#over();
  }

  /** What comes of the endpoint meanwhile is for nobody, and settles it. */
  #isGivenUp(): boolean {
    if (this.#state !== STATE.GIVEN_UP) return false;
    this.endGivenUp();
    return true;
  }

  onStreamDrained(): void {
    if (this.#state === STATE.LEAVING) this.#leave();
    else if (this.#state === STATE.TUNNEL) this.session?.drained();
    else if (this.#exchange.isActive) this.#exchange.clientDrained();
  }

  /** Nothing has moved for too long. */
  timeOut(): void {
    if (this.#state === STATE.LEAVING) this.cut();
    else if (this.#state === STATE.EXCHANGE) {
      this.stats.counter(LIMIT_COUNTER.idle_timeout);
      this.lastByteMs = this.now;
      this.#exchange.timeOut(FLAG.SI);
    }
  }

  /** When it has been quiet for too long, on the host's clock; tunnels have a clock of their own. */
  get quietUntilMs(): number {
    return this.#state === STATE.TUNNEL ? Number.POSITIVE_INFINITY : this.lastByteMs + STREAM_IDLE_MS;
  }

  /** Both an exchange that takes more of the body, and a tunnel that takes more bytes. */
  resumeReading(): void {
    if (this.#state !== STATE.TUNNEL) {
      this.#pump();
      return;
    }
    this.#isPaused = false;
    this.#body.credit();
    this.#giveHeld();
  }

  pauseReading(): void {
    this.#isPaused = true;
  }

  watch(afterMs: number): void {
    this.#timer ??= new Timer(() => {
      const again = this.session?.quiet(this.nowMs() - this.lastByteMs) ?? 0;
      if (this.#state === STATE.TUNNEL && again > 0) this.watch(again);
    });
    this.wheel.arm(this.#timer, this.nowMs(), afterMs);
  }

  close(): void {
    if (this.#state === STATE.FREE || this.#state === STATE.LEAVING) return;
    this.session = null;
    this.#state = STATE.LEAVING;
    this.out.end();
    this.#leave();
  }

  cut(): void {
    if (this.#state === STATE.FREE) return;
    const isConnect = this.head.method === METHOD.CONNECT;
    this.session = null;
    this.#state = STATE.LEAVING;
    this.out.reset(isConnect ? ERROR_CODE.CONNECT_ERROR : ERROR_CODE.CANCEL);
    this.#over();
  }

  exchangeEnded(): void {
    if (this.#isGivenUp()) return;
    this.#finish(this.#exchange.status, this.#exchange.flag);
    this.#exchange.reset();
    this.#state = STATE.LEAVING;
    this.#leave();
  }

  exchangeBroken(): void {
    if (this.#isGivenUp()) return;
    const { status, flag } = this.#exchange;
    this.#finish(status, flag);
    this.#exchange.reset();
    this.#state = STATE.LEAVING;
    if (this.#ledger!.isGrpc) {
      // Its caller can still be told why: the status comes behind the content.
      const lines = Buffer.from(`grpc-status: ${grpcStatusFor(status, flag)}\r\n\r\n`);
      this.out.trailers(lines, 0, lines.length);
      this.#leave();
      return;
    }
    this.out.reset(codeOfBroken(flag, this.#origin!));
    this.#over();
  }

  exchangeFailed(status: number, flag: number, _reason: string): void {
    if (this.#isGivenUp()) return;
    this.#exchange.reset();
    this.#reply(status, flag);
  }

  exchangeUpgraded(upstream: Upstream, rest: Uint8Array): void {
    if (this.#isGivenUp()) {
      upstream.close();
      return;
    }
    const target = this.#exchange.target!;
    const { held } = this.#plan!;
    this.#finish(101, FLAG.none);
    this.#exchange.reset();
    this.#becomeTunnel();
    this.place!.sessions.upgraded(this, this.#origin!, held!, target, upstream, EMPTY, rest);
  }

  #decide(passthrough: ExternalPort | null): void {
    const { decider } = this.host;
    const outcome = decider.decide(this.#origin!, this.headBytes, this.head, this.#plan, passthrough);
    decider.chosen = -1;
    this.#ledger!.decided(decider);
    if (outcome === OUTCOME.PASSTHROUGH) {
      this.#lookUp(decider.passthrough!.host, decider.passthrough!.port);
      return;
    }
    if (outcome === OUTCOME.REPLY) {
      this.#reply(decider.status, decider.flag);
      return;
    }
    const plan = decider.plan!;
    this.#plan = plan;
    plan.isGrpc = this.#ledger!.isGrpc;
    if (plan.isGrpc) plan.requestTimeoutMs = withGrpcTimeout(plan.requestTimeoutMs, this.headBytes, this.head.lines);
    this.#exchange.forward(plan);
  }

  #lookUp(host: string, port: number): void {
    const serial = this.#serial;
    this.place!.sessions.passthrough(host, port, false, this.#origin!.caller.uid, (found) => {
      if (serial !== this.#serial || this.#state !== STATE.EXCHANGE) return;
      if (!this.#origin!.refresh()) this.#reply(503, FLAG.UC);
      else if (found) this.#decide(found);
      else this.#reply(503, FLAG.UF);
    });
  }

  #pump(): void {
    if (this.#state === STATE.EXCHANGE) this.#body.pump();
  }

  #becomeTunnel(): void {
    this.#state = STATE.TUNNEL;
  }

  #tunnelData(stream: LinkStream, bytes: Buffer, isEnd: boolean): void {
    const { length } = bytes;
    if (isEnd) this.#body.hasEnded = true;
    if (length > 0) {
      if (this.session === null) {
        this.held.push(bytes);
        return;
      }
      this.session.received(bytes);
      if (this.#isPaused) this.#body.passedOn(length);
      else stream.credit(length);
    }
    this.#tellEnd();
  }

  #tellEnd(): void {
    if (!this.#body.hasEnded || this.#hasToldEnd || this.session === null) return;
    this.#hasToldEnd = true;
    this.session.ended();
  }

  /** What came before the tunnel was there. */
  #giveHeld(): void {
    const stream = this.#stream;
    while (stream && this.session && this.held.bytes > 0) this.#tunnelData(stream, this.held.shift()!, false);
    this.#tellEnd();
  }

  #reply(status: number, flag: number): void {
    const lines = flag === FLAG.none ? this.host.decider.lines : [];
    this.#ledger!.reply(status, flag, false, this.head.method === METHOD.HEAD, lines);
    this.nowMs();
    this.#finish(status, flag);
    this.#state = STATE.LEAVING;
    this.#leave();
  }

  /** Ours is said; what the caller still sends is not wanted (RFC 9113 8.1). */
  #leave(): void {
    const stream = this.#stream!;
    if (!stream.hasEnded) return;
    if (stream.isRemoteEnd || stream.isOver) stream.leave();
    else stream.reset(ERROR_CODE.NO_ERROR);
    this.#over();
  }

  #finish(status: number, flag: number): void {
    this.#ledger!.finish(status, flag, this.#exchange, this.headBytes, this.head);
  }

  #over(): void {
    if (this.#state === STATE.FREE) return;
    const place = this.place!;
    // What a tunnel is judged by again is the head; late callers may still hold on to it.
    const isSpoilt = this.#plan?.held != null || this.head.method === METHOD.CONNECT;
    this.#state = STATE.FREE;
    if (this.#timer) place.host.wheel.remove(this.#timer);
    this.#body.end();
    this.#stream = null;
    this.#origin = null;
    this.#ledger?.close();
    this.place = null;
    this.session = null;
    this.caller = null;
    place.over(this, isSpoilt);
  }
}
