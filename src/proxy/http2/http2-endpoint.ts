import { FLAG } from "../../model/response-flags.ts";
import type { EndpointRecord } from "../../model/snapshot.ts";
import { GAUGE, LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import { OWNER } from "../../wire/hpack/encoder.ts";
import { PENDING_REQUESTS_MAX, UPSTREAM_CONNECTIONS_MAX } from "../limits.ts";
import type { ConnectionSettings, Endpoint, Waiter } from "../upstream/endpoint.ts";
import { type EndpointHost, SocketEndpoint } from "../upstream/socket-endpoint.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { EndpointLink, type EndpointLinkHome } from "./endpoint-link.ts";
import { ENDPOINT_LINK_IDLE_MS, ENDPOINT_LINKS_MAX } from "./limits.ts";
import type { LinkHost } from "./link.ts";

/** What endpoints that speak HTTP/2 need of the worker. */
export interface Http2EndpointHost extends EndpointHost, LinkHost {
  readonly now: number;
}

/**
 * An endpoint that speaks HTTP/2 with prior knowledge: all requests share one connection, and there is another only when its
 * streams are used up. Connections are made, verified and judged as those of any endpoint.
 */
export class Http2Endpoint implements Endpoint, EndpointLinkHome, Waiter {
  readonly host: Http2EndpointHost;
  inFlight = 0;
  idleMs = ENDPOINT_LINK_IDLE_MS;
  readonly #sockets: SocketEndpoint;
  /** Those that are up and take streams, the one to use first at the front. */
  readonly #links: EndpointLink[] = [];
  /** Those that are not up yet, or take no more streams. */
  readonly #others = new Set<EndpointLink>();
  readonly #waiting: Waiter[] = [];
  /** Numbers of the workloads that call, for the compression of their credentials. */
  readonly #owners = new Map<string, number>();
  /** A connection is being made, or has not said its settings. */
  #isOpening = false;
  #isRetired = false;
  #linksMax = ENDPOINT_LINKS_MAX;
  #pendingMax = PENDING_REQUESTS_MAX;

  constructor(key: string, record: EndpointRecord, host: Http2EndpointHost) {
    this.host = host;
    this.#sockets = new SocketEndpoint(key, record, host);
  }

  get key(): string {
    return this.#sockets.key;
  }
  get hostname(): string {
    return this.#sockets.hostname;
  }
  get port(): number {
    return this.#sockets.port;
  }
  get unix(): string {
    return this.#sockets.unix;
  }
  get address(): string {
    return this.#sockets.address;
  }
  get workload(): string {
    return this.#sockets.workload;
  }
  get addressId(): number {
    return this.#sockets.addressId;
  }
  get isMismatched(): boolean {
    return this.#sockets.isMismatched;
  }
  get isUnused(): boolean {
    return this.#sockets.isUnused && this.#waiting.length === 0;
  }

  isUp(nowMs: number): boolean {
    return this.#sockets.isUp(nowMs);
  }

  configure(settings: ConnectionSettings): void {
    this.#sockets.configure(settings);
    this.#linksMax = Math.min(settings.maxConnections ?? UPSTREAM_CONNECTIONS_MAX, ENDPOINT_LINKS_MAX);
    this.#pendingMax = settings.maxPendingRequests ?? PENDING_REQUESTS_MAX;
    this.idleMs = settings.idleTimeoutMs ?? ENDPOINT_LINK_IDLE_MS;
  }

  acquire(waiter: Waiter): void {
    if (this.#waiting.length === 0 && this.#give(waiter)) return;
    if (this.#waiting.length >= this.#pendingMax) {
      this.host.stats.counter(LIMIT_COUNTER.pending_requests);
      waiter.onUpstreamFailed(FLAG.UO, "too many requests wait for a stream");
      return;
    }
    this.#waiting.push(waiter);
    this.host.stats.gaugeAdd(GAUGE.pendingRequests, 1);
    this.#openWhereWanted();
  }

  withdraw(waiter: Waiter): boolean {
    const at = this.#waiting.indexOf(waiter);
    if (at < 0) return false;
    this.#waiting.splice(at, 1);
    this.host.stats.gaugeAdd(GAUGE.pendingRequests, -1);
    return true;
  }

  retire(): void {
    this.#isRetired = true;
    this.#sockets.retire();
    for (const link of [...this.#links]) if (link.link.streamCount === 0) link.retire();
  }

  /** A connection for a link is there. */
  onUpstreamReady(upstream: Upstream): void {
    this.#others.add(new EndpointLink(this, upstream));
  }

  /** A connection for a link could not be had. */
  onUpstreamFailed(flag: number, reason: string): void {
    this.#isOpening = false;
    this.#failWaiting(flag, reason);
  }

  onUp(link: EndpointLink): void {
    this.#isOpening = false;
    this.#others.delete(link);
    this.#links.push(link);
    this.#serveWaiting();
  }

  onRoom(_link: EndpointLink): void {
    this.#serveWaiting();
  }

  onGoing(link: EndpointLink): void {
    this.#remove(link);
    this.#others.add(link);
    this.#openWhereWanted();
  }

  onOver(link: EndpointLink, reason: string): void {
    this.#remove(link);
    this.#others.delete(link);
    if (reason === "") {
      this.#openWhereWanted();
      return;
    }
    this.#isOpening = false;
    this.#sockets.penalise(reason);
    this.#failWaiting(FLAG.UF, reason);
  }

  onStreamReleased(): void {
    this.inFlight--;
  }

  #remove(link: EndpointLink): void {
    const at = this.#links.indexOf(link);
    if (at >= 0) this.#links.splice(at, 1);
  }

  /** Gives a stream of the first connection that has room. */
  #give(waiter: Waiter): boolean {
    for (const link of this.#links) {
      const stream = link.open();
      if (!stream) continue;
      this.inFlight++;
      stream.out.credentialOwner = this.#ownerOf(waiter);
      stream.out.debtor = waiter.speaker ?? "";
      waiter.onUpstreamReady(stream);
      if (this.#isRetired) link.retire();
      return true;
    }
    return false;
  }

  /** Nobody's credentials may be found out by what another's heads weigh: each caller's are compressed for itself. */
  #ownerOf(waiter: Waiter): number {
    const { speaker } = waiter;
    if (speaker === undefined || speaker === "") return OWNER.NOBODY;
    let owner = this.#owners.get(speaker);
    if (owner === undefined) {
      owner = this.#owners.size + 1;
      this.#owners.set(speaker, owner);
    }
    return owner;
  }

  #serveWaiting(): void {
    for (let waiter = this.#waiting[0]; waiter; waiter = this.#waiting[0]) {
      const isRoom = this.#links.some(({ link }) => link.hasRoom);
      if (!isRoom) break;
      this.withdraw(waiter);
      this.#give(waiter);
    }
    this.#openWhereWanted();
  }

  #openWhereWanted(): void {
    if (this.#waiting.length === 0 || this.#isOpening) return;
    if (this.#links.length >= this.#linksMax) {
      this.host.stats.counter(LIMIT_COUNTER.upstream_connections);
      return;
    }
    this.#isOpening = true;
    this.#sockets.acquire(this);
  }

  #failWaiting(flag: number, reason: string): void {
    // Those that are added meanwhile are for the next connection.
    for (const waiter of this.#waiting.splice(0)) {
      this.host.stats.gaugeAdd(GAUGE.pendingRequests, -1);
      waiter.onUpstreamFailed(flag, reason);
    }
  }
}
