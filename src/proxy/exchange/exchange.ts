import { FLAG } from "../../model/response-flags.ts";
import { COUNTER, LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import { BODY } from "../../wire/http1/head.ts";
import { ATTEMPTS_MAX, JOINED_WRITE_BYTES_MAX, STREAM_IDLE_MS } from "../limits.ts";
import type { Target } from "../mesh/destination.ts";
import type { Waiter } from "../upstream/endpoint.ts";
import type { Upstream, UpstreamOwner } from "../upstream/upstream.ts";
import { ANSWER, AnswerReader } from "./answer-reader.ts";
import { BodyWriter } from "./body-writer.ts";
import type { ExchangeClient } from "./exchange-client.ts";
import type { ExchangeHost } from "./exchange-host.ts";
import { ExchangeTimer } from "./exchange-timer.ts";
import type { ForwardPlan } from "./forward-plan.ts";
import { passInterim } from "./interim.ts";
import { announcedIdleMs } from "./keep-alive.ts";
import { isRepeatable } from "./repeatable.ts";
import { type RequestHeadPlan, writeRequestHead } from "./request-head.ts";
import { BODILESS, planResponse } from "./response-head.ts";
import { writeRepeatedHead } from "./write-repeated.ts";

const STATE = { FREE: 0, WAITING: 1, HEAD: 2, BODY: 3, DONE: 4 } as const;

/**
 * One request on its way to an endpoint and its answer on the way back. One per connection of a caller, reused.
 *
 * An answer goes only to the request it answers: a connection to an endpoint is given back only when both messages were
 * delimited, complete, and nothing was left over.
 */
export class Exchange implements UpstreamOwner, Waiter {
  readonly #client: ExchangeClient;
  readonly #host: ExchangeHost;
  readonly #answer = new AnswerReader();
  readonly #request = new BodyWriter();
  readonly #response = new BodyWriter();
  readonly #timer: ExchangeTimer;
  #state: number = STATE.FREE;
  #plan: ForwardPlan | null = null;
  #upstream: Upstream | null = null;
  #attempts = 0;
  #isRequestSent = false;
  #sentAtMs = 0;
  #keepsClient = true;
  status = 0;
  flag = 0;
  /** Microseconds from the request having been handed on to the first byte of the answer. */
  upstreamUs = 0;

  constructor(client: ExchangeClient, host: ExchangeHost) {
    this.#client = client;
    this.#host = host;
    this.#timer = new ExchangeTimer(host, () => this.#onTimeout());
  }

  get isActive(): boolean {
    return this.#state !== STATE.FREE;
  }

  get target(): Target | null {
    return this.#plan?.target ?? null;
  }

  /** How the head of the request under way was written; `null` where none is. */
  get headPlan(): RequestHeadPlan | null {
    return this.#plan?.headPlan ?? null;
  }

  get requestBytes(): number {
    return this.#request.bodyBytes;
  }

  get responseBytes(): number {
    return this.#response.bodyBytes;
  }

  /** True when body bytes can be handed over now; false: keep them, `resumeReading` will be called. */
  get canTakeBody(): boolean {
    return this.#upstream !== null && this.#upstream.out.queuedBytes === 0;
  }

  get isRequestComplete(): boolean {
    return this.#request.isDone;
  }

  /** Starts to forward. Only a request with a Permit gets here. */
  forward(plan: ForwardPlan): void {
    this.#plan = plan;
    this.#state = STATE.WAITING;
    this.#attempts = 0;
    this.status = 0;
    this.flag = 0;
    this.upstreamUs = 0;
    this.#isRequestSent = false;
    this.#request.begin(
      this.#client.head.body,
      this.#client.head.contentLength,
      this.#client.head.body === BODY.CHUNKED,
    );
    this.#response.begin(BODY.NONE, 0, false);
    this.#timer.start(plan.requestTimeoutMs);
    this.#acquire();
  }

  /** Hands over body bytes; answers the offset up to which they were taken, or a PARSE_ERROR. */
  feed(bytes: Buffer, start: number, end: number): number {
    const upstream = this.#upstream!;
    const taken = this.#request.write(bytes, start, end, upstream.out, this.#host.scratch);
    if (this.#request.isDone) this.#requestSent();
    return taken;
  }

  /** The caller is gone: nothing of this matters any more. */
  abort(): void {
    if (this.#state === STATE.FREE) return;
    this.#drop();
    this.#free();
  }

  /** The caller's socket took everything that waited. */
  clientDrained(): void {
    if (this.#state === STATE.DONE) this.#finishWhenSent();
    else this.#upstream?.resume();
  }

  onUpstreamReady(upstream: Upstream): void {
    upstream.lend(this);
    this.#upstream = upstream;
    this.#state = STATE.HEAD;
    this.#answer.begin();
    const { scratch } = this.#host;
    const client = this.#client;
    const plan = this.#plan!;
    const { headBytes, head } = client;
    const end = plan.isRepeated
      ? writeRepeatedHead(scratch, headBytes, head, plan, this.#host.random)
      : writeRequestHead(scratch, 0, headBytes, head, plan.headPlan, this.#host.random);
    if (end < 0) {
      this.fail(500, FLAG.IH, "the edited head is too large");
      return;
    }
    // What is there of the body leaves with the head: see `flushRequest`.
    if (!this.#request.isDone) upstream.out.cork();
    upstream.out.write(scratch, 0, end, true);
    if (this.#request.isDone) this.#requestSent();
    else client.resumeReading();
  }

  /** The client has handed over everything it had: what was put together leaves now. */
  flushRequest(): void {
    this.#upstream?.out.uncork();
  }

  onUpstreamFailed(flag: number, reason: string): void {
    const isElsewhereBetter = flag === FLAG.UF || flag === FLAG.LISTENER_MISMATCH;
    if (isElsewhereBetter && this.#retry()) return;
    this.fail(503, flag, reason);
  }

  onUpstreamData(upstream: Upstream, bytes: Uint8Array): void {
    const data = bytes as Buffer;
    this.#host.nowMs();
    if (this.#state === STATE.BODY) this.#takeBody(upstream, data, 0);
    else if (this.#state === STATE.HEAD) this.#takeHead(upstream, data);
    else upstream.close();
  }

  onUpstreamDrained(_upstream: Upstream): void {
    if (!this.#request.isDone) this.#client.resumeReading();
  }

  onUpstreamEnded(upstream: Upstream): void {
    if (this.#state === STATE.BODY && this.#answer.head.body === BODY.UNTIL_CLOSE) {
      this.#response.finish(this.#client.out);
      this.#complete(upstream, false);
    } else this.#endedBy(upstream);
  }

  /** Without a last byte before it: a reset, which completes nothing. */
  onUpstreamClosed(upstream: Upstream): void {
    this.#endedBy(upstream);
  }

  #acquire(): void {
    this.#attempts++;
    this.#plan!.target.endpoint.acquire(this);
  }

  #requestSent(): void {
    this.#isRequestSent = true;
    this.#sentAtMs = this.#host.now;
    if (this.#state === STATE.HEAD) this.#timer.requestSent(this.#plan!.backendRequestTimeoutMs);
  }

  #takeHead(upstream: Upstream, data: Buffer): void {
    const answer = this.#answer;
    const { method } = this.#client.head;
    let found = answer.take(data, method);
    while (found === ANSWER.INTERIM) {
      passInterim(this.#client, answer.head, answer.bytes, this.#host.scratch);
      found = answer.next(method);
    }
    if (found === ANSWER.FINAL) this.#passOn(upstream);
    else if (found === ANSWER.SWITCH) this.#switch(upstream);
    else if (found !== ANSWER.MORE) this.fail(502, FLAG.UPE, "the endpoint's answer is malformed");
  }

  #switch(upstream: Upstream): void {
    const client = this.#client;
    const { head, bytes, end } = this.#answer;
    if (client.head.upgradeLine < 0 || head.upgradeLine < 0) {
      this.fail(502, FLAG.UPE, "the endpoint switched protocols unasked");
      return;
    }
    const plan = { ...BODILESS, edits: this.#plan!.responseEdits, isUpgrade: true };
    const length = this.#answer.write(this.#host.scratch, plan);
    if (length < 0) {
      this.fail(502, FLAG.UPE, "the edited head is too large");
      return;
    }
    client.out.write(this.#host.scratch, 0, length, true);
    this.status = 101;
    this.#upstream = null;
    this.#timer.stop();
    client.exchangeUpgraded(upstream, bytes.subarray(end));
  }

  /** The head of the answer is there. */
  #passOn(upstream: Upstream): void {
    const client = this.#client;
    const { head, bytes, end } = this.#answer;
    this.status = head.status;
    this.upstreamUs = this.#isRequestSent ? Math.max(0, (this.#host.now - this.#sentAtMs) * 1000) : 0;
    this.#timer.answered();
    if (upstream.uses === 1) upstream.announcedIdleMs = announcedIdleMs(bytes, head.lines);
    const mayKeep = !this.#host.isDraining && this.#request.isDone;
    const plan = planResponse(head, client.head, mayKeep, this.#plan!.responseEdits);
    this.#keepsClient = !plan.closes;
    const length = this.#answer.write(this.#host.scratch, plan);
    if (length < 0) {
      this.fail(502, FLAG.UPE, "the edited head is too large");
      return;
    }
    this.#state = STATE.BODY;
    this.#response.begin(head.body, head.contentLength, plan.body === BODY.CHUNKED);
    const rest = bytes.length - end;
    if (head.body === BODY.LENGTH && rest > 0 && rest <= head.contentLength && rest <= JOINED_WRITE_BYTES_MAX) {
      this.#passOnJoined(upstream, length, rest);
      return;
    }
    client.out.cork();
    client.out.write(this.#host.scratch, 0, length, true);
    if (rest > 0 && !this.#response.isDone) this.#takeBody(upstream, bytes, end);
    else {
      const isSent = client.out.uncork();
      if (this.#response.isDone) this.#complete(upstream, rest === 0);
      else if (!isSent) upstream.pause();
    }
  }

  /** A short answer of known length leaves with its head in one write. */
  #passOnJoined(upstream: Upstream, headLength: number, rest: number): void {
    const { scratch } = this.#host;
    const { bytes, end } = this.#answer;
    bytes.copy(scratch, headLength, end);
    this.#response.skip(rest);
    const isSent = this.#client.out.write(scratch, 0, headLength + rest, true);
    this.#host.touch(STREAM_IDLE_MS);
    if (this.#response.isDone) this.#complete(upstream, true);
    else if (!isSent) upstream.pause();
  }

  #takeBody(upstream: Upstream, data: Buffer, start: number): void {
    const { out } = this.#client;
    const { length } = data;
    // Chunks leave with their framing, the last one with the end, and all of them with a head before them.
    if (this.#answer.head.body === BODY.CHUNKED) out.cork();
    const end = this.#response.write(data, start, length, out, this.#host.scratch);
    out.uncork();
    this.#host.touch(STREAM_IDLE_MS);
    if (end < 0) {
      this.flag = FLAG.UPE;
      this.#break();
      return;
    }
    if (this.#response.isDone) this.#complete(upstream, end === length);
    else if (out.queuedBytes > 0) upstream.pause();
  }

  /** The answer is whole. `isClean`: nothing came behind it. */
  #complete(upstream: Upstream, isClean: boolean): void {
    // Some servers answer at the last chunk and take trailers behind it for the next request.
    const isAgreed = isClean && this.#isRequestSent && !this.#request.hasTrailers;
    const canReuse = isAgreed && this.#answer.head.isKeepAlive && this.#answer.head.body !== BODY.UNTIL_CLOSE;
    const { endpoint } = this.#plan!.target;
    this.#upstream = null;
    if (canReuse) endpoint.release(upstream);
    else endpoint.discard(upstream, isAgreed);
    this.#state = STATE.DONE;
    this.#timer.stop();
    this.#finishWhenSent();
  }

  /** The next request on the connection waits until this answer has left: that is the back-pressure of pipelining. */
  #finishWhenSent(): void {
    if (this.#client.out.queuedBytes > 0) return;
    const keeps = this.#keepsClient && this.#request.isDone;
    this.#client.exchangeEnded(keeps);
  }

  /** Ready for the next request; the client calls it after it has taken the figures down. */
  reset(): void {
    this.#free();
  }

  #endedBy(upstream: Upstream): void {
    this.#upstream = null;
    upstream.close();
    if (this.#state === STATE.BODY) {
      this.flag = FLAG.UC;
      this.#break();
    } else if (this.#state === STATE.HEAD) {
      const isStale = upstream.uses > 1 && !this.#answer.hasBegun;
      if (isStale && isRepeatable(this.#client.head) && this.#retry()) return;
      this.fail(503, FLAG.UC, "the endpoint closed the connection before it answered");
    }
  }

  #retry(): boolean {
    if (this.#attempts >= ATTEMPTS_MAX) return false;
    const next = this.#host.anotherTarget(this.#plan!.target);
    // A refused connection is not tried again at the same place at once; a stale one is replaced by a fresh one.
    if (this.#state === STATE.WAITING && next === this.#plan!.target) return false;
    this.#host.stats.counter(COUNTER.retries);
    this.#plan!.aim(next);
    this.#state = STATE.WAITING;
    this.#isRequestSent = false;
    this.#acquire();
    return true;
  }

  #onTimeout(): void {
    if (this.#state === STATE.FREE || this.#state === STATE.DONE) return;
    this.#host.stats.counter(
      this.#timer.isBackends ? LIMIT_COUNTER.backend_request_timeout : LIMIT_COUNTER.request_timeout,
    );
    this.timeOut(FLAG.UT);
  }

  /** The request took too long, or no byte has moved for too long. @param flag of an answer that had begun. */
  timeOut(flag: number): void {
    if (this.#state === STATE.WAITING || this.#state === STATE.HEAD) {
      this.fail(504, FLAG.UT, "the endpoint did not answer in time");
    } else if (this.#state !== STATE.FREE) {
      this.flag = flag;
      this.#break();
    }
  }

  /** Gives up on the endpoint; the client makes the answer. Only before an answer has begun. */
  fail(status: number, flag: number, reason: string): void {
    this.#drop();
    this.status = status;
    this.flag = flag;
    this.#client.exchangeFailed(status, flag, reason);
  }

  #break(): void {
    this.#drop();
    this.#client.exchangeBroken();
  }

  #drop(): void {
    this.#timer.stop();
    const upstream = this.#upstream;
    this.#upstream = null;
    if (upstream) this.#plan!.target.endpoint.discard(upstream);
    else if (this.#state === STATE.WAITING) this.#plan!.target.endpoint.withdraw(this);
  }

  #free(): void {
    this.#state = STATE.FREE;
    this.#plan = null;
    this.#upstream = null;
    this.#answer.begin();
    this.#timer.stop();
    this.#request.begin(BODY.NONE, 0, false);
    this.#response.begin(BODY.NONE, 0, false);
  }
}
