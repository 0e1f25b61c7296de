import { Timer } from "../../base/timer-wheel.ts";
import { fdOf } from "../../kernel/socket-fd.ts";
import { limitUnsentBytes } from "../../kernel/unsent-bytes.ts";
import { LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import type { ConnectionOptions } from "../../wire/http2/connection-state.ts";
import { ERROR_CODE } from "../../wire/http2/protocol.ts";
import { STREAM_ID_WORN, TUNNEL_UNSENT_BYTES } from "../http2/limits.ts";
import { Http2Link } from "../http2/link.ts";
import type { LinkHandler } from "../http2/link-handler.ts";
import type { LinkStream } from "../http2/link-stream.ts";
import { Unfinished } from "../http2/unfinished.ts";
import { KeepAlive } from "./keep-alive.ts";
import { DRAIN_LINGER_MS, GOAWAY_GAP_MS } from "./limits.ts";
import type { TunnelEnd, TunnelEndEvents } from "./tunnel-end.ts";
import type { TunnelHost } from "./tunnel-host.ts";
import type { TunnelSession } from "./tunnel-session.ts";

/** What both ends of a tunnel have in common: HTTP/2 on the session, signs of life, and how it ends. */
export abstract class TunnelCore implements TunnelEnd, LinkHandler {
  readonly session: TunnelSession;
  readonly link: Http2Link;
  protected readonly host: TunnelHost;
  protected readonly keepAlive: KeepAlive;
  readonly #events: TunnelEndEvents;
  readonly #isServer: boolean;
  readonly #final: Timer;
  readonly #linger: Timer;
  readonly #unfinished = new Unfinished();
  readonly #overdue: Timer;
  #isDraining = false;
  #isUp = false;
  #reason = "";

  constructor(
    host: TunnelHost,
    session: TunnelSession,
    events: TunnelEndEvents,
    options: ConnectionOptions,
    idleMs: number,
    isServer: boolean,
  ) {
    this.host = host;
    this.session = session;
    this.#events = events;
    this.#isServer = isServer;
    this.link = new Http2Link(options, host.links, this);
    this.keepAlive = new KeepAlive(
      host.wheel,
      () => host.nowMs(),
      this.link,
      idleMs,
      () => this.close("dead_peer"),
    );
    this.#final = new Timer(() => {
      this.link.drain(true);
      this.#endWhenEmpty();
    });
    this.#linger = new Timer(() => this.#finish());
    this.#overdue = new Timer(() => this.#endOverdue());
  }

  get streams(): number {
    return this.link.streamCount;
  }

  /** It takes no new streams any more. */
  get isGoing(): boolean {
    return this.link.isGoing;
  }

  get isWorn(): boolean {
    return this.link.connection.nextId > STREAM_ID_WORN;
  }

  start(): void {
    const { socket } = this.session.connection;
    if (socket === null) return;
    limitUnsentBytes(fdOf(socket), TUNNEL_UNSENT_BYTES);
    this.link.opened(socket);
    // Not in the same turn's flush: what is said first should arrive first.
    this.link.flushQuietly();
    this.keepAlive.start();
  }

  received(bytes: Buffer): void {
    const nowMs = this.host.nowMs();
    this.link.received(bytes);
    if (this.#unfinished.look(this.link.connection, nowMs)) this.#watchUnfinished(nowMs);
  }

  /** The timer is left where it is for every frame but the first: most of them end a moment later. */
  #watchUnfinished(nowMs: number): void {
    const { dueMs } = this.#unfinished;
    const { deadlineMs } = this.#overdue;
    if (this.link.isOver || (deadlineMs > 0 && deadlineMs <= dueMs)) return;
    this.host.wheel.arm(this.#overdue, nowMs, dueMs - nowMs);
  }

  #endOverdue(): void {
    const nowMs = this.host.nowMs();
    const { dueMs, what } = this.#unfinished;
    if (dueMs > nowMs) {
      if (dueMs < Number.POSITIVE_INFINITY) this.#watchUnfinished(nowMs);
      return;
    }
    const reason = `${what}_timeout` as const;
    this.host.stats.counter(LIMIT_COUNTER[reason]);
    this.close(reason);
  }

  drained(): void {
    this.host.nowMs();
    this.link.drained();
    if (this.#isDraining) this.#endWhenEmpty();
  }

  gone(reason: string): void {
    this.keepAlive.stop();
    this.host.wheel.remove(this.#final);
    this.host.wheel.remove(this.#linger);
    this.host.wheel.remove(this.#overdue);
    this.link.gone();
    this.over(this.#reason === "" ? reason : this.#reason);
    this.#events.gone(this.#reason === "" ? reason : this.#reason);
  }

  drain(): void {
    if (this.#isDraining || this.link.isOver) return;
    this.#isDraining = true;
    // A server says twice that it goes, because requests may be on their way to it; a client knows what it has sent.
    this.link.drain(!this.#isServer);
    if (this.#isServer) this.host.wheel.arm(this.#final, this.host.nowMs(), GOAWAY_GAP_MS);
    else this.#endWhenEmpty();
  }

  close(reason: string): void {
    if (this.#reason !== "") return;
    this.#reason = reason;
    this.link.close(ERROR_CODE.NO_ERROR, reason);
    this.session.connection.cut(reason);
  }

  abstract onRequest(stream: LinkStream, isEnd: boolean): void;
  abstract onRefused(refusal: number): void;

  /** Nothing of it is left; called once. */
  protected abstract over(reason: string): void;
  /** A stream ended: there may be room for another one. */
  protected abstract roomier(): void;

  onSettings(): void {
    if (!this.#isUp) {
      this.#isUp = true;
      this.#events.up();
    }
    this.roomier();
  }

  onStreamOver(): void {
    this.roomier();
    if (this.#isDraining) this.#endWhenEmpty();
  }

  onGoAway(): void {
    this.#events.going();
  }

  onPong(): void {
    // Whatever arrives is a sign of life.
  }

  onFailed(_code: number, reason: string): void {
    if (this.#reason === "") this.#reason = reason;
    this.session.connection.cut(this.#reason);
  }

  /** Closes once nothing is under way in either direction. */
  #endWhenEmpty(): void {
    if (this.link.streamCount > 0 || this.link.isOver || this.#final.deadlineMs > 0) return;
    this.link.flushQuietly();
    if (this.link.queuedBytes > 0) return;
    // Whoever closes while the other still sends, a window or a ping, has its last bytes thrown away there: clients have them all
    // when their streams are over, servers wait until the client closes.
    if (!this.#isServer) this.#finish();
    else if (this.#linger.deadlineMs === 0) this.host.wheel.arm(this.#linger, this.host.nowMs(), DRAIN_LINGER_MS);
  }

  #finish(): void {
    if (this.#reason === "") this.#reason = "drained";
    this.session.connection.finish("drained");
  }
}
