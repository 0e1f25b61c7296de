import { networkInterfaces } from "node:os";
import type { Socket } from "bun";
import { TimerWheel } from "../../base/timer-wheel.ts";
import { ConnectingSocket } from "../../kernel/connecting-socket.ts";
import { peerCredentials } from "../../kernel/peer-credentials.ts";
import type { SockDiag } from "../../kernel/sock-diag.ts";
import { fdOf } from "../../kernel/socket-fd.ts";
import { SplitRegistry } from "../../model/route/split-registry.ts";
import { COUNTER, GAUGE, LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import { LogSampler } from "../../telemetry/log-sampler.ts";
import { RandomPool } from "../../telemetry/random-pool.ts";
import type { StatsWriter } from "../../telemetry/stats-writer.ts";
import { type AskKeeper, Attestor, type Ends } from "../attest/attestor.ts";
import type { CallerIdentity } from "../caller.ts";
import type { Connection, ConnectionHost } from "../downstream/connection.ts";
import { ConnectionShares, NO_SHARE, shareOf } from "../downstream/connection-shares.ts";
import type { Entrance } from "../downstream/entrance.ts";
import type { Session } from "../downstream/session.ts";
import { Decider } from "../exchange/decide.ts";
import { Backlog } from "../http2/backlog.ts";
import { Cancellations } from "../http2/cancellations.ts";
import { FlushQueue } from "../http2/flush-queue.ts";
import { SharedHeads } from "../http2/shared-heads.ts";
import { Turns } from "../http2/turns.ts";
import { DESCRIPTOR_SHARE, DOWNSTREAM_CONNECTIONS_MAX } from "../limits.ts";
import { Mesh } from "../mesh/mesh.ts";
import { RecordStore } from "../mesh/store.ts";
import type { MetricsSource } from "../metrics-session.ts";
import { Recorder } from "../recorder.ts";
import { OpenTunnels } from "../relay/open-tunnels.ts";
import { RemoteEndpoint } from "../remote/remote-endpoint.ts";
import { RemoteStreams } from "../remote/remote-streams.ts";
import { CLOSED_SESSION, Sessions } from "../sessions.ts";
import { Tunnels, type TunnelWire } from "../tunnel/tunnels.ts";
import { type EndpointAddress, isByName } from "../upstream/endpoint.ts";
import { EndpointRegistry } from "../upstream/endpoint-registry.ts";
import { isForbiddenAddress, isOwnAddress } from "../upstream/forbidden-address.ts";
import { Passthrough } from "../upstream/passthrough.ts";
import type { EndpointHost } from "../upstream/socket-endpoint.ts";
import { type SocketUpstream, UPSTREAM_HANDLERS } from "../upstream/socket-upstream.ts";

/** Memory for heads: the largest head, what routes may add to it, and a joined body. */
const SCRATCH_BYTES = 384 * 1024;

/** What the data path tells the keeper. */
export interface KeeperWire {
  readonly ask: AskKeeper;
  readonly metrics: MetricsSource;
  endpoint(key: string, state: "up" | "down" | "listener_mismatch", reason: string): void;
  readonly tunnels: TunnelWire;
}

/** Connections on either side that a worker with so many descriptors may have. */
export function connectionsMax(descriptors: number): number {
  return Math.min(DOWNSTREAM_CONNECTIONS_MAX, Math.floor(descriptors * DESCRIPTOR_SHARE));
}

/** The data path of one worker: everything that connections share, put together. */
export class DataPath implements ConnectionHost, EndpointHost {
  readonly store = new RecordStore();
  readonly stats: StatsWriter;
  readonly wheel: TimerWheel;
  readonly random = new RandomPool((into) => crypto.getRandomValues(into));
  readonly scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  readonly tunnels = new OpenTunnels();
  readonly flushQueue = new FlushQueue((run) => void setImmediate(run));
  readonly heads = new SharedHeads();
  readonly backlog = new Backlog(() => this.stats.counter(LIMIT_COUNTER.slow_receivers));
  readonly cancellations = new Cancellations();
  readonly turns = new Turns(this.flushQueue, (run) => {
    setImmediate(() => {
      this.nowMs();
      run();
    });
  });
  /** To and from other nodes. */
  readonly nodeTunnels: Tunnels;
  readonly mesh: Mesh;
  readonly decider: Decider;
  readonly recorder: Recorder;
  readonly attestor: Attestor;
  readonly connections = new Set<Connection>();
  isDraining = false;
  upstreams = 0;
  now = performance.now();
  readonly #endpoints: EndpointRegistry;
  readonly #sessions: Sessions;
  readonly #remote: RemoteStreams;
  readonly #wire: KeeperWire;
  readonly #connectionsMax: number;
  readonly #shares: ConnectionShares;
  #wake: ReturnType<typeof setTimeout> | null = null;
  #lastClosed: (() => void) | null = null;

  /** @param connectionsMax connections of callers, and as many to endpoints. */
  constructor(stats: StatsWriter, diag: SockDiag, wire: KeeperWire, connectionsMax: number) {
    this.stats = stats;
    this.#wire = wire;
    this.#connectionsMax = connectionsMax;
    this.#shares = new ConnectionShares(connectionsMax);
    this.wheel = new TimerWheel({
      nowMs: () => this.nowMs(),
      wakeAfter: (ms, wake) => {
        if (this.#wake) clearTimeout(this.#wake);
        this.#wake = setTimeout(wake, ms);
      },
    });
    this.#endpoints = new EndpointRegistry(this);
    this.mesh = new Mesh(this.store, this.#endpoints, new SplitRegistry(() => this.random.word() / 2 ** 32));
    this.decider = new Decider(this.mesh, this, () => this.random.word());
    this.recorder = new Recorder(stats, new LogSampler(1, this.random.word()), () => Date.now());
    this.attestor = new Attestor(diag, this, wire.ask);
    this.nodeTunnels = new Tunnels({
      store: this.store,
      wheel: this.wheel,
      stats,
      links: this,
      wire: wire.tunnels,
      nowMs: () => this.nowMs(),
      wallMs: () => Date.now(),
      random: () => this.random.word() / 2 ** 32,
      ownAddresses: () => {
        const own = ownAddresses();
        return (address) => isLoopback(address) || own.has(address);
      },
    });
    const passthrough = new Passthrough(this, lookUp, ownAddresses);
    this.#sessions = new Sessions(this.tunnels, passthrough, wire.metrics);
    this.#remote = new RemoteStreams(this, this.#sessions, () => this.#judgeStreams());
    this.nodeTunnels.streams = this.#remote;
  }

  /** Reads the clock, which costs as much as a twentieth of a request: the hot path reads it once per event, see `now`. */
  nowMs(): number {
    this.now = performance.now();
    return this.now;
  }

  /** The store holds another generation: everything new is served by it from here on. */
  commit(): void {
    this.#endpoints.commit();
    this.mesh.commit();
    this.nodeTunnels.commit();
    this.recorder.sampler.setPercent(this.mesh.site.accessLogSamplePercent);
    this.stats.generation(this.mesh.generation, Date.now() / 1000);
  }

  attest(
    socket: Socket<Connection>,
    entrance: Entrance,
    answer: (caller: CallerIdentity) => void,
  ): CallerIdentity | null {
    // Callers at a Gateway or a PERMISSIVE port are outside the mesh, and nobody's identity matters to the metrics page.
    const { role } = entrance.record;
    if (role === "gateway" || role === "inbound" || role === "metrics")
      return this.attestor.unknown(socket.remoteAddress);
    return this.attestor.caller(endsOf(socket), answer);
  }

  /** To endpoints on other nodes. */
  get links(): Tunnels {
    return this.nodeTunnels;
  }

  /** What time brings: call every second or so. */
  tick(): void {
    this.nodeTunnels.tick();
    this.#remote.tick();
  }

  #judgeStreams(): void {
    const slices = this.tunnels.recheck();
    const next = (): void => {
      if (!slices.next().done) setImmediate(next);
    };
    next();
  }

  get hasDescriptor(): boolean {
    return this.upstreams < this.#connectionsMax;
  }

  reattest(caller: CallerIdentity): CallerIdentity | null {
    return this.attestor.again(caller);
  }

  opened(connection: Connection): boolean {
    if (this.connections.size >= this.#connectionsMax || this.isDraining) {
      this.stats.counter(LIMIT_COUNTER.downstream_connections);
      return false;
    }
    this.connections.add(connection);
    this.stats.counter(COUNTER.connectionsAccepted);
    this.stats.gauge(GAUGE.downstreamConnections, this.connections.size);
    return true;
  }

  closed(connection: Connection): void {
    this.connections.delete(connection);
    this.#shares.give(connection.share);
    connection.share = NO_SHARE;
    this.stats.gauge(GAUGE.downstreamConnections, this.connections.size);
    if (this.#callers === 0) this.#lastClosed?.();
  }

  begin(connection: Connection): Session {
    const share = shareOf(connection.entrance.record.role, connection.caller?.uid ?? -1);
    if (this.#shares.take(share)) {
      connection.share = share;
      return this.#sessions.begin(connection);
    }
    this.stats.counter(LIMIT_COUNTER.downstream_connections);
    queueMicrotask(() => connection.cut());
    return CLOSED_SESSION;
  }

  connect(endpoint: EndpointAddress, upstream: SocketUpstream): void {
    const common = { socket: UPSTREAM_HANDLERS, data: upstream, allowHalfOpen: true };
    const failed = (error: unknown): void => upstream.failed(error instanceof Error ? error.message : String(error));
    const { hostname, port, unix } = endpoint;
    if (unix !== "") {
      Bun.connect<SocketUpstream>({ ...common, unix }).catch(failed);
      return;
    }
    upstream.connecting = ConnectingSocket.begin(() => {
      Bun.connect<SocketUpstream>({ ...common, hostname, port }).catch(failed);
    });
  }

  verifyListener(endpoint: EndpointAddress, upstream: SocketUpstream, answer: (isOurs: boolean) => void): void {
    const workload = endpoint.workload === "" ? undefined : this.mesh.workload(endpoint.workload);
    const selectors = workload?.record.selectors ?? [];
    const { socket } = upstream;
    if (endpoint.workload === "" && socket && isByName(endpoint)) {
      // A name outside the mesh is whatever its DNS says at the moment; only an address in the documents may be our own.
      const address = socket.remoteAddress;
      answer(!isForbiddenAddress(address) && !isOwnAddress(address, ownAddresses()));
      return;
    }
    if (!workload || selectors.length === 0 || !socket) {
      answer(true);
      return;
    }
    if (endpoint.unix !== "") {
      const owner = peerCredentials(fdOf(socket));
      // Who may make a socket at that path is what the file system says; root may hand one to a service it starts.
      const isOurs = selectors.some((entry) =>
        entry.every((selector) => selector.type !== "uid" || selector.uid === owner?.uid),
      );
      answer(owner !== null && (owner.uid === 0 || isOurs));
      return;
    }
    upstream.pause();
    this.attestor.listener(workload, endsOf(socket), (isOurs) => {
      upstream.resume();
      answer(isOurs);
    });
  }

  report(endpoint: EndpointAddress, state: "up" | "down" | "listener_mismatch", reason: string): void {
    if (endpoint.workload === "") return;
    this.#wire.endpoint(endpoint instanceof RemoteEndpoint ? endpoint.reportedAs : endpoint.key, state, reason);
  }

  /** Ends every connection at its next good moment; resolves with how many had to be cut after `graceMs`. */
  drain(graceMs: number): Promise<number> {
    this.isDraining = true;
    this.nodeTunnels.drain(() => {
      if (this.#callers === 0) this.#lastClosed?.();
    });
    for (const connection of [...this.connections]) connection.session?.drain();
    return new Promise((resolve) => {
      if (this.#callers === 0) {
        resolve(0);
        return;
      }
      const timer = setTimeout(() => {
        this.stats.counter(LIMIT_COUNTER.drain_timeout, this.#callers);
        resolve(this.#callers);
      }, graceMs);
      this.#lastClosed = () => {
        clearTimeout(timer);
        resolve(0);
      };
    });
  }

  /** What a drain waits for: connections of callers, and tunnels that other nodes opened. */
  get #callers(): number {
    return this.connections.size + this.nodeTunnels.accepted.size;
  }
}

function endsOf(socket: Socket<unknown>): Ends {
  return {
    localIp: socket.localAddress,
    localPort: socket.localPort,
    remoteIp: socket.remoteAddress,
    remotePort: socket.remotePort,
    fd: fdOf(socket),
  };
}

async function lookUp(host: string): Promise<readonly string[]> {
  const answers = await Bun.dns.lookup(host);
  return answers.map((answer) => answer.address);
}

/** All of 127/8 is this machine's, though it lists one. */
function isLoopback(address: string): boolean {
  return address.startsWith("127.");
}

function ownAddresses(): ReadonlySet<string> {
  return new Set(Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)));
}
