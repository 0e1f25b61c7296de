/** A node's tunnels within the test, spoken to as its keeper would; several of them make a site on loopback addresses. */
import { TimerWheel } from "../../src/base/timer-wheel.ts";
import { type BanList, withBan } from "../../src/identity/bans.ts";
import type {
  ListenerRecord,
  NodeRecord,
  SiteRecord,
  SnapshotRecord,
  WorkloadRecord,
} from "../../src/model/snapshot.ts";
import { Backlog } from "../../src/proxy/http2/backlog.ts";
import { FlushQueue } from "../../src/proxy/http2/flush-queue.ts";
import { SharedHeads } from "../../src/proxy/http2/shared-heads.ts";
import { RecordStore } from "../../src/proxy/mesh/store.ts";
import type { KeeperQuestion } from "../../src/proxy/tunnel/keeper-relay.ts";
import type { RefusalReport } from "../../src/proxy/tunnel/refusal-reports.ts";
import { NO_TUNNEL_STREAMS, type TunnelStreams } from "../../src/proxy/tunnel/stream-handler.ts";
import type { TunnelState } from "../../src/proxy/tunnel/tunnel-host.ts";
import type { TunnelLink } from "../../src/proxy/tunnel/tunnel-link.ts";
import { Tunnels } from "../../src/proxy/tunnel/tunnels.ts";
import type { ListenerOutcome } from "../../src/proxy/worker/listeners.ts";
import { type CounterId, LIMIT_COUNTER } from "../../src/telemetry/fixed-metrics.ts";
import { TO_WORKER } from "../../src/wire/channel/frames.ts";
import type { ToWorkerFrame } from "../../src/wire/channel/to-worker-frame.ts";
import type { TestWorkload } from "./tunnel-identities.ts";
import { until } from "./until.ts";

/** Who makes certificates for the nodes of a test. */
export interface TunnelAuthority {
  readonly trustDomain: string;
  trustFrame(nowMs: number): Extract<ToWorkerFrame, { type: typeof TO_WORKER.TRUST }>;
  keyFrames(node: string, workloads: readonly TestWorkload[]): Promise<readonly ToWorkerFrame[]>;
}

/** Where another node is, and what runs there. */
export interface TunnelPlace {
  readonly name: string;
  readonly hostname?: string;
  readonly port?: number;
  /** Keys of WorkloadRecords. */
  readonly workloads?: readonly string[];
}

/** One node. Dispose of it. */
export class TunnelNode implements Disposable {
  readonly name: string;
  readonly identities: TunnelAuthority;
  readonly tunnels: Tunnels;
  readonly refused: RefusalReport[] = [];
  readonly states: TunnelState[] = [];
  readonly listening: ListenerOutcome[] = [];
  readonly questions: { readonly requestId: number; readonly question: KeeperQuestion }[] = [];
  readonly counted = new Map<CounterId, number>();
  /** Added to the clock that the node believes in. */
  skewMs = 0;
  /** Added to the machine's clock as the node's transport sees it; TLS itself goes by the real one. */
  wallSkewMs = 0;
  hasKeeper = true;
  /** What jitter is drawn from: from 0 up to 1. */
  random: () => number = Math.random;
  /** IP addresses of the machine, where the test says which; `null`: all. */
  addresses: ReadonlySet<string> | null = null;
  readonly #store = new RecordStore();
  #wake: ReturnType<typeof setTimeout> | null = null;
  #wakeNow = (): void => undefined;
  #passedMs = 0;
  #generation = 0;

  constructor(identities: TunnelAuthority, name: string) {
    this.identities = identities;
    this.name = name;
    const links = {
      now: performance.now(),
      flushQueue: new FlushQueue((run) => void setImmediate(run)),
      heads: new SharedHeads(),
      backlog: new Backlog(() => void this.counted.set(LIMIT_COUNTER.slow_receivers, this.slowReceivers + 1)),
    };
    const nowMs = (): number => {
      links.now = performance.now() + this.#passedMs;
      return links.now;
    };
    const wheel = new TimerWheel({
      nowMs,
      wakeAfter: (ms, wake) => {
        if (this.#wake !== null) clearTimeout(this.#wake);
        this.#wake = setTimeout(wake, ms);
        this.#wakeNow = wake;
      },
    });
    this.tunnels = new Tunnels({
      store: this.#store,
      wheel,
      stats: { counter: (id: CounterId, by = 1) => void this.counted.set(id, (this.counted.get(id) ?? 0) + by) },
      links,
      nowMs,
      random: () => this.random(),
      wallMs: () => Date.now() + this.wallSkewMs,
      ownAddresses: () => (address) => this.addresses?.has(address) ?? true,
      wire: {
        tunnel: (state) => void this.states.push(state),
        refused: (report) => void this.refused.push(report),
        listening: (outcome) => void this.listening.push(outcome),
        request: (requestId, question) => {
          if (this.hasKeeper) this.questions.push({ requestId, question });
          return this.hasKeeper;
        },
      },
    });
  }

  /** Streams that were reset for want of room. */
  get slowReceivers(): number {
    return this.counted.get(LIMIT_COUNTER.slow_receivers) ?? 0;
  }

  /** Serves documents with these places, this node's own among them; it listens where `at` says. */
  serve(places: readonly TunnelPlace[], at?: { readonly hostname: string; readonly port: number }): void {
    const { trustDomain } = this.identities;
    const site: SiteRecord = {
      kind: "site",
      key: "site",
      name: "store",
      trustDomain,
      trustDomainAliases: [],
      node: this.name,
      defaultAction: "deny",
      outboundTrafficPolicy: "REGISTRY_ONLY",
      accessLogSamplePercent: 1,
    };
    const nodes = places.map(({ name, hostname, port }): NodeRecord => {
      const place = hostname === undefined || port === undefined ? {} : { hostname, port };
      return { kind: "node", key: `node/${name}`, name, ...place, isLocal: name === this.name };
    });
    const listener: ListenerRecord[] = [];
    if (at !== undefined) {
      const key = `listener/tunnel/${at.hostname}:${at.port}`;
      listener.push({ kind: "listener", key, role: "tunnel", ...at });
    }
    const workloads = places.flatMap(({ name, workloads: keys = [] }) =>
      keys.map((key) => workloadOf(key, name, this)),
    );
    const records: SnapshotRecord[] = [site, ...nodes, ...listener, ...workloads];
    this.#store.replace(++this.#generation, new Map(records.map((record) => [record.key, record])));
    this.tunnels.commit();
  }

  /** New certificates for the node and these workloads of it. */
  async issue(workloads: readonly string[] = []): Promise<void> {
    const frames = await this.identities.keyFrames(
      this.name,
      workloads.map((key) => ({ key })),
    );
    for (const frame of frames) if (frame.type === TO_WORKER.KEYS) this.tunnels.takeKeys(frame);
  }

  /** What the keeper believes now. */
  trust(): void {
    this.tunnels.takeTrust(this.identities.trustFrame(Date.now() + this.skewMs));
  }

  /** Lets time pass for this node alone. */
  pass(ms: number): void {
    this.#passedMs += ms;
    this.#wakeNow();
  }

  /** The link to a node, once it is up. */
  up(node: string, timeoutMs = 4_000): Promise<TunnelLink> {
    return until(() => this.tunnels.link(node) ?? undefined, `the tunnel from ${this.name} to ${node}`, timeoutMs);
  }

  [Symbol.dispose](): void {
    this.tunnels.close("test_over");
    if (this.#wake !== null) clearTimeout(this.#wake);
  }
}

function workloadOf(key: string, node: string, on: TunnelNode): WorkloadRecord {
  const [, namespace = "", name = ""] = key.split("/");
  return {
    kind: "workload",
    key,
    name,
    namespace,
    serviceAccount: name,
    principal: `${on.identities.trustDomain}/ns/${namespace}/sa/${name}`,
    app: name,
    version: "latest",
    labels: {},
    isLocal: node === on.name,
    node,
    selectors: [],
    calls: null,
    policies: { deny: [], allow: [], audit: [] },
    origin: { file: "test.yaml", line: 1, col: 1 },
  };
}

/** Bans whatever the issuer of a node signs. */
export function banNode(identities: { bans: BanList }, node: string, keyHash: string): BanList {
  const state = "banned";
  identities.bans = withBan(identities.bans, { keyHash, node, state, reason: "stolen", atMs: Date.now() });
  return identities.bans;
}

/**
 * Two nodes that are connected both ways, `till-1` on 127.0.0.1 and `till-2` on 127.0.0.2, where `streams` takes what comes.
 * @param skewMs how far the time that they believe in is ahead of the machine's.
 */
export async function twoNodes(
  identities: TunnelAuthority,
  workloads: { readonly [node: string]: readonly string[] } = {},
  streams: TunnelStreams = NO_TUNNEL_STREAMS,
  skewMs = 0,
): Promise<readonly [TunnelNode, TunnelNode]> {
  const one = new TunnelNode(identities, "till-1");
  const two = new TunnelNode(identities, "till-2");
  two.tunnels.streams = streams;
  const place = (node: TunnelNode, hostname: string, port: number): TunnelPlace => ({
    name: node.name,
    hostname,
    port,
    workloads: workloads[node.name] ?? [],
  });
  for (const node of [one, two]) {
    node.skewMs = skewMs;
    node.trust();
    await node.issue(workloads[node.name]);
  }
  const alone = [place(one, "127.0.0.1", 1), place(two, "127.0.0.2", 1)];
  one.serve([alone[0]!], { hostname: "127.0.0.1", port: 0 });
  two.serve([alone[1]!], { hostname: "127.0.0.2", port: 0 });
  const places = [place(one, "127.0.0.1", one.tunnels.port), place(two, "127.0.0.2", two.tunnels.port)];
  one.serve(places, { hostname: "127.0.0.1", port: 0 });
  two.serve(places, { hostname: "127.0.0.2", port: 0 });
  await Promise.all([one.up("till-2"), two.up("till-1")]);
  return [one, two];
}
