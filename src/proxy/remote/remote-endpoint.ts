import type { TimerWheel } from "../../base/timer-wheel.ts";
import { FLAG } from "../../model/response-flags.ts";
import type { EndpointRecord } from "../../model/snapshot.ts";
import { COUNTER, GAUGE, LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import type { StatsWriter } from "../../telemetry/stats-writer.ts";
import { CONNECT_TIMEOUT_MS, PENDING_REQUESTS_MAX } from "../limits.ts";
import { NO_HANDLE } from "../tunnel/sent-proofs.ts";
import {
  type ConnectionSettings,
  type Endpoint,
  type EndpointAddress,
  endpointAddress,
  type Waiter,
} from "../upstream/endpoint.ts";
import { PENALTY_FIRST_MS, PENALTY_MAX_MS } from "../upstream/socket-endpoint.ts";
import { assign, Crossing, handleNow, type Links } from "./crossing.ts";
import { RemoteUpstream } from "./remote-upstream.ts";

/** What endpoints on other nodes need of the worker. */
export interface RemoteEndpointHost {
  readonly wheel: TimerWheel;
  readonly stats: StatsWriter;
  nowMs(): number;
  readonly links: Links;
  /** The endpoint's health changed, for the keeper to know. */
  report(endpoint: EndpointAddress, state: "up" | "down" | "listener_mismatch", reason: string): void;
}

/**
 * An endpoint on another node, reached by the tunnel to it. Whether it is up that node tells with its answers; while the tunnel
 * is down none of its endpoints is.
 */
export class RemoteEndpoint implements Endpoint {
  readonly key: string;
  readonly hostname: string;
  readonly port: number;
  readonly unix: string;
  /** As its own node sees it. */
  readonly address: string;
  readonly workload: string;
  readonly addressId: number;
  /** Name of the node. */
  readonly node: string;
  /** As operators know it: `workload|node/address`. */
  readonly reportedAs: string;
  inFlight = 0;
  isMismatched = false;
  readonly #host: RemoteEndpointHost;
  readonly #waiting = new Map<Waiter, Crossing>();
  readonly #over = (): void => {
    this.inFlight--;
  };
  #failures = 0;
  #downUntilMs = 0;
  #connectTimeoutMs = CONNECT_TIMEOUT_MS;
  #pendingMax = PENDING_REQUESTS_MAX;

  constructor(key: string, record: EndpointRecord, host: RemoteEndpointHost) {
    this.key = key;
    this.hostname = record.hostname ?? "";
    this.port = record.port ?? 0;
    this.unix = record.unix ?? "";
    this.workload = record.workload ?? "";
    this.node = record.node ?? "";
    this.address = endpointAddress(record);
    const place = `${this.node}/${this.address}`;
    this.addressId = host.stats.intern(place);
    this.reportedAs = `${this.workload}|${place}`;
    this.#host = host;
  }

  isUp(nowMs: number): boolean {
    return this.#downUntilMs <= nowMs && this.#host.links.link(this.node) !== null;
  }

  get isUnused(): boolean {
    return this.inFlight === 0 && this.#waiting.size === 0;
  }

  configure(settings: ConnectionSettings): void {
    this.#connectTimeoutMs = settings.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    this.#pendingMax = settings.maxPendingRequests ?? PENDING_REQUESTS_MAX;
  }

  acquire(waiter: Waiter): void {
    const { stats } = this.#host;
    if (waiter.speaker === undefined) throw new TypeError("nobody crosses nodes without saying who calls");
    if (this.#waiting.size >= this.#pendingMax) {
      stats.counter(LIMIT_COUNTER.pending_requests);
      waiter.onUpstreamFailed(FLAG.UO, "too many requests wait for the tunnel");
      return;
    }
    if (this.#acquireAtOnce(waiter, waiter.speaker)) return;
    const upstream = new RemoteUpstream(this.#over);
    const crossing = new Crossing(this.#host, this.#host.links, this.node, waiter.speaker, upstream, {
      opened: (stream, handle, link) => {
        this.#leaveQueue(waiter);
        this.inFlight++;
        upstream.opened(stream, handle, link);
        waiter.onUpstreamReady(upstream);
      },
      failed: (flag, reason) => {
        this.#leaveQueue(waiter);
        stats.counter(COUNTER.upstreamFailed);
        waiter.onUpstreamFailed(flag, reason);
      },
    });
    crossing.begin(this.#connectTimeoutMs);
    if (crossing.isOver) return;
    this.#waiting.set(waiter, crossing);
    stats.gaugeAdd(GAUGE.pendingRequests, 1);
  }

  /** Nearly always the tunnel is up and the caller has proven itself: then nothing has to be kept. False: nothing was done. */
  #acquireAtOnce(waiter: Waiter, speaker: string): boolean {
    const { links } = this.#host;
    const link = links.link(this.node);
    const handle = link === null ? NO_HANDLE.NO_ROOM : handleNow(links, link, speaker);
    if (link === null || handle < 0) return false;
    const upstream = new RemoteUpstream(this.#over);
    const stream = link.openStream(upstream);
    if (stream === null) return false;
    assign(stream, handle, speaker);
    this.inFlight++;
    upstream.opened(stream, handle, link);
    waiter.onUpstreamReady(upstream);
    return true;
  }

  withdraw(waiter: Waiter): boolean {
    const crossing = this.#waiting.get(waiter);
    if (!crossing) return false;
    this.#leaveQueue(waiter);
    crossing.cancel();
    return true;
  }

  retire(): void {
    // Its streams end by themselves, and it has nothing else.
  }

  /** What its node says of it: 0, or the flag under which that node answered in its stead. Position in RESPONSE_FLAGS. */
  answered(flag: number): void {
    const isMismatched = flag === FLAG.LISTENER_MISMATCH;
    if (isMismatched || flag === FLAG.UH || flag === FLAG.UF) this.#penalise(isMismatched);
    else if (this.#failures > 0) {
      this.#failures = 0;
      this.#downUntilMs = 0;
      this.isMismatched = false;
      this.#host.report(this, "up", "");
    }
  }

  #penalise(isMismatched: boolean): void {
    const isNew = this.#failures === 0 || isMismatched !== this.isMismatched;
    if (isNew) this.#host.report(this, isMismatched ? "listener_mismatch" : "down", `node ${this.node} says so`);
    this.isMismatched = isMismatched;
    this.#failures++;
    const penaltyMs = Math.min(PENALTY_FIRST_MS * 2 ** Math.min(this.#failures - 1, 10), PENALTY_MAX_MS);
    this.#downUntilMs = this.#host.nowMs() + penaltyMs;
  }

  #leaveQueue(waiter: Waiter): void {
    if (this.#waiting.delete(waiter)) this.#host.stats.gaugeAdd(GAUGE.pendingRequests, -1);
  }
}
