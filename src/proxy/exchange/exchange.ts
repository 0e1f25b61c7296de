import { FLAG } from "../../model/response-flags.ts";
import { COUNTER, LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import { BODY, type ResponseHead } from "../../wire/http1/head.ts";
import { ATTEMPTS_MAX } from "../limits.ts";
import type { Target } from "../mesh/destination.ts";
import type { MessageSink } from "../message-sink.ts";
import { NodeAnswer } from "../pin/node-answer.ts";
import type { Waiter } from "../upstream/endpoint.ts";
import type { Upstream, UpstreamOwner } from "../upstream/upstream.ts";
import { type AnswerEvents, AnswerPath } from "./answer-path.ts";
import { BodyWriter } from "./body-writer.ts";
import type { ExchangeClient } from "./exchange-client.ts";
import type { ExchangeHost } from "./exchange-host.ts";
import { ExchangeTimer } from "./exchange-timer.ts";
import type { ForwardPlan } from "./forward-plan.ts";
import { type KeptBody, keepBody } from "./kept-body.ts";
import { isRepeatable } from "./repeatable.ts";
import type { RequestHeadPlan } from "./request-head.ts";
import { writeHeadTo } from "./write-head-to.ts";

const STATE = { FREE: 0, WAITING: 1, HEAD: 2, BODY: 3, DONE: 4 } as const;

/**
 * One request on its way to an endpoint and its answer on the way back. One per connection of a caller, reused.
 *
 * An answer goes only to the request it answers: a connection to an endpoint is given back only when both messages were
 * delimited, complete, and nothing was left over.
 */
export class Exchange implements UpstreamOwner, Waiter, AnswerEvents {
  readonly #client: ExchangeClient;
  readonly #host: ExchangeHost;
  readonly #answer: AnswerPath;
  readonly #request = new BodyWriter();
  #kept: KeptBody | null = null;
  readonly #timer: ExchangeTimer;
  #state: number = STATE.FREE;
  #plan: ForwardPlan | null = null;
  #upstream: Upstream | null = null;
  #attempts = 0;
  #isRequestSent = false;
  #sentAtMs = 0;
  #failedStatus = 0;
  flag = 0;
  /** Microseconds from the request having been handed on to the first byte of the answer. */
  upstreamUs = 0;
  /** What the endpoint's node says about its answer, where that is another one. */
  readonly nodeAnswer = new NodeAnswer();

  constructor(client: ExchangeClient, host: ExchangeHost) {
    this.#client = client;
    this.#host = host;
    this.#answer = new AnswerPath(client, host, this);
    this.#timer = new ExchangeTimer(host, () => this.#onTimeout());
  }

  /** What the caller was answered, or will be; 0 = nothing yet. */
  get status(): number {
    return this.#failedStatus === 0 ? this.#answer.status : this.#failedStatus;
  }

  /** Status of a gRPC call, where the endpoint said one. */
  get grpcStatus(): number {
    return this.#answer.grpcStatus;
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
    return this.#answer.bodyBytes;
  }

  /** Giving it up ends a connection to an endpoint: one that speaks HTTP/1.1, and has the request. */
  get hasConnection(): boolean {
    return this.#upstream?.out.isFramed === false;
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
    this.#failedStatus = 0;
    this.flag = 0;
    this.upstreamUs = 0;
    this.#isRequestSent = false;
    this.nodeAnswer.clear();
    this.#request.beginRequest(this.#client);
    this.#answer.begin(plan);
    this.#timer.start(plan.requestTimeoutMs);
    this.#acquire();
  }

  /** Hands over body bytes; answers the offset up to which they were taken, or a PARSE_ERROR. */
  feed(bytes: Buffer, start: number, end: number): number {
    const upstream = this.#upstream!;
    const taken = this.#request.write(bytes, start, end, upstream.out, this.#host.scratch);
    if (this.#kept?.isKept && taken > start) this.#kept.add(bytes, start, taken);
    if (this.#request.isDone) this.#requestSent();
    return taken;
  }

  /** The body of the request, handed over as content, has ended; `bytes[start, end)` are its trailers, if any, and hold during the call. */
  endRequest(bytes: Buffer, start: number, end: number): void {
    if (this.#kept?.isKept) this.#kept.endFramed(bytes, start, end);
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
    this.#answer.restart();
    const client = this.#client;
    const plan = this.#plan!;
    const { head } = client;
    const { out } = upstream;
    const isUpgrade = head.upgradeLine >= 0;
    if (isUpgrade && !upstream.takesUpgrades) {
      this.fail(502, FLAG.UPE, "the endpoint takes no WebSockets over HTTP/2");
      return;
    }
    const end = writeHeadTo(upstream, plan, client, this.#host);
    if (end < 0) {
      this.fail(500, FLAG.IH, "the edited head is too large");
      return;
    }
    // What is there of the body leaves with the head: see `flushRequest`.
    const kept = this.#kept?.isKept ? this.#kept : null;
    const isAll = this.#request.isDone && !kept;
    if (!isAll) out.cork();
    out.head(this.#host.scratch, 0, end, isAll && !isUpgrade, isUpgrade);
    // A stream can be refused while it is opened: then this went on elsewhere, or is over.
    if (this.#upstream !== upstream) return;
    if (isAll) this.#requestSent();
    else if (kept) this.#sendKept(kept, out);
    else {
      if (plan.pin) this.#kept = keepBody(this.#kept, head.contentLength);
      client.resumeReading();
    }
  }

  /** What the caller has handed over of the body once more, which another node has not handed on; and what is left of it. */
  #sendKept(kept: KeptBody, out: MessageSink): void {
    this.#request.beginRequest(this.#client);
    kept.replay(this.#request, out, this.#host.scratch);
    // An endpoint of this node answers for itself; and its socket gives the memory back.
    if (!out.isFramed) kept.release();
    this.flushRequest();
    if (this.#request.isDone) this.#requestSent();
    else this.#client.resumeReading();
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
    if (head.status >= 200 && this.#plan!.pin && this.#goesElsewhere(upstream, head, bytes)) return;
    this.#kept?.release();
    this.#answer.takeFramedHead(upstream, head, bytes, isEnd);
  }

  onUpstreamData(upstream: Upstream, bytes: Uint8Array): void {
    const data = bytes as Buffer;
    // What is framed came together with others', and whoever took it has looked at the clock.
    if (!upstream.out.isFramed) this.#host.nowMs();
    if (this.#state === STATE.BODY) this.#answer.takeBody(upstream, data, 0);
    else if (this.#state === STATE.HEAD) this.#answer.takeHead(upstream, data);
    else upstream.close();
  }

  onUpstreamTrailers(upstream: Upstream, bytes: Buffer, start: number, end: number): void {
    this.#answer.takeTrailers(upstream, bytes, start, end);
  }

  onUpstreamDrained(_upstream: Upstream): void {
    if (!this.#request.isDone) this.#client.resumeReading();
  }

  onUpstreamEnded(upstream: Upstream): void {
    const { isFramed } = upstream.out;
    if (this.#state === STATE.BODY && (isFramed || this.#answer.isUntilClose)) this.#answer.takeEnd(upstream, isFramed);
    else this.#endedBy(upstream);
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

  answerBegan(): void {
    this.#state = STATE.BODY;
    this.upstreamUs = this.#isRequestSent ? Math.max(0, (this.#host.now - this.#sentAtMs) * 1000) : 0;
    this.#timer.answered();
  }

  answerBroken(flag: number): void {
    this.flag = flag;
    this.#drop();
    this.#client.exchangeBroken();
  }

  answerSwitched(upstream: Upstream, rest: Uint8Array): void {
    this.#upstream = null;
    this.#timer.stop();
    this.#client.exchangeUpgraded(upstream, rest);
  }

  answerComplete(upstream: Upstream, isClean: boolean): void {
    const { isFramed } = upstream.out;
    // Some servers answer at the last chunk and take trailers behind it for the next request.
    const isAgreed = isClean && this.#isRequestSent && (isFramed || !this.#request.hasTrailers);
    this.#upstream = null;
    if (isAgreed && (isFramed || this.#answer.keepsUpstream)) upstream.release();
    else upstream.close(isAgreed);
    this.#state = STATE.DONE;
    this.#timer.stop();
    this.#finishWhenSent();
  }

  /** The next request on the connection waits until this answer has left: that is the back-pressure of pipelining. */
  #finishWhenSent(): void {
    if (this.#client.out.queuedBytes > 0) return;
    const keeps = this.#answer.keepsClient && this.#request.isDone;
    this.#client.exchangeEnded(keeps);
  }

  /** Ready for the next request; the client calls it after it has taken the figures down. */
  reset(): void {
    this.#free();
  }

  #endedBy(upstream: Upstream): void {
    this.#upstream = null;
    upstream.close();
    const isMalformed = upstream.isMalformed === true;
    if (this.#state === STATE.BODY) {
      this.answerBroken(isMalformed ? FLAG.UPE : FLAG.UC);
    } else if (this.#state === STATE.HEAD && isMalformed) {
      this.fail(502, FLAG.UPE, "the endpoint's answer is malformed");
    } else if (this.#state === STATE.HEAD) {
      if (this.#canRepeat(upstream) && this.#retry()) return;
      this.fail(503, FLAG.UC, "the endpoint closed the connection before it answered");
    }
  }

  /** Nobody has acted on the request, or it makes no difference; and all of it is still there to be sent again. */
  #canRepeat(upstream: Upstream): boolean {
    const { head } = this.#client;
    if (this.#answer.hasBegun) return false;
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
    if (!this.nodeAnswer.isUnreached || this.#attempts >= ATTEMPTS_MAX) return false;
    if (!this.#isWhole) {
      this.#host.stats.counter(LIMIT_COUNTER.kept_bodies);
      return false;
    }
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

  /** Nothing of the body has been handed on, or all of that is still here. */
  get #isWhole(): boolean {
    if (this.#kept?.isKept) return true;
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
      this.answerBroken(flag);
    }
  }

  /** Gives up on the endpoint; the client makes the answer. Only before an answer has begun. */
  fail(status: number, flag: number, reason: string): void {
    this.#drop();
    this.#failedStatus = status;
    this.flag = flag;
    this.#client.exchangeFailed(status, flag, reason);
  }

  #drop(): void {
    this.#timer.stop();
    this.#kept?.release();
    const upstream = this.#upstream;
    this.#upstream = null;
    if (upstream) upstream.close();
    else if (this.#state === STATE.WAITING) this.#plan!.target.endpoint.withdraw(this);
  }

  #free(): void {
    this.#state = STATE.FREE;
    this.#plan = null;
    this.#upstream = null;
    this.#answer.begin(null);
    this.#timer.stop();
    this.#kept?.release();
    this.#request.begin(BODY.NONE, 0, false, false);
  }
}
