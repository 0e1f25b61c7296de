import type { HeaderLine } from "../../model/route/header-edits.ts";
import type { Rule } from "../../model/route/rule.ts";
import type { EdgeStats } from "../../telemetry/edge-stats.ts";
import type { RequestHead } from "../../wire/http1/head.ts";
import type { Decider } from "../exchange/decide.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { RepeatedForward } from "../exchange/repeated-request.ts";
import type { Target } from "../mesh/destination.ts";
import { RequestSummary } from "../recorder.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionOrigin } from "./connection-origin.ts";
import { sendReply } from "./send-reply.ts";

/** Keeps the books of one connection's requests: what each came to, where it is counted, what its record says. */
export class RequestLedger {
  readonly #connection: Connection;
  readonly #origin: ConnectionOrigin;
  readonly #summary = new RequestSummary();
  #startedMs = 0;

  constructor(connection: Connection, origin: ConnectionOrigin) {
    this.#connection = connection;
    this.#origin = origin;
  }

  /** Where the request under way is counted. */
  get edge(): EdgeStats | null {
    return this.#summary.edge;
  }

  /** A request has arrived. */
  begin(): void {
    this.#startedMs = this.#connection.host.now;
  }

  /** What was decided; a request that leaves the mesh has no destination yet. */
  decided(decider: Decider): void {
    const summary = this.#summary;
    summary.rule = decider.rule;
    summary.target = decider.target;
    summary.denial = decider.denial;
    summary.permit = decider.permit;
    summary.upstreamUs = 0;
    summary.edge = this.#connection.host.recorder.edge(
      this.#origin.caller,
      decider.target,
      decider.destination,
      "http",
    );
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
    this.#summary.edge = this.#connection.host.recorder.edge(this.#origin.caller, target, target.port, "http");
  }

  /** Answers the request here. */
  reply(status: number, flag: number, closes: boolean, isHead: boolean, lines: readonly HeaderLine[]): void {
    sendReply(this.#connection, this.#summary, status, flag, closes, isHead, lines);
  }

  /** Answers, and notes, what could not be parsed. */
  refuse(status: number, flag: number): void {
    const { host } = this.#connection;
    const summary = this.#summary;
    summary.target = null;
    summary.rule = null;
    summary.denial = null;
    summary.permit = null;
    summary.edge = host.recorder.edge(this.#origin.caller, null, null, "http");
    this.reply(status, flag, true, false, []);
    summary.status = status;
    summary.flag = flag;
    summary.durationUs = 0;
    host.recorder.unparsed(summary, this.#origin.caller, host.mesh.generation);
  }

  /** The request is over, however it ended. */
  finish(status: number, flag: number, exchange: Exchange, headBytes: Buffer, head: RequestHead): void {
    const { host } = this.#connection;
    const summary = this.#summary;
    const { isActive } = exchange;
    summary.status = status;
    summary.flag = flag;
    summary.durationUs = (host.now - this.#startedMs) * 1000;
    summary.upstreamUs = isActive ? exchange.upstreamUs : summary.upstreamUs;
    summary.requestBytes = isActive ? exchange.requestBytes : 0;
    summary.responseBytes = isActive ? exchange.responseBytes : 0;
    host.recorder.request(summary, this.#origin.caller, headBytes, head, exchange.headPlan, host.mesh.generation);
    summary.idHigh = 0;
    summary.idLow = 0;
  }
}
