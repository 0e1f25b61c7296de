import { Timer, type TimerWheel } from "../../base/timer-wheel.ts";
import { LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import type { StatsWriter } from "../../telemetry/stats-writer.ts";
import { TABLE_BYTES_DEFAULT } from "../../wire/hpack/limits.ts";
import { ROLE } from "../../wire/http2/connection-state.ts";
import { ANSWER_BUDGETS } from "../../wire/http2/limits.ts";
import { ERROR_CODE } from "../../wire/http2/protocol.ts";
import type { Upstream, UpstreamOwner } from "../upstream/upstream.ts";
import { ClientStream, type ClientStreamHome } from "./client-stream.ts";
import {
  ENDPOINT_PING_AFTER_MS,
  ENDPOINT_PONG_TIMEOUT_MS,
  SETTINGS_TIMEOUT_MS,
  SHARED_CONNECTION_WINDOW_BYTES,
  SHARED_STREAM_WINDOW_BYTES,
  STREAM_ID_WORN,
} from "./limits.ts";
import { Http2Link, type LinkHost } from "./link.ts";
import type { LinkHandler } from "./link-handler.ts";
import { socketOver } from "./socket-over.ts";

/** What we tell an endpoint that we speak HTTP/2 to. It opens no streams: there is no push. */
export const CLIENT_OPTIONS = {
  role: ROLE.CLIENT,
  streamsMax: 0,
  streamWindowBytes: SHARED_STREAM_WINDOW_BYTES,
  connectionWindowBytes: SHARED_CONNECTION_WINDOW_BYTES,
  creditsOnReceipt: true,
  tableBytes: TABLE_BYTES_DEFAULT,
  allowsWebsocket: false,
  unlimited: ANSWER_BUDGETS,
};

/** What a connection needs of its endpoint. */
export interface EndpointLinkHome {
  readonly host: LinkHost & { readonly wheel: TimerWheel; readonly stats: StatsWriter; nowMs(): number };
  /** How long a connection without a stream is kept, milliseconds. */
  readonly idleMs: number;
  /** The first settings have come: streams can be opened. */
  onUp(link: EndpointLink): void;
  /** There may be room for another stream. */
  onRoom(link: EndpointLink): void;
  /** It takes no new streams; those that are open go on. */
  onGoing(link: EndpointLink): void;
  /** It is over. `reason`: why, where it had not been up yet; else `""`. */
  onOver(link: EndpointLink, reason: string): void;
  onStreamReleased(): void;
}

/** One HTTP/2 connection to an endpoint. Ends by itself when it has been idle, or silent, for too long. */
export class EndpointLink implements UpstreamOwner, LinkHandler, ClientStreamHome {
  readonly link: Http2Link;
  readonly #home: EndpointLinkHome;
  readonly #socket: Upstream;
  readonly #timer: Timer;
  #isUp = false;
  #isOver = false;
  #opened = 0;
  #idleSinceMs: number;
  /** When a sign of life was asked for; 0 = it was not. */
  #askedAtMs = 0;

  /** @param socket a connection that is there, and verified; the link's from now on. */
  constructor(home: EndpointLinkHome, socket: Upstream) {
    this.#home = home;
    this.#socket = socket;
    this.#idleSinceMs = home.host.now;
    this.#timer = new Timer(() => this.#onTimer());
    this.link = new Http2Link(CLIENT_OPTIONS, home.host, this);
    socket.lend(this);
    this.link.opened(socketOver(socket.out));
    this.#watch(SETTINGS_TIMEOUT_MS);
  }

  /** A stream for one request, or `null` where there is no room. */
  open(): ClientStream | null {
    const stream = ClientStream.open(this.link, this, this.#opened + 1);
    if (stream) {
      if (this.link.streamCount === 1) this.#watch(ENDPOINT_PING_AFTER_MS);
      this.#opened++;
    }
    return stream;
  }

  /** Nobody will open another stream: it ends with those that are open. */
  retire(): void {
    if (this.#isOver) return;
    this.link.drain(true);
    this.#home.onGoing(this);
    this.#leaveWhenDone();
  }

  onUpstreamHead(): void {
    // A socket has no heads.
  }

  onUpstreamTrailers(): void {
    // Nor trailers.
  }

  onUpstreamData(_upstream: Upstream, bytes: Uint8Array): void {
    this.#home.host.nowMs();
    this.link.received(bytes as Buffer);
  }

  onUpstreamDrained(_upstream: Upstream): void {
    this.link.drained();
  }

  onUpstreamEnded(upstream: Upstream): void {
    upstream.close(true);
    this.#over("the endpoint closed the connection");
  }

  onUpstreamClosed(_upstream: Upstream): void {
    this.#over("the endpoint closed the connection");
  }

  onStreamReleased(_stream: ClientStream): void {
    this.#home.onStreamReleased();
  }

  onRequest(): void {
    // Endpoints open no streams.
  }

  onRefused(): void {
    // For servers alone.
  }

  onSettings(): void {
    if (this.#isUp) {
      this.#home.onRoom(this);
      return;
    }
    this.#isUp = true;
    this.#watch(this.#home.idleMs);
    this.#home.onUp(this);
  }

  onStreamOver(): void {
    if (this.link.streamCount === 0) {
      this.#idleSinceMs = this.#home.host.now;
      this.#askedAtMs = 0;
      this.#watch(this.#home.idleMs);
    }
    if (this.link.connection.nextId > STREAM_ID_WORN && !this.link.isGoing) this.retire();
    this.#home.onRoom(this);
    this.#leaveWhenDone();
  }

  onGoAway(): void {
    this.#home.onGoing(this);
    this.#leaveWhenDone();
  }

  onPong(): void {
    this.#askedAtMs = 0;
  }

  onFailed(_code: number, reason: string): void {
    this.#socket.close();
    this.#over(`HTTP/2: ${reason}`);
  }

  #leaveWhenDone(): void {
    if (this.#isOver || !this.link.isGoing || this.link.streamCount > 0) return;
    this.link.flush();
    this.#socket.close(true);
    this.#over("the endpoint takes no requests");
  }

  #onTimer(): void {
    const { host, idleMs } = this.#home;
    const nowMs = host.nowMs();
    if (!this.#isUp) {
      host.stats.counter(LIMIT_COUNTER.http2_settings_timeout);
      this.link.close(ERROR_CODE.SETTINGS_TIMEOUT, "no-settings");
    } else if (this.link.streamCount === 0) {
      const leftMs = this.#idleSinceMs + idleMs - nowMs;
      if (leftMs > 0) this.#watch(leftMs);
      else this.retire();
    } else this.#lookForLife(nowMs);
  }

  #lookForLife(nowMs: number): void {
    if (this.#askedAtMs > 0 && this.link.lastReadMs < this.#askedAtMs) {
      this.link.close(ERROR_CODE.NO_ERROR, "silent");
      return;
    }
    const leftMs = this.link.lastReadMs + ENDPOINT_PING_AFTER_MS - nowMs;
    if (leftMs > 0) {
      this.#askedAtMs = 0;
      this.#watch(leftMs);
      return;
    }
    this.#askedAtMs = nowMs;
    this.link.ping(0, 0);
    this.#watch(ENDPOINT_PONG_TIMEOUT_MS);
  }

  #watch(afterMs: number): void {
    const { host } = this.#home;
    // Renewing to an earlier time has to move the timer.
    host.wheel.arm(this.#timer, host.now, afterMs);
  }

  #over(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#home.host.wheel.remove(this.#timer);
    this.link.gone();
    this.#home.onOver(this, this.#isUp ? "" : reason);
  }
}
