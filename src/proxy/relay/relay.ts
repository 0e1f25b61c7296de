import { Timer } from "../../base/timer-wheel.ts";
import type { EdgeStats } from "../../telemetry/edge-stats.ts";
import { LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import type { StatsWriter } from "../../telemetry/stats-writer.ts";
import type { ResponseHead } from "../../wire/http1/head.ts";
import { TUNNEL_IDLE_MS } from "../limits.ts";
import type { MessageSink } from "../message-sink.ts";
import type { Upstream, UpstreamOwner } from "../upstream/upstream.ts";

/** The caller's side of a relay. */
export interface RelayClient {
  readonly out: MessageSink;
  pauseReading(): void;
  resumeReading(): void;
  /** The relay is over. `isClean`: both directions ended by themselves; else the connection is cut. */
  relayEnded(isClean: boolean): void;
}

interface RelayHost {
  nowMs(): number;
  readonly stats: StatsWriter;
  readonly wheel: { arm(timer: Timer, nowMs: number, afterMs: number): void; remove(timer: Timer): void };
}

/**
 * Bytes both ways between a caller and an endpoint, with back-pressure both ways and half-closes passed on: TCP, CONNECT and
 * what follows a 101.
 */
export class Relay implements UpstreamOwner {
  /** Bytes from the caller. */
  sent = 0;
  /** Bytes to the caller. */
  received = 0;
  readonly #client: RelayClient;
  readonly #upstream: Upstream;
  /** The endpoint's side; a stream that is over has none any more, but what was left in it counts until the end. */
  readonly #out: MessageSink;
  readonly #edge: EdgeStats;
  readonly #timer: Timer;
  readonly #host: RelayHost;
  #clientEnded = false;
  #upstreamEnded = false;
  #isOver = false;
  #sentReported = 0;
  #receivedReported = 0;

  constructor(client: RelayClient, upstream: Upstream, edge: EdgeStats, host: RelayHost) {
    this.#client = client;
    this.#upstream = upstream;
    this.#out = upstream.out;
    this.#edge = edge;
    this.#host = host;
    this.#timer = new Timer(() => {
      host.stats.counter(LIMIT_COUNTER.tunnel_idle_timeout);
      this.cut();
    });
    upstream.lend(this);
    edge.tcpOpened();
    this.#touch();
  }

  /** Bytes from the caller; the view may be kept. */
  fromClient(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.sent += bytes.length;
    this.#touch();
    if (!this.#out.give(bytes)) this.#client.pauseReading();
  }

  clientDrained(): void {
    this.#upstream.resume();
    this.#finishWhenDone();
  }

  /** The caller sent its last byte. */
  clientEnded(): void {
    this.#clientEnded = true;
    this.#out.end();
    this.#finishWhenDone();
  }

  /** The caller's connection is gone. What it sent before its last byte still reaches the endpoint. */
  clientGone(): void {
    if (this.#clientEnded && this.#upstreamEnded) this.#finishWhenDone();
    else this.cut();
  }

  onUpstreamHead(_upstream: Upstream, _head: ResponseHead, _bytes: Buffer, _isEnd: boolean): void {
    // The one that opened the tunnel came before; another is no part of one.
    this.cut();
  }

  onUpstreamTrailers(_upstream: Upstream, _bytes: Buffer, _start: number, _end: number): void {
    this.cut();
  }

  onUpstreamData(_upstream: Upstream, bytes: Uint8Array): void {
    this.received += bytes.length;
    this.#touch();
    if (!this.#client.out.give(bytes)) this.#upstream.pause();
  }

  onUpstreamDrained(_upstream: Upstream): void {
    this.#client.resumeReading();
    this.#finishWhenDone();
  }

  onUpstreamEnded(_upstream: Upstream): void {
    this.#upstreamEnded = true;
    this.#client.out.end();
    this.#finishWhenDone();
  }

  onUpstreamClosed(_upstream: Upstream): void {
    if (!this.#upstreamEnded) {
      // A reset: what was relayed so far still reaches the caller, then it sees the cut.
      this.#finish(false);
      return;
    }
    this.#clientEnded = true;
    this.#finishWhenDone();
  }

  /** Ends it now, for good: the caller is gone, nothing moved for too long, or policy says so. */
  cut(): void {
    this.#finish(false);
  }

  /** Tells the counters what has moved since the last time. */
  report(): void {
    // Istio counts from the other end: sent is what went to the caller.
    this.#edge.tcpBytes(this.received - this.#receivedReported, this.sent - this.#sentReported);
    this.#sentReported = this.sent;
    this.#receivedReported = this.received;
  }

  #touch(): void {
    this.#host.wheel.arm(this.#timer, this.#host.nowMs(), TUNNEL_IDLE_MS);
  }

  #finishWhenDone(): void {
    const isDone = this.#clientEnded && this.#upstreamEnded;
    if (isDone && this.#client.out.queuedBytes === 0 && this.#out.queuedBytes === 0) this.#finish(true);
  }

  #finish(isClean: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#host.wheel.remove(this.#timer);
    this.#upstream.close(isClean);
    this.report();
    this.#edge.tcpClosed(0, 0);
    this.#client.relayEnded(isClean);
  }
}
