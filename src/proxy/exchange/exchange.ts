import { FLAG } from "../../model/response-flags.ts";
import { COUNTER, LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import { BODY, type ResponseHead } from "../../wire/http1/head.ts";
import { ATTEMPTS_MAX, JOINED_WRITE_BYTES_MAX, STREAM_IDLE_MS } from "../limits.ts";
import type { Target } from "../mesh/destination.ts";
import { NodeAnswer } from "../pin/node-answer.ts";
import type { Waiter } from "../upstream/endpoint.ts";
import type { Upstream, UpstreamOwner } from "../upstream/upstream.ts";
import { ANSWER, AnswerReader } from "./answer-reader.ts";
import { BodyWriter } from "./body-writer.ts";
import type { ExchangeClient } from "./exchange-client.ts";
import type { ExchangeHost } from "./exchange-host.ts";
import { ExchangeTimer } from "./exchange-timer.ts";
import type { ForwardPlan } from "./forward-plan.ts";
import { grpcStatusIn, grpcStatusOf, NO_GRPC_STATUS } from "./grpc.ts";
import { passInterim } from "./interim.ts";
import { announcedIdleMs } from "./keep-alive.ts";
import { planSwitch } from "./plan-switch.ts";
import { isRepeatable } from "./repeatable.ts";
import { type RequestHeadPlan, writeRequestHead } from "./request-head.ts";
import { planResponse, type ResponseHeadPlan, writeResponseHead } from "./response-head.ts";
import { makeWebsocketKey } from "./websocket-key.ts";
import { writeRepeatedHead } from "./write-repeated.ts";

const NOTHING = Buffer.alloc(0);
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
  /** How the body of the answer is delimited by the endpoint. */
  #answerBody: number = BODY.NONE;
  /** Something of an answer has come. */
  #hasBegun = false;
  status = 0;
  flag = 0;
  /** Microseconds from the request having been handed on to the first byte of the answer. */
  upstreamUs = 0;
  /** What the endpoint's node says about its answer, where that is another one. */
  readonly nodeAnswer = new NodeAnswer();
  /** Status of a gRPC call, where the endpoint said one. */
  grpcStatus = NO_GRPC_STATUS;

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

  get speaker(): string {
    return this.#plan?.caller?.facts.workload ?? "";
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
    return this.#upstream !== null && !this.#upstream.out.isFull;
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
    this.grpcStatus = NO_GRPC_STATUS;
    this.nodeAnswer.clear();
    const { body, contentLength } = this.#client.head;
    this.#request.begin(body, contentLength, body === BODY.CHUNKED, this.#client.out.isFramed);
    this.#response.begin(BODY.NONE, 0, false, false);
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

  /** The body of the request, handed over as content, has ended; `bytes[start, end)` are its trailers, if any, and hold during the call. */
  endRequest(bytes: Buffer, start: number, end: number): void {
    this.#request.endWith(bytes, start, end, this.#upstream!.out, this.#host.scratch);
    this.#requestSent();
  }

  /** The caller is gone: nothing of this matters any more. */
  abort(): void {
    if (this.#state === STATE.FREE) return;
    this.#drop();
    this.#free();
  }

  /** What waited for the caller has left. */
  clientDrained(): void {
    if (this.#state === STATE.DONE) this.#finishWhenSent();
    else this.#upstream?.resume();
  }

  onUpstreamReady(upstream: Upstream): void {
    upstream.lend(this);
    this.#upstream = upstream;
    this.#state = STATE.HEAD;
    this.#answer.begin();
    this.#hasBegun = false;
    const { scratch, random } = this.#host;
    const client = this.#client;
    const plan = this.#plan!;
    const { headBytes, head } = client;
    const { out } = upstream;
    const isUpgrade = head.upgradeLine >= 0;
    if (plan.pin) plan.speakAs(upstream.handle ?? 0);
    plan.headPlan.keepsTe = out.isFramed;
    plan.headPlan.websocketKey = isUpgrade && client.out.isFramed && !out.isFramed ? makeWebsocketKey(random) : "";
    if (isUpgrade && !upstream.takesUpgrades) {
      this.fail(502, FLAG.UPE, "the endpoint takes no WebSockets over HTTP/2");
      return;
    }
    const end = plan.isRepeated
      ? writeRepeatedHead(scratch, headBytes, head, plan, random)
      : writeRequestHead(scratch, 0, headBytes, head, plan.headPlan, random);
    if (end < 0) {
      this.fail(500, FLAG.IH, "the edited head is too large");
      return;
    }
    // What is there of the body leaves with the head: see `flushRequest`.
    if (!this.#request.isDone) out.cork();
    out.head(scratch, 0, end, this.#request.isDone && !isUpgrade, isUpgrade);
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
    this.fail(flag === FLAG.RBAC ? 403 : 503, flag, reason);
  }

  onUpstreamHead(upstream: Upstream, head: ResponseHead, bytes: Buffer, isEnd: boolean): void {
    this.#host.nowMs();
    if (head.status >= 200 && this.#plan!.pin && this.#goesElsewhere(upstream, head, bytes)) return;
    this.#hasBegun = true;
    if (isEnd && this.#client.out.isFramed) sayNoLength(head);
    if (head.status === 101) this.#switch(upstream, head, bytes, head.end);
    else if (head.status < 200) passInterim(this.#client, head, bytes, this.#host.scratch);
    else this.#passOn(upstream, head, bytes, head.end, isEnd);
  }

  onUpstreamData(upstream: Upstream, bytes: Uint8Array): void {
    const data = bytes as Buffer;
    this.#host.nowMs();
    if (this.#state === STATE.BODY) this.#takeBody(upstream, data, 0);
    else if (this.#state === STATE.HEAD) this.#takeHead(upstream, data);
    else upstream.close();
  }

  onUpstreamTrailers(upstream: Upstream, bytes: Buffer, start: number, end: number): void {
    if (this.#plan!.isGrpc) this.grpcStatus = grpcStatusIn(bytes, start, end);
    this.#response.endWith(bytes, start, end, this.#client.out, this.#host.scratch);
    this.#complete(upstream, true);
  }

  onUpstreamDrained(_upstream: Upstream): void {
    if (!this.#request.isDone) this.#client.resumeReading();
  }

  onUpstreamEnded(upstream: Upstream): void {
    const { isFramed } = upstream.out;
    if (this.#state === STATE.BODY && (isFramed || this.#answerBody === BODY.UNTIL_CLOSE)) {
      this.#response.end(this.#client.out);
      this.#complete(upstream, isFramed);
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
    if (found === ANSWER.FINAL) this.#passOn(upstream, answer.head, answer.bytes, answer.end, false);
    else if (found === ANSWER.SWITCH) this.#switch(upstream, answer.head, answer.bytes, answer.end);
    else if (found !== ANSWER.MORE) this.fail(502, FLAG.UPE, "the endpoint's answer is malformed");
  }

  #switch(upstream: Upstream, head: ResponseHead, bytes: Buffer, end: number): void {
    const client = this.#client;
    const { headPlan, responseEdits } = this.#plan!;
    const { isFramed } = upstream.out;
    const plan = planSwitch(client, bytes, head, isFramed, headPlan.websocketKey, responseEdits);
    if (plan === null) {
      this.fail(502, FLAG.UPE, "the endpoint switched protocols unasked");
      return;
    }
    const length = this.#writeHead(upstream, head, bytes, plan);
    if (length < 0) {
      this.fail(502, FLAG.UPE, "the edited head is too large");
      return;
    }
    client.out.head(this.#host.scratch, 0, length, false, true);
    this.status = 101;
    this.#upstream = null;
    this.#timer.stop();
    client.exchangeUpgraded(upstream, isFramed ? NOTHING : bytes.subarray(end));
  }

  #writeHead(upstream: Upstream, head: ResponseHead, bytes: Buffer, plan: ResponseHeadPlan): number {
    const { scratch } = this.#host;
    return upstream.out.isFramed ? writeResponseHead(scratch, 0, bytes, head, plan) : this.#answer.write(scratch, plan);
  }

  /** The head of the answer is there. `isEnd`: the answer is whole with it, as its frame says. */
  #passOn(upstream: Upstream, head: ResponseHead, bytes: Buffer, end: number, isEnd: boolean): void {
    const { out } = this.#client;
    const { isFramed } = upstream.out;
    this.status = head.status;
    this.upstreamUs = this.#isRequestSent ? Math.max(0, (this.#host.now - this.#sentAtMs) * 1000) : 0;
    this.#timer.answered();
    if (!isFramed && upstream.uses === 1) upstream.announcedIdleMs = announcedIdleMs(bytes, head.lines);
    if (this.#plan!.isGrpc) this.grpcStatus = grpcStatusOf(bytes, head.lines);
    const mayKeep = !this.#host.isDraining && this.#request.isDone;
    const plan = planResponse(head, this.#client.head, mayKeep, this.#plan!.responseEdits, this.#plan!.pin !== null);
    this.#keepsClient = !plan.closes;
    const length = this.#writeHead(upstream, head, bytes, plan);
    if (length < 0) {
      this.fail(502, FLAG.UPE, "the edited head is too large");
      return;
    }
    this.#state = STATE.BODY;
    this.#answerBody = head.body;
    this.#response.begin(isEnd ? BODY.NONE : head.body, head.contentLength, plan.body === BODY.CHUNKED, isFramed);
    const rest = isFramed ? 0 : bytes.length - end;
    const isShort = rest > 0 && rest <= head.contentLength && rest <= JOINED_WRITE_BYTES_MAX;
    if (isShort && head.body === BODY.LENGTH && !out.isFramed) {
      this.#passOnJoined(upstream, length, rest);
      return;
    }
    out.cork();
    out.head(this.#host.scratch, 0, length, this.#response.isDone, false);
    if (rest > 0 && !this.#response.isDone) this.#takeBody(upstream, bytes, end);
    else {
      const isSent = out.uncork();
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
    if (this.#answerBody === BODY.CHUNKED) out.cork();
    const end = this.#response.write(data, start, length, out, this.#host.scratch);
    out.uncork();
    this.#host.touch(STREAM_IDLE_MS);
    if (end < 0) {
      this.flag = FLAG.UPE;
      this.#break();
      return;
    }
    if (this.#response.isDone) this.#complete(upstream, end === length);
    else if (out.isFull) upstream.pause();
  }

  /** The answer is whole. `isClean`: nothing came behind it. */
  #complete(upstream: Upstream, isClean: boolean): void {
    const { isFramed } = upstream.out;
    // Some servers answer at the last chunk and take trailers behind it for the next request.
    const isAgreed = isClean && this.#isRequestSent && (isFramed || !this.#request.hasTrailers);
    const canReuse = isFramed || (this.#answer.head.isKeepAlive && this.#answerBody !== BODY.UNTIL_CLOSE);
    this.#upstream = null;
    if (isAgreed && canReuse) upstream.release();
    else upstream.close(isAgreed);
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
      if (this.#canRepeat(upstream) && this.#retry()) return;
      this.fail(503, FLAG.UC, "the endpoint closed the connection before it answered");
    }
  }

  /** Nobody has acted on the request, or it makes no difference; and all of it is still there to be sent again. */
  #canRepeat(upstream: Upstream): boolean {
    const { head } = this.#client;
    if (this.#hasBegun || this.#answer.hasBegun) return false;
    if (upstream.isUntouched && this.#isWhole) return true;
    return upstream.uses > 1 && isRepeatable(head);
  }

  #retry(): boolean {
    if (this.#attempts >= ATTEMPTS_MAX) return false;
    const next = this.#host.anotherTarget(this.#plan!.target);
    // A refused connection is not tried again at the same place at once; a stale one is replaced by a fresh one.
    if (this.#state === STATE.WAITING && next === this.#plan!.target) return false;
    this.#sendTo(next);
    return true;
  }

  /** Another node says that it did not reach the endpoint, and there is another one for a request of which all is still there. */
  #goesElsewhere(upstream: Upstream, head: ResponseHead, bytes: Buffer): boolean {
    const { target } = this.#plan!;
    this.nodeAnswer.read(bytes, head.lines);
    target.endpoint.answered?.(this.nodeAnswer.flag);
    if (!this.nodeAnswer.isUnreached || this.#attempts >= ATTEMPTS_MAX || !this.#isWhole) return false;
    const next = this.#host.anotherTarget(target);
    if (next === target) return false;
    this.nodeAnswer.clear();
    this.#upstream = null;
    upstream.close();
    this.#sendTo(next);
    return true;
  }

  #sendTo(target: Target): void {
    this.#host.stats.counter(COUNTER.retries);
    this.#plan!.aim(target);
    this.#state = STATE.WAITING;
    this.#isRequestSent = false;
    this.#acquire();
  }

  /** Nothing of the body has been handed on. */
  get #isWhole(): boolean {
    return this.#client.head.body === BODY.NONE || (this.#request.bodyBytes === 0 && !this.#request.isDone);
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
    if (upstream) upstream.close();
    else if (this.#state === STATE.WAITING) this.#plan!.target.endpoint.withdraw(this);
  }

  #free(): void {
    this.#state = STATE.FREE;
    this.#plan = null;
    this.#upstream = null;
    this.#answer.begin();
    this.#timer.stop();
    this.#request.begin(BODY.NONE, 0, false, false);
    this.#response.begin(BODY.NONE, 0, false, false);
  }
}

/** An answer that is its head alone gets no length between two that delimit messages by themselves: gRPC knows none. */
function sayNoLength(head: ResponseHead): void {
  if (head.lines.contentLengthLine >= 0) return;
  head.body = BODY.NONE;
  head.declaredLength = -1;
}
