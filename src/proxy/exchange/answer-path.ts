import { FLAG } from "../../model/response-flags.ts";
import { BODY, type ResponseHead } from "../../wire/http1/head.ts";
import { JOINED_WRITE_BYTES_MAX, STREAM_IDLE_MS } from "../limits.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { ANSWER, AnswerReader } from "./answer-reader.ts";
import { BodyWriter } from "./body-writer.ts";
import type { ExchangeClient } from "./exchange-client.ts";
import type { ExchangeHost } from "./exchange-host.ts";
import type { ForwardPlan } from "./forward-plan.ts";
import { grpcStatusIn, grpcStatusOf, NO_GRPC_STATUS } from "./grpc.ts";
import { passInterim } from "./interim.ts";
import { announcedIdleMs } from "./keep-alive.ts";
import { planSwitch } from "./plan-switch.ts";
import { planResponse, type ResponseHeadPlan, sayNoLength, writeResponseHead } from "./response-head.ts";

/** What an answer comes to on its way; the exchange draws the conclusions. */
export interface AnswerEvents {
  /** The whole request has been handed on: the caller's connection may go on behind the answer. */
  readonly isRequestComplete: boolean;
  /** Its head is final, and is being passed on. */
  answerBegan(): void;
  /** It is whole. `isClean`: nothing came behind it. */
  answerComplete(upstream: Upstream, isClean: boolean): void;
  /** It cannot be passed on, and nothing of it has been. */
  fail(status: number, flag: number, reason: string): void;
  /** It breaks off. */
  answerBroken(flag: number): void;
  /** The protocol is another one from here on. `rest`: what came behind the head. */
  answerSwitched(upstream: Upstream, rest: Uint8Array): void;
}

const NOTHING = Buffer.alloc(0);
const TOO_LARGE = "the edited head is too large";

/** The way of an answer from an endpoint to a caller, whatever either speaks. One per exchange, reused. */
export class AnswerPath {
  status = 0;
  /** Status of a gRPC call, where the endpoint said one. */
  grpcStatus = NO_GRPC_STATUS;
  /** The caller's connection goes on behind it, as it was told. */
  keepsClient = true;
  readonly #client: ExchangeClient;
  readonly #host: ExchangeHost;
  readonly #events: AnswerEvents;
  readonly #reader = new AnswerReader();
  readonly #writer = new BodyWriter();
  #plan: ForwardPlan | null = null;
  /** How the endpoint delimits its body. */
  #body: number = BODY.NONE;
  #hasBegun = false;

  constructor(client: ExchangeClient, host: ExchangeHost, events: AnswerEvents) {
    this.#client = client;
    this.#host = host;
    this.#events = events;
  }

  /** Bytes of body that were passed on. */
  get bodyBytes(): number {
    return this.#writer.bodyBytes;
  }

  /** Something of it has come. */
  get hasBegun(): boolean {
    return this.#hasBegun || this.#reader.hasBegun;
  }

  /** Its end is the end of the connection. */
  get isUntilClose(): boolean {
    return this.#body === BODY.UNTIL_CLOSE;
  }

  /** The endpoint's connection, where that is HTTP/1.1, may serve another request. */
  get keepsUpstream(): boolean {
    return this.#reader.head.isKeepAlive && this.#body !== BODY.UNTIL_CLOSE;
  }

  /** Another request; `null`: none, for now. */
  begin(plan: ForwardPlan | null): void {
    this.#plan = plan;
    this.status = 0;
    this.grpcStatus = NO_GRPC_STATUS;
    this.#writer.begin(BODY.NONE, 0, false, false);
    this.restart();
  }

  /** The same request, sent to an endpoint. */
  restart(): void {
    this.#reader.begin();
    this.#hasBegun = false;
  }

  /** Bytes of HTTP/1.1 while the head is not there. */
  takeHead(upstream: Upstream, data: Buffer): void {
    const reader = this.#reader;
    const { method } = this.#client.head;
    let found = reader.take(data, method);
    while (found === ANSWER.INTERIM) {
      passInterim(this.#client, reader.head, reader.bytes, this.#host.scratch);
      found = reader.next(method);
    }
    if (found === ANSWER.FINAL) this.#passOn(upstream, reader.head, reader.bytes, reader.end, false);
    else if (found === ANSWER.SWITCH) this.#switch(upstream, reader.head, reader.bytes, reader.end);
    else if (found !== ANSWER.MORE) this.#events.fail(502, FLAG.UPE, "the endpoint's answer is malformed");
  }

  /** A head by HTTP/2. */
  takeFramedHead(upstream: Upstream, head: ResponseHead, bytes: Buffer, isEnd: boolean): void {
    this.#hasBegun = true;
    if (isEnd && this.#client.out.isFramed) sayNoLength(head);
    if (head.status === 101) this.#switch(upstream, head, bytes, head.end);
    else if (head.status < 200) passInterim(this.#client, head, bytes, this.#host.scratch);
    else this.#passOn(upstream, head, bytes, head.end, isEnd);
  }

  /** Bytes behind the head, or content, from `start` on. */
  takeBody(upstream: Upstream, data: Buffer, start: number): void {
    const { out } = this.#client;
    const { length } = data;
    // Chunks leave with their framing, the last one with the end, and all of them with a head before them.
    if (this.#body === BODY.CHUNKED) out.cork();
    const end = this.#writer.write(data, start, length, out, this.#host.scratch);
    out.uncork();
    this.#host.touch(STREAM_IDLE_MS);
    if (end < 0) this.#events.answerBroken(FLAG.UPE);
    else if (this.#writer.isDone) this.#events.answerComplete(upstream, end === length);
    else if (out.isFull) upstream.pause();
  }

  /** HTTP/2: the content has ended with trailers. */
  takeTrailers(upstream: Upstream, bytes: Buffer, start: number, end: number): void {
    if (this.#plan!.isGrpc) this.grpcStatus = grpcStatusIn(bytes, start, end);
    const { out } = this.#client;
    this.#writer.endWith(bytes, start, end, out, this.#host.scratch);
    out.uncork();
    this.#events.answerComplete(upstream, true);
  }

  /** The content has ended, by its frame (`isFramed`) or with the connection. */
  takeEnd(upstream: Upstream, isFramed: boolean): void {
    const { out } = this.#client;
    this.#writer.end(out);
    out.uncork();
    this.#events.answerComplete(upstream, isFramed);
  }

  #switch(upstream: Upstream, head: ResponseHead, bytes: Buffer, end: number): void {
    const { headPlan, responseEdits } = this.#plan!;
    const { isFramed } = upstream.out;
    const plan = planSwitch(this.#client, bytes, head, isFramed, headPlan.websocketKey, responseEdits);
    if (plan === null) {
      this.#events.fail(502, FLAG.UPE, "the endpoint switched protocols unasked");
      return;
    }
    const length = this.#writeHead(upstream, head, bytes, plan);
    if (length < 0) {
      this.#events.fail(502, FLAG.UPE, TOO_LARGE);
      return;
    }
    this.#client.out.head(this.#host.scratch, 0, length, false, true);
    this.status = 101;
    this.#events.answerSwitched(upstream, isFramed ? NOTHING : bytes.subarray(end));
  }

  #writeHead(upstream: Upstream, head: ResponseHead, bytes: Buffer, plan: ResponseHeadPlan): number {
    const { scratch } = this.#host;
    return upstream.out.isFramed ? writeResponseHead(scratch, 0, bytes, head, plan) : this.#reader.write(scratch, plan);
  }

  /** `isEnd`: the answer is whole with its head, as its frame says. */
  #passOn(upstream: Upstream, head: ResponseHead, bytes: Buffer, end: number, isEnd: boolean): void {
    const { out } = this.#client;
    const { isFramed } = upstream.out;
    const forward = this.#plan!;
    this.status = head.status;
    if (!isFramed && upstream.uses === 1) upstream.announcedIdleMs = announcedIdleMs(bytes, head.lines);
    if (forward.isGrpc) this.grpcStatus = grpcStatusOf(bytes, head.lines);
    const mayKeep = !this.#host.isDraining && this.#events.isRequestComplete;
    const plan = planResponse(head, this.#client.head, mayKeep, forward.responseEdits, forward.pin !== null);
    this.keepsClient = !plan.closes;
    const length = this.#writeHead(upstream, head, bytes, plan);
    if (length < 0) {
      this.#events.fail(502, FLAG.UPE, TOO_LARGE);
      return;
    }
    this.#events.answerBegan();
    this.#body = head.body;
    this.#writer.begin(isEnd ? BODY.NONE : head.body, head.contentLength, plan.body === BODY.CHUNKED, isFramed);
    const rest = isFramed ? 0 : bytes.length - end;
    const isShort = rest > 0 && rest <= head.contentLength && rest <= JOINED_WRITE_BYTES_MAX;
    if (isShort && head.body === BODY.LENGTH && !out.isFramed) {
      this.#passOnJoined(upstream, length, rest);
      return;
    }
    out.cork();
    out.head(this.#host.scratch, 0, length, this.#writer.isDone, false);
    if (rest > 0 && !this.#writer.isDone) this.takeBody(upstream, bytes, end);
    else if (isFramed && !this.#writer.isDone) {
      // Content that came with it leaves with it: its link uncorks once it has handed over everything.
      if (out.isFull) upstream.pause();
    } else {
      const isSent = out.uncork();
      if (this.#writer.isDone) this.#events.answerComplete(upstream, rest === 0);
      else if (!isSent) upstream.pause();
    }
  }

  /** A short answer of known length leaves with its head in one write. */
  #passOnJoined(upstream: Upstream, headLength: number, rest: number): void {
    const { scratch } = this.#host;
    const { bytes, end } = this.#reader;
    bytes.copy(scratch, headLength, end);
    this.#writer.skip(rest);
    const isSent = this.#client.out.write(scratch, 0, headLength + rest, true);
    this.#host.touch(STREAM_IDLE_MS);
    if (this.#writer.isDone) this.#events.answerComplete(upstream, true);
    else if (!isSent) upstream.pause();
  }
}
