import type { TimerWheel } from "../../base/timer-wheel.ts";
import { FLAG } from "../../model/response-flags.ts";
import type { EndpointRecord } from "../../model/snapshot.ts";
import { COUNTER, GAUGE, LIMIT_COUNTER, UPSTREAM_GAUGE } from "../../telemetry/fixed-metrics.ts";
import type { StatsWriter } from "../../telemetry/stats-writer.ts";
import {
  CONNECT_TIMEOUT_EXTERNAL_MS,
  CONNECT_TIMEOUT_MS,
  PENDING_REQUESTS_MAX,
  UPSTREAM_CONNECTIONS_MAX,
  UPSTREAM_IDLE_MAX,
  UPSTREAM_IDLE_MS,
} from "../limits.ts";
import {
  type ConnectionSettings,
  type Endpoint,
  type EndpointAddress,
  endpointAddress,
  type Waiter,
} from "./endpoint.ts";
import { CONNECT_TIMED_OUT, SocketUpstream, type UpstreamHome } from "./socket-upstream.ts";

/** How long an endpoint that refused a connection is passed over at first, and at most. Milliseconds. */
export const PENALTY_FIRST_MS = 250;
export const PENALTY_MAX_MS = 15_000;

/** What endpoints need of the worker. */
export interface EndpointHost {
  readonly wheel: TimerWheel;
  readonly stats: StatsWriter;
  nowMs(): number;
  /** When the event that is being handled came in. */
  readonly now: number;
  /** Begins to connect; ends in `upstream.opened` or `upstream.failed`. */
  connect(endpoint: EndpointAddress, upstream: SocketUpstream): void;
  /** Proves that the process at the other end is the endpoint's workload; answers once, possibly later. */
  verifyListener(endpoint: EndpointAddress, upstream: SocketUpstream, answer: (isOurs: boolean) => void): void;
  /** Connections to endpoints, open or under way; endpoints keep the count. */
  upstreams: number;
  /** Another one may be opened. */
  readonly hasDescriptor: boolean;
  /** The endpoint's health changed, for the keeper to know. */
  report(endpoint: EndpointAddress, state: "up" | "down" | "listener_mismatch", reason: string): void;
}

/** An endpoint that is spoken to over connections of its own: one request or stream each at a time. */
export class SocketEndpoint implements Endpoint, UpstreamHome {
  readonly key: string;
  readonly hostname: string;
  readonly port: number;
  /** Path of a unix socket, `""` for TCP. */
  readonly unix: string;
  /** `127.0.0.1:9001` or `unix:/run/orders.sock`. */
  readonly address: string;
  /** Key of the workload behind it, `""` outside the mesh. */
  readonly workload: string;
  /** Id of the address among the worker's interned strings. */
  readonly addressId: number;
  /** Requests that were given a connection and have not ended. */
  inFlight = 0;
  readonly #host: EndpointHost;
  /** Ready connections, the one used last at the end: it is the least likely to be stale. */
  readonly #idle: SocketUpstream[] = [];
  readonly #waiting: Waiter[] = [];
  #connections = 0;
  #connecting = 0;
  #failures = 0;
  #downUntilMs = 0;
  #isMismatched = false;
  #isRetired = false;
  #connectTimeoutMs: number;
  #connectionsMax = UPSTREAM_CONNECTIONS_MAX;
  #pendingMax = PENDING_REQUESTS_MAX;
  #idleMs = UPSTREAM_IDLE_MS;

  constructor(key: string, record: EndpointRecord, host: EndpointHost) {
    this.key = key;
    this.hostname = record.hostname ?? "";
    this.port = record.port ?? 0;
    this.unix = record.unix ?? "";
    this.workload = record.workload ?? "";
    this.address = endpointAddress(record);
    this.addressId = this.workload === "" ? 0 : host.stats.intern(this.address);
    this.#host = host;
    this.#connectTimeoutMs = defaultConnectTimeoutMs(this.workload);
  }

  configure(settings: ConnectionSettings): void {
    this.#connectTimeoutMs = settings.connectTimeoutMs ?? defaultConnectTimeoutMs(this.workload);
    this.#connectionsMax = settings.maxConnections ?? UPSTREAM_CONNECTIONS_MAX;
    this.#pendingMax = settings.maxPendingRequests ?? PENDING_REQUESTS_MAX;
    this.#idleMs = settings.idleTimeoutMs ?? UPSTREAM_IDLE_MS;
  }

  isUp(nowMs: number): boolean {
    return this.#downUntilMs <= nowMs;
  }

  get isMismatched(): boolean {
    return this.#isMismatched;
  }

  /** A connection for an exchange: a used one where there is one, else a new one, else the queue. */
  acquire(waiter: Waiter): void {
    const upstream = this.#idle.pop();
    if (upstream) {
      this.#host.stats.gaugeAdd(UPSTREAM_GAUGE.idle, -1);
      this.#host.stats.gaugeAdd(UPSTREAM_GAUGE.active, 1);
      this.inFlight++;
      waiter.onUpstreamReady(upstream);
      return;
    }
    if (this.isUnused && !this.#host.hasDescriptor) {
      // Nobody could ever hand a connection on.
      this.#host.stats.counter(LIMIT_COUNTER.descriptors);
      waiter.onUpstreamFailed(FLAG.UO, "no descriptor is left for a connection");
      return;
    }
    if (this.#waiting.length >= this.#pendingMax) {
      this.#host.stats.counter(LIMIT_COUNTER.pending_requests);
      waiter.onUpstreamFailed(FLAG.UO, "too many requests wait for a connection");
      return;
    }
    this.#waiting.push(waiter);
    this.#host.stats.gaugeAdd(GAUGE.pendingRequests, 1);
    if (this.#connecting >= this.#waiting.length) return;
    if (this.#hasRoom) this.#open();
    else this.#host.stats.counter(LIMIT_COUNTER.upstream_connections);
  }

  /** One more connection may be opened; those under way count. */
  get #hasRoom(): boolean {
    return this.#connections + this.#connecting < this.#connectionsMax && this.#host.hasDescriptor;
  }

  #firstWaiting(): Waiter | undefined {
    const waiter = this.#waiting.shift();
    if (waiter) this.#host.stats.gaugeAdd(GAUGE.pendingRequests, -1);
    return waiter;
  }

  /** Takes a waiter out of the queue; false when it was not in it. */
  withdraw(waiter: Waiter): boolean {
    const at = this.#waiting.indexOf(waiter);
    if (at < 0) return false;
    this.#waiting.splice(at, 1);
    this.#host.stats.gaugeAdd(GAUGE.pendingRequests, -1);
    return true;
  }

  onReleased(upstream: SocketUpstream): void {
    if (upstream.isClosed) return;
    this.inFlight--;
    this.#host.stats.gaugeAdd(UPSTREAM_GAUGE.active, -1);
    const waiter = this.#firstWaiting();
    if (waiter) {
      upstream.resume();
      this.#host.stats.gaugeAdd(UPSTREAM_GAUGE.active, 1);
      this.inFlight++;
      waiter.onUpstreamReady(upstream);
      return;
    }
    upstream.setIdle();
    if (this.#isRetired || this.#idle.length >= UPSTREAM_IDLE_MAX) {
      this.#host.stats.gaugeAdd(UPSTREAM_GAUGE.idle, 1);
      upstream.close();
      return;
    }
    upstream.resume();
    const idleMs =
      upstream.announcedIdleMs > 0 ? Math.min(this.#idleMs, upstream.announcedIdleMs - 1000) : this.#idleMs;
    this.#host.wheel.arm(upstream.timer, this.#host.now, Math.max(100, idleMs));
    this.#idle.push(upstream);
    this.#host.stats.gaugeAdd(UPSTREAM_GAUGE.idle, 1);
  }

  /** Nobody else will use it: connections end with their request. */
  retire(): void {
    this.#isRetired = true;
    for (const upstream of [...this.#idle]) upstream.close();
  }

  /** It has no connection and nobody waits for one. */
  get isUnused(): boolean {
    return this.#connections === 0 && this.#connecting === 0 && this.#waiting.length === 0;
  }

  onConnected(upstream: SocketUpstream): void {
    this.#host.nowMs();
    this.#connecting--;
    this.#connections++;
    this.#host.stats.gaugeAdd(UPSTREAM_GAUGE.connecting, -1);
    this.#host.stats.gaugeAdd(UPSTREAM_GAUGE.idle, 1);
    this.#host.stats.counter(COUNTER.upstreamOpened);
    this.#host.verifyListener(this, upstream, (isOurs) => this.#verified(upstream, isOurs));
  }

  onConnectFailed(_upstream: SocketUpstream, error: string): void {
    this.#connecting--;
    this.#host.upstreams--;
    this.#host.stats.gaugeAdd(UPSTREAM_GAUGE.connecting, -1);
    this.#host.stats.counter(COUNTER.upstreamFailed);
    if (error === CONNECT_TIMED_OUT) this.#host.stats.counter(LIMIT_COUNTER.connect_timeout);
    this.penalise(error);
    this.#failWaiting(FLAG.UF, error);
  }

  onClosed(upstream: SocketUpstream): void {
    this.#connections--;
    this.#host.upstreams--;
    const at = this.#idle.indexOf(upstream);
    if (at >= 0) this.#idle.splice(at, 1);
    // A connection that no request has is idle, whether or not it came to stand in the list.
    const wasIdle = at >= 0 || upstream.wasIdleAtClose;
    if (!wasIdle) this.inFlight--;
    this.#host.stats.gaugeAdd(wasIdle ? UPSTREAM_GAUGE.idle : UPSTREAM_GAUGE.active, -1);
    if (upstream.uses === 0 && this.#waiting.length > 0) {
      // It was gone before it could be used: for whoever waits that is no better than a refusal.
      this.penalise("closed at once");
      this.#failWaiting(FLAG.UF, "the endpoint closed the connection at once");
    } else if (this.#waiting.length > this.#connecting && this.#hasRoom) this.#open();
  }

  onIdleTooLong(upstream: SocketUpstream): void {
    upstream.close();
  }

  #verified(upstream: SocketUpstream, isOurs: boolean): void {
    if (upstream.isClosed) return;
    if (!isOurs) {
      this.#isMismatched = true;
      this.penalise("the listening process is not the workload");
      this.#host.report(
        this,
        "listener_mismatch",
        `the process that listens on ${this.address} is not ${this.workload}`,
      );
      this.#failWaiting(FLAG.LISTENER_MISMATCH, "the listening process is not the workload");
      upstream.close();
      return;
    }
    if (this.#failures > 0 || this.#isMismatched) this.#host.report(this, "up", "");
    this.#failures = 0;
    this.#downUntilMs = 0;
    this.#isMismatched = false;
    // As if an owner gave it back: to the first who waits, else to the idle ones.
    this.inFlight++;
    this.#host.stats.gaugeAdd(UPSTREAM_GAUGE.idle, -1);
    this.#host.stats.gaugeAdd(UPSTREAM_GAUGE.active, 1);
    this.onReleased(upstream);
  }

  #open(): void {
    this.#connecting++;
    this.#host.upstreams++;
    this.#host.stats.gaugeAdd(UPSTREAM_GAUGE.connecting, 1);
    const upstream = new SocketUpstream(this);
    this.#host.wheel.arm(upstream.timer, this.#host.nowMs(), this.#connectTimeoutMs);
    this.#host.connect(this, upstream);
  }

  /** Passes it over for a while. */
  penalise(reason: string): void {
    if (this.#failures === 0 && !this.#isMismatched) this.#host.report(this, "down", reason);
    this.#failures++;
    const penaltyMs = Math.min(PENALTY_FIRST_MS * 2 ** Math.min(this.#failures - 1, 10), PENALTY_MAX_MS);
    this.#downUntilMs = this.#host.nowMs() + penaltyMs;
  }

  /** One failed connection fails those who cannot be served by another one that is under way. */
  #failWaiting(flag: number, reason: string): void {
    while (this.#waiting.length > this.#connecting) {
      const waiter = this.#firstWaiting()!;
      waiter.onUpstreamFailed(flag, reason);
      if (this.#connections > 0 && flag === FLAG.UF) return;
    }
  }
}

function defaultConnectTimeoutMs(workload: string): number {
  return workload === "" ? CONNECT_TIMEOUT_EXTERNAL_MS : CONNECT_TIMEOUT_MS;
}
