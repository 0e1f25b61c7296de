import { FLAG } from "../../model/response-flags.ts";
import type { ResponseHead } from "../../wire/http1/head.ts";
import type { Target } from "../mesh/destination.ts";
import { NodeAnswer } from "../pin/node-answer.ts";
import type { PinLines } from "../pin/pin-lines.ts";
import type { Waiter, Way } from "../upstream/endpoint.ts";
import type { Upstream, UpstreamOwner } from "../upstream/upstream.ts";

/** A node says so where it answers in the endpoint's stead; the only reason that may be told twice. */
export interface RemoteRefusal {
  readonly idHigh: number;
  readonly idLow: number;
}

/**
 * The way of one TCP stream to an endpoint on another node: a CONNECT through the tunnel, which that node grants or refuses. What
 * comes out of it is an upstream that carries bytes.
 */
export class RemoteWay implements Way, Waiter, UpstreamOwner {
  readonly speaker: string;
  /** Under which id the other node explains its refusal. */
  refusal: RemoteRefusal | null = null;
  readonly #target: Target;
  readonly #pin: PinLines;
  readonly #authority: string;
  #waiter: Waiter | null = null;
  #upstream: Upstream | null = null;

  /** @param speaker key of the calling workload. @param authority of the service that was asked for. */
  constructor(target: Target, pin: PinLines, speaker: string, authority: string) {
    this.speaker = speaker;
    this.#target = target;
    this.#pin = pin;
    this.#authority = authority;
  }

  acquire(waiter: Waiter): void {
    this.#waiter = waiter;
    this.#target.endpoint.acquire(this);
  }

  withdraw(waiter: Waiter): boolean {
    if (this.#waiter !== waiter) return false;
    this.#waiter = null;
    const upstream = this.#upstream;
    this.#upstream = null;
    if (upstream) upstream.close();
    else this.#target.endpoint.withdraw(this);
    return true;
  }

  onUpstreamReady(upstream: Upstream): void {
    this.#upstream = upstream;
    upstream.lend(this);
    const line = Buffer.from(`CONNECT ${this.#authority} HTTP/1.1\r\nhost: ${this.#authority}\r\n`, "latin1");
    const head = Buffer.concat([line, this.#pin.as(upstream.handle ?? 0), CRLF]);
    upstream.out.head(head, 0, head.length, false, false);
  }

  onUpstreamFailed(flag: number, reason: string): void {
    this.#fail(flag, reason);
  }

  onUpstreamHead(upstream: Upstream, head: ResponseHead, bytes: Buffer, isEnd: boolean): void {
    if (head.status < 200) return;
    const answer = new NodeAnswer();
    answer.read(bytes, head.lines);
    this.#target.endpoint.answered?.(answer.flag);
    if (head.status >= 300 || isEnd) {
      this.refusal = answer.idHigh === 0 && answer.idLow === 0 ? null : answer;
      this.#upstream = null;
      upstream.close();
      this.#fail(answer.flag === FLAG.none ? FLAG.UF : answer.flag, "the endpoint's node refused the stream");
      return;
    }
    const waiter = this.#waiter;
    this.#waiter = null;
    this.#upstream = null;
    upstream.out.becomeRaw();
    if (waiter) waiter.onUpstreamReady(upstream);
    else upstream.close();
  }

  onUpstreamData(upstream: Upstream): void {
    // Only behind a refusal, which has closed it.
    upstream.close();
  }

  onUpstreamTrailers(upstream: Upstream): void {
    upstream.close();
  }

  onUpstreamDrained(): void {
    // Nothing is fed before it is granted.
  }

  onUpstreamEnded(): void {
    this.#broken();
  }

  onUpstreamClosed(): void {
    this.#broken();
  }

  #broken(): void {
    const upstream = this.#upstream;
    this.#upstream = null;
    upstream?.close();
    this.#fail(FLAG.UC, "the tunnel broke before the stream was granted");
  }

  #fail(flag: number, reason: string): void {
    const waiter = this.#waiter;
    this.#waiter = null;
    waiter?.onUpstreamFailed(flag, reason);
  }
}

const CRLF = Buffer.from("\r\n");
