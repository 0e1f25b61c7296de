import { Slots } from "../../base/slots.ts";
import { LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import type { ParseError } from "../../wire/http1/head.ts";
import { ERROR_CODE } from "../../wire/http2/protocol.ts";
import { countRefusal } from "../downstream/count-refusal.ts";
import type { DownstreamHost } from "../downstream/downstream.ts";
import type { Entrance } from "../downstream/entrance.ts";
import type { SessionFactory } from "../downstream/session-factory.ts";
import { STREAM_IDLE_MS } from "../limits.ts";
import { uncorkAny } from "../output.ts";
import { SPARE_STREAMS_MAX } from "./limits.ts";
import type { LinkStream } from "./link-stream.ts";
import type { StreamPlace } from "./on-stream.ts";
import { type ServerPlace, ServerStream } from "./server-stream.ts";
import type { SharedHeads } from "./shared-heads.ts";
import type { StreamOrigins } from "./stream-origins.ts";
import type { Beginner } from "./turns.ts";

/** Objects for the next requests, of all connections of the worker. */
const spare: ServerStream[] = [];

/** The requests of one HTTP/2 connection from a caller or another node. */
export class ServerStreams implements ServerPlace, Beginner {
  readonly host: DownstreamHost;
  readonly entrance: Entrance;
  readonly localIp: string;
  readonly sessions: SessionFactory;
  readonly #heads: SharedHeads;
  readonly #origins: StreamOrigins;
  readonly #open = new Slots<ServerStream>();
  /** Read, and not begun; some are over again, or stand here twice. */
  #read: ServerStream[] = [];
  /** How many of these, the first ones, are done with; and how many hold nothing that is lent. */
  #begun = 0;
  #kept = 0;
  isWaiting = false;
  /** Streams that were reset because their caller has cancelled too much. */
  calmed = 0;
  /** When the last request ended or began. */
  lastUsedMs: number;

  constructor(place: StreamPlace, heads: SharedHeads, origins: StreamOrigins) {
    this.host = place.host;
    this.entrance = place.entrance;
    this.localIp = place.localIp;
    this.sessions = place.sessions;
    this.#heads = heads;
    this.#origins = origins;
    this.lastUsedMs = place.host.now;
  }

  /** Requests under way. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * Takes up the request that was just read, to be served by `serve`. False: nobody is served on this connection any more, and the stream was refused.
   */
  take(stream: LinkStream): boolean {
    const { request, requestBytes } = this.#heads;
    const origin = this.#origins.of(request, requestBytes);
    if (!origin) {
      stream.reset(ERROR_CODE.REFUSED_STREAM);
      return false;
    }
    this.lastUsedMs = this.host.now;
    if (this.host.cancellations.isSilent(origin.caller, this.host.now)) {
      this.calm(stream);
      return true;
    }
    const served = spare.pop() ?? new ServerStream();
    served.slot = this.#open.add(served);
    served.take(this, stream, origin, request, requestBytes);
    this.#read.push(served);
    return true;
  }

  /** Begins what was taken up, after all that had arrived was looked at: what was cancelled by then has cost next to nothing. */
  serve(): void {
    if (this.#read.length === 0) return;
    this.host.turns.begin(this);
    // What waits outlives the bytes that it came in.
    const read = this.#read;
    for (; this.#kept < read.length; this.#kept++) read[this.#kept]!.held.keep();
  }

  get hasRead(): boolean {
    return this.#read.length > 0;
  }

  begin(count: number): number {
    const read = this.#read;
    let begun = 0;
    while (begun < count && this.#begun < read.length) if (read[this.#begun++]!.begin(this)) begun++;
    uncorkAny();
    if (this.#begun === read.length) {
      this.#read = [];
      this.#begun = 0;
      this.#kept = 0;
    }
    return begun;
  }

  /** Counts a request that was malformed. */
  refused(refusal: number): void {
    countRefusal(this.host.stats, refusal as ParseError);
  }

  calm(stream: LinkStream): void {
    this.calmed++;
    this.host.stats.counter(LIMIT_COUNTER.cancelled_requests);
    stream.reset(ERROR_CODE.ENHANCE_YOUR_CALM);
  }

  left(stream: ServerStream): void {
    this.#open.delete(stream.slot);
    stream.slot = -1;
    this.lastUsedMs = this.host.now;
  }

  over(stream: ServerStream, isSpoilt: boolean): void {
    if (stream.slot >= 0) this.left(stream);
    if (!isSpoilt && spare.length < SPARE_STREAMS_MAX) spare.push(stream);
  }

  /** Ends streams in which nothing has moved for too long; answers in how many milliseconds to look again. */
  sweep(nowMs: number): number {
    let nextMs = nowMs + STREAM_IDLE_MS;
    for (const stream of this.#open.all()) {
      if (stream.quietUntilMs <= nowMs) stream.timeOut();
      else if (stream.quietUntilMs < nextMs) nextMs = stream.quietUntilMs;
    }
    return nextMs - nowMs;
  }
}
