import { FLAG } from "../../model/response-flags.ts";
import type { HeaderLine } from "../../model/route/header-edits.ts";
import type { Rule } from "../../model/route/rule.ts";
import type { EdgeStats } from "../../telemetry/edge-stats.ts";
import type { RequestHead } from "../../wire/http1/head.ts";
import type { ProxyContext } from "../context.ts";
import type { Decider } from "../exchange/decide.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { grpcStatusFor, NO_GRPC_STATUS } from "../exchange/grpc.ts";
import type { RepeatedForward } from "../exchange/repeated-request.ts";
import type { RequestOrigin } from "../exchange/request-origin.ts";
import type { Target } from "../mesh/destination.ts";
import type { MessageSink } from "../message-sink.ts";
import { RequestSummary } from "../recorder.ts";
import { sendReply } from "./send-reply.ts";

/** Keeps the books of the requests of one connection or stream: what each came to, where it is counted, what its record says. */
export class RequestLedger {
  readonly #host: ProxyContext;
  /** Where answers made here go. */
  #out: MessageSink | null;
  /** Who calls. */
  #origin: RequestOrigin | null;
  readonly #summary = new RequestSummary();
  /** The request is a gRPC call. */
  isGrpc = false;
  #startedMs = 0;

  constructor(host: ProxyContext, out: MessageSink, origin: RequestOrigin) {
    this.#host = host;
    this.#out = out;
    this.#origin = origin;
  }

  /** Whether it can keep the books of another stream. */
  isOf(host: ProxyContext): boolean {
    return this.#host === host;
  }

  /** Keeps the books of another stream from now on. */
  reopen(out: MessageSink, origin: RequestOrigin): void {
    this.#out = out;
    this.#origin = origin;
  }

  /** Holds on to nothing until `reopen`. */
  close(): void {
    this.#out = null;
    this.#origin = null;
    const summary = this.#summary;
    summary.target = null;
    summary.rule = null;
    summary.denial = null;
    summary.permit = null;
    summary.edge = null;
  }

  /** Where the request under way is counted. */
  get edge(): EdgeStats | null {
    return this.#summary.edge;
  }

  /** How long ago the request was begun, milliseconds. */
  get ageMs(): number {
    return this.#host.now - this.#startedMs;
  }

  get #protocol(): "http" | "grpc" {
    return this.isGrpc ? "grpc" : "http";
  }

  /** A request has arrived. */
  begin(): void {
    this.#startedMs = this.#host.now;
  }

  /** What was decided; a request that leaves the mesh has no destination yet. */
  decided(decider: Decider): void {
    const summary = this.#summary;
    summary.rule = decider.rule;
    summary.target = decider.target;
    summary.denial = decider.denial;
    summary.permit = decider.permit;
    summary.upstreamUs = 0;
    summary.edge = this.#host.recorder.edge(this.#origin!.caller, decider.target, decider.destination, this.#protocol);
  }

  /** What was decided about an equal request. */
  again(rule: Rule | null, forward: RepeatedForward): void {
    const summary = this.#summary;
    summary.rule = rule;
    summary.target = forward.plan.target;
    summary.denial = null;
    summary.permit = forward.plan.permit;
    summary.edge = forward.edge;
    summary.upstreamUs = 0;
  }

  /** The request goes to another endpoint than was decided at first. */
  elsewhere(target: Target): void {
    this.#summary.target = target;
    this.#summary.edge = this.#host.recorder.edge(this.#origin!.caller, target, target.port, this.#protocol);
  }

  /** Answers the request here. */
  reply(status: number, flag: number, closes: boolean, isHead: boolean, lines: readonly HeaderLine[]): void {
    sendReply(this.#host, this.#out!, this.#summary, { status, flag, closes, isHead, lines, isGrpc: this.isGrpc });
  }

  /** The request led nowhere, because it was not even looked at. */
  nowhere(): void {
    const summary = this.#summary;
    summary.target = null;
    summary.rule = null;
    summary.denial = null;
    summary.permit = null;
    summary.upstreamUs = 0;
    summary.edge = this.#host.recorder.edge(this.#origin!.caller, null, null, "http");
  }

  /** Answers, and notes, what could not be parsed. */
  refuse(status: number, flag: number): void {
    const host = this.#host;
    const summary = this.#summary;
    this.nowhere();
    this.reply(status, flag, true, false, []);
    summary.status = status;
    summary.flag = flag;
    summary.durationUs = 0;
    host.recorder.unparsed(summary, this.#origin!.caller, host.mesh.generation);
  }

  /** What the caller of gRPC was told: by the endpoint, or here. */
  #grpcStatus(status: number, flag: number, exchange: Exchange): number {
    if (!this.isGrpc || exchange.grpcStatus !== NO_GRPC_STATUS) return exchange.grpcStatus;
    return flag !== FLAG.none && flag !== FLAG.DC ? grpcStatusFor(status, flag) : NO_GRPC_STATUS;
  }

  /** The request is over, however it ended. */
  finish(status: number, flag: number, exchange: Exchange, headBytes: Buffer, head: RequestHead): void {
    const host = this.#host;
    const summary = this.#summary;
    const { isActive } = exchange;
    summary.status = status;
    summary.flag = flag;
    summary.durationUs = (host.now - this.#startedMs) * 1000;
    summary.upstreamUs = isActive ? exchange.upstreamUs : summary.upstreamUs;
    summary.requestBytes = isActive ? exchange.requestBytes : 0;
    summary.responseBytes = isActive ? exchange.responseBytes : 0;
    this.#noteNode(exchange);
    summary.isGrpc = this.isGrpc;
    summary.grpcStatus = this.#grpcStatus(status, flag, exchange);
    host.recorder.request(summary, this.#origin!.caller, headBytes, head, exchange.headPlan, host.mesh.generation);
    summary.idHigh = 0;
    summary.idLow = 0;
    summary.isFromNode = false;
  }

  /** Another node answered in the endpoint's stead: its flag and its id are what there is to say. */
  #noteNode({ isActive, nodeAnswer }: Exchange): void {
    const summary = this.#summary;
    if (!isActive || nodeAnswer.flag === FLAG.none || summary.flag !== FLAG.none) return;
    summary.isFromNode = true;
    summary.flag = nodeAnswer.flag;
    summary.idHigh = nodeAnswer.idHigh;
    summary.idLow = nodeAnswer.idLow;
  }
}
