import { LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import { TABLE_BYTES_DEFAULT } from "../../wire/hpack/limits.ts";
import { ROLE } from "../../wire/http2/connection-state.ts";
import {
  CONNECTION_WINDOW_BYTES_DEFAULT,
  STREAM_WINDOW_BYTES_DEFAULT,
  STREAMS_DEFAULT,
} from "../../wire/http2/limits.ts";
import { ERROR_CODE } from "../../wire/http2/protocol.ts";
import type { ConnectionOrigin } from "../downstream/connection-origin.ts";
import type { Downstream } from "../downstream/downstream.ts";
import type { Session } from "../downstream/session.ts";
import type { SessionFactory } from "../downstream/session-factory.ts";
import { IDLE_TIMEOUT_MS } from "../limits.ts";
import { CALMED_STREAMS_MAX, DRAIN_NOTICE_MS, SETTINGS_TIMEOUT_MS } from "./limits.ts";
import { Http2Link } from "./link.ts";
import type { LinkHandler } from "./link-handler.ts";
import type { LinkStream } from "./link-stream.ts";
import { ServerStreams } from "./server-streams.ts";
import { socketOver } from "./socket-over.ts";
import { Unfinished } from "./unfinished.ts";

/** What we tell a caller that speaks HTTP/2 to us. */
export const SERVER_OPTIONS = {
  role: ROLE.SERVER,
  streamsMax: STREAMS_DEFAULT,
  streamWindowBytes: STREAM_WINDOW_BYTES_DEFAULT,
  connectionWindowBytes: CONNECTION_WINDOW_BYTES_DEFAULT,
  tableBytes: TABLE_BYTES_DEFAULT,
  allowsWebsocket: true,
};

/** What has to come in time: how it is counted that it did not, and what the caller is told. */
const OVERDUE = {
  settings: [LIMIT_COUNTER.http2_settings_timeout, ERROR_CODE.SETTINGS_TIMEOUT],
  head: [LIMIT_COUNTER.head_timeout, ERROR_CODE.ENHANCE_YOUR_CALM],
  frame: [LIMIT_COUNTER.frame_timeout, ERROR_CODE.ENHANCE_YOUR_CALM],
} as const;

/** HTTP/2 with one caller that began with its preface: every stream is a request of its own. */
export class Http2Session implements Session, LinkHandler {
  readonly #connection: Downstream;
  readonly #link: Http2Link;
  readonly #streams: ServerStreams;
  readonly #startedMs: number;
  /** How many streams of a caller that has cancelled too much are reset before the connection ends. */
  readonly #calmedMax: number;
  readonly #unfinished = new Unfinished();
  /** When the end was announced; 0 = it was not. */
  #goingSinceMs = 0;
  #isFinal = false;
  /** What the caller had not taken when the end was waited for last. */
  #unreadBytes = Number.POSITIVE_INFINITY;
  /** When to look next. */
  #lookAtMs = 0;

  constructor(connection: Downstream, sessions: SessionFactory, origin: ConnectionOrigin) {
    const { host, entrance, localIp } = connection;
    this.#connection = connection;
    this.#startedMs = host.now;
    const { caller } = connection;
    const mayAsk = caller === null || host.cancellations.allows(caller, host.now);
    this.#calmedMax = mayAsk ? CALMED_STREAMS_MAX : 0;
    const origins = { of: () => (origin.refresh() ? origin : null) };
    this.#streams = new ServerStreams({ host, entrance, localIp, sessions }, host.heads, origins);
    this.#link = new Http2Link(SERVER_OPTIONS, host, this);
    this.#link.opened(socketOver(connection.out));
    this.#lookAfter(SETTINGS_TIMEOUT_MS);
  }

  received(bytes: Buffer): void {
    this.#link.received(bytes);
    this.#streams.serve();
    this.#endRestless();
    const nowMs = this.#connection.host.now;
    if (this.#unfinished.look(this.#link.connection, nowMs)) this.#lookAfter(this.#unfinished.dueMs - nowMs);
  }

  drained(): void {
    this.#link.drained();
    this.#leaveWhenDone();
  }

  ended(): void {
    // A caller that sends nothing more opens no window either: answers could wait for it, and hold endpoints, for minutes.
    this.#link.flush();
    this.#link.gone();
    this.#connection.close();
  }

  gone(): void {
    this.#link.gone();
  }

  quiet(_quietMs: number): number {
    const nowMs = this.#connection.host.nowMs();
    const againMs = this.#look(nowMs);
    this.#lookAtMs = nowMs + againMs;
    return againMs;
  }

  /** Ends what is overdue; answers in how many milliseconds to look again, 0 when there is nothing left to look at. */
  #look(nowMs: number): number {
    if (!this.#link.connection.isUp) return this.#overdue(nowMs, this.#startedMs + SETTINGS_TIMEOUT_MS, "settings");
    const leftMs = this.#overdue(nowMs, this.#unfinished.dueMs, this.#unfinished.what);
    if (leftMs === 0) return 0;
    const isNoticeDue = this.#goingSinceMs > 0 && !this.#isFinal;
    return Math.min(leftMs, isNoticeDue ? this.#finishNotice(nowMs) : this.#lookAtStreams(nowMs));
  }

  #lookAtStreams(nowMs: number): number {
    const sweptMs = this.#streams.sweep(nowMs);
    if (this.#streams.size > 0) return Math.max(1, sweptMs);
    const leftMs = this.#streams.lastUsedMs + IDLE_TIMEOUT_MS - nowMs;
    return leftMs > 0 ? leftMs : this.#endIdle();
  }

  /** Nothing was asked for long. A caller that reads nothing either is not waited for. */
  #endIdle(): number {
    const before = this.#unreadBytes;
    this.#unreadBytes = this.#link.queuedBytes;
    if (this.#isFinal && this.#unreadBytes >= before) {
      this.#link.gone();
      this.#connection.close();
      return 0;
    }
    this.#link.drain(true);
    this.#isFinal = true;
    this.#leaveWhenDone();
    return IDLE_TIMEOUT_MS;
  }

  drain(): void {
    if (this.#goingSinceMs > 0) return;
    this.#goingSinceMs = this.#connection.host.nowMs();
    this.#link.drain(false);
    this.#lookAfter(DRAIN_NOTICE_MS);
  }

  onRequest(stream: LinkStream): void {
    stream.credentialOwner = CALLER_OWNER;
    if (!this.#streams.take(stream)) this.drain();
    this.#endRestless();
  }

  /** Its caller has cancelled too much, and goes on asking. */
  #endRestless(): void {
    if (this.#streams.calmed > this.#calmedMax) this.#link.close(ERROR_CODE.ENHANCE_YOUR_CALM, "cancelled-requests");
  }

  onRefused(refusal: number): void {
    this.#streams.refused(refusal);
  }

  onSettings(): void {
    this.#lookAfter(IDLE_TIMEOUT_MS);
  }

  onStreamOver(): void {
    this.#leaveWhenDone();
  }

  onGoAway(): void {
    this.#goingSinceMs = this.#connection.host.now;
    this.#isFinal = true;
    this.#leaveWhenDone();
  }

  onPong(): void {
    // Nothing was asked.
  }

  onFailed(code: number, _reason: string): void {
    if (code === ERROR_CODE.ENHANCE_YOUR_CALM) this.#connection.host.stats.counter(LIMIT_COUNTER.http2_budget);
    this.#connection.close();
  }

  /** Looks again by then; sooner where that is due already. */
  #lookAfter(afterMs: number): void {
    const nowMs = this.#connection.host.now;
    if (this.#lookAtMs > nowMs && this.#lookAtMs <= nowMs + afterMs) return;
    this.#lookAtMs = nowMs + afterMs;
    this.#connection.watch(afterMs);
  }

  #overdue(nowMs: number, dueMs: number, what: keyof typeof OVERDUE): number {
    if (dueMs > nowMs) return dueMs - nowMs;
    const [counter, code] = OVERDUE[what];
    this.#connection.host.stats.counter(counter);
    this.#link.close(code, what);
    return 0;
  }

  /** A round trip after the first notice: whoever comes now was told. */
  #finishNotice(nowMs: number): number {
    const leftMs = this.#goingSinceMs + DRAIN_NOTICE_MS - nowMs;
    if (leftMs > 0) return leftMs;
    this.#isFinal = true;
    this.#link.drain(true);
    this.#leaveWhenDone();
    return IDLE_TIMEOUT_MS;
  }

  #leaveWhenDone(): void {
    if (!this.#isFinal || this.#streams.size > 0 || this.#link.isOver) return;
    this.#link.flush();
    // What the socket has not taken leaves behind it.
    if (this.#link.queuedBytes > 0) return;
    this.#link.gone();
    this.#connection.close();
  }
}

/** All requests on the connection are its caller's: so are the credentials in their answers. */
const CALLER_OWNER = 1;
