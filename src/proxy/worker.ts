/** The proxy worker: the program that the launcher executes. Argument: a JSON object, see `WorkerArgument`. */

import { descriptorLimit } from "../kernel/privileges.ts";
import { sealProcess } from "../kernel/seal.ts";
import { openRegion } from "../kernel/shared-memory.ts";
import { SockDiag } from "../kernel/sock-diag.ts";
import { sockDiagSelfTest } from "../kernel/sock-diag-self-test.ts";
import { SpareMemory } from "../kernel/spare-memory.ts";
import { GAUGE } from "../telemetry/fixed-metrics.ts";
import { StatsWriter } from "../telemetry/stats-writer.ts";
import { CHANNEL_PROTOCOL, TO_KEEPER, TO_WORKER } from "../wire/channel/frames.ts";
import type { ToWorkerFrame } from "../wire/channel/to-worker-frame.ts";
import { KeeperChannel } from "./worker/channel.ts";
import { connectionsMax, DataPath } from "./worker/data-path.ts";
import { type ListenerOutcome, Listeners } from "./worker/listeners.ts";
import { MetricsRelay } from "./worker/metrics-relay.ts";
import { SnapshotIntake } from "./worker/snapshot-intake.ts";
import { type SendFrame, takeTunnelFrame, tunnelWire } from "./worker/tunnel-frames.ts";

/** Grace of a drain that a signal asks for: the keeper that could name one is gone. */
const SIGNAL_GRACE_MS = 10_000;
/**
 * How long a worker that outlived its keeper waits after its drain for the next keeper to take its counts, which end with it.
 * Reason: a keeper that was killed and started again is back within seconds, and on a machine that is swamped within many.
 */
const COUNTS_TAKEN_MS = 60_000;
/** How often streams that stay open are counted, the delay of the loop is measured, and the keeper sees that it turns. */
const HOUSEKEEPING_MS = 1_000;
/** The same while nobody is connected and nothing is to be given back. Reason: waking up is most of what an idle worker costs. */
const HOUSEKEEPING_IDLE_MS = 5_000;

interface Argument {
  readonly channelFd: number;
  readonly statsFd: number;
  readonly statsBytes: number;
  readonly workerId: number;
  readonly isHidden: boolean;
}

class Worker {
  readonly #stats: StatsWriter;
  readonly #dataPath: DataPath;
  readonly #listeners: Listeners;
  readonly #metrics: MetricsRelay;
  readonly #intake: SnapshotIntake;
  readonly #spare = new SpareMemory();
  #channel: KeeperChannel | null = null;
  #isDraining = false;
  readonly #send: SendFrame = (frame) => this.#channel?.send(frame) ?? false;

  constructor(argument: Argument, diag: SockDiag) {
    // The region's descriptor stays open: the next keeper finds the counts through it.
    const region = openRegion(argument.statsFd, argument.statsBytes);
    this.#stats = new StatsWriter(region.bytes, { workerId: argument.workerId, startedAtMs: Date.now() });
    this.#metrics = new MetricsRelay({
      begin: (requestId) => this.#channel?.send({ type: TO_KEEPER.METRICS, requestId }) ?? false,
      more: (requestId, isCancelled) => {
        this.#channel?.send({ type: TO_KEEPER.METRICS_MORE, requestId, isCancelled });
      },
    });
    this.#dataPath = new DataPath(
      this.#stats,
      diag,
      {
        ask: (requestId, side, uid, inode, cgroupId) =>
          this.#channel?.send({ type: TO_KEEPER.ATTEST, requestId, side, uid, inode, cgroupId }) ?? false,
        metrics: this.#metrics,
        endpoint: (endpoint, state, reason) => {
          this.#channel?.send({ type: TO_KEEPER.ENDPOINT, endpoint, state, reason });
        },
        tunnels: tunnelWire(this.#send),
      },
      connectionsMax(descriptorLimit()),
    );
    this.#listeners = new Listeners(this.#dataPath);
    this.#intake = new SnapshotIntake(this.#dataPath.store, {
      nowMs: () => performance.now(),
      nextTurn: (step) => setImmediate(step),
      taken: (generation) => this.#taken(generation),
      refused: (generation, reason) => {
        this.#channel?.send({ type: TO_KEEPER.NACK, generation, reason });
      },
      holdBack: (isFull) => this.#channel?.holdBack(isFull),
    });
  }

  async start(channelFd: number): Promise<void> {
    this.#channel = await KeeperChannel.open(channelFd, {
      onFrame: (frame) => this.#onFrame(frame),
      onClosed: (reason) => {
        // Serving goes on with what is there; the next keeper starts a worker of its own and ends this one.
        if (reason !== "") console.error(`selvedge worker: channel to the keeper: ${reason}`);
        this.#dataPath.attestor.keeperGone();
        this.#dataPath.attestor.runs = 0;
        this.#metrics.cut();
        this.#dataPath.nodeTunnels.keeperGone();
        // The keeper died before it said what to serve: nobody would ever find or end this worker.
        if (this.#dataPath.store.generation === 0) process.exit(1);
      },
    });
    this.#channel.send({ type: TO_KEEPER.HELLO, protocol: CHANNEL_PROTOCOL, pid: process.pid });
    process.on("SIGTERM", () => this.#drain(SIGNAL_GRACE_MS));
    process.on("SIGINT", () => this.#drain(SIGNAL_GRACE_MS));
    this.#keepHouse(performance.now());
  }

  #onFrame(frame: ToWorkerFrame): void {
    switch (frame.type) {
      case TO_WORKER.SNAPSHOT_BEGIN:
        this.#intake.begin(frame.generation, frame.mode === "delta", frame.base);
        break;
      case TO_WORKER.SNAPSHOT_LINES:
        this.#intake.lines(frame.bytes);
        break;
      case TO_WORKER.SNAPSHOT_END:
        this.#intake.end(frame.generation);
        break;
      case TO_WORKER.ATTEST_REPLY:
        this.#dataPath.attestor.replied(frame.requestId, { workload: frame.workload, strength: frame.strength });
        break;
      case TO_WORKER.METRICS_CHUNK:
        this.#metrics.received(frame.requestId, frame.bytes, frame.isLast);
        break;
      case TO_WORKER.DRAIN:
        this.#drain(frame.graceMs);
        break;
      case TO_WORKER.RUNS:
        this.#dataPath.attestor.runs = frame.count;
        break;
      case TO_WORKER.TAP:
        this.#dataPath.recorder.sampler.tapped = frame.isOn;
        this.#stats.gauge(GAUGE.tapActive, frame.isOn ? 1 : 0);
        break;
      default:
        takeTunnelFrame(this.#dataPath.nodeTunnels, frame, this.#send);
    }
  }

  #taken(generation: number): void {
    this.#dataPath.commit();
    this.#channel?.send({ type: TO_KEEPER.ACK, generation });
    if (!this.#isDraining) this.#openListeners();
    this.#channel?.send({ type: TO_KEEPER.READY, generation });
    this.#recheck(this.#dataPath.tunnels.recheck());
  }

  #openListeners(): void {
    // Those of tunnels open when there is an identity to show: see `Tunnels`.
    const records = [...this.#dataPath.store.all("listener")].filter(({ role }) => role !== "tunnel");
    this.#tellListening(this.#listeners.update(records));
  }

  #tellListening(outcomes: readonly ListenerOutcome[]): void {
    for (const { key, port, errno, message } of outcomes) {
      this.#channel?.send({ type: TO_KEEPER.LISTENING, listener: key, port, errno, message });
    }
  }

  #recheck(slices: Generator<void>): void {
    if (!slices.next().done) setImmediate(() => this.#recheck(slices));
  }

  #keepHouse(expectedMs: number): void {
    const nowMs = performance.now();
    this.#stats.gauge(GAUGE.eventLoopLag, Math.max(0, nowMs - expectedMs) / 1000);
    this.#dataPath.tunnels.report();
    this.#dataPath.tick();
    this.#tellListening(this.#listeners.retry());
    this.#stats.beat();
    const isDue = this.#spare.tend();
    const { connections, nodeTunnels } = this.#dataPath;
    const isAlone = connections.size === 0 && nodeTunnels.accepted.size === 0;
    const nextMs = isAlone && !isDue ? HOUSEKEEPING_IDLE_MS : HOUSEKEEPING_MS;
    setTimeout(() => this.#keepHouse(nowMs + nextMs), nextMs);
  }

  async #drain(graceMs: number): Promise<void> {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#listeners.stop();
    const streamsCut = await this.#dataPath.drain(graceMs);
    this.#stats.drained();
    const hasKeeper = this.#channel?.send({ type: TO_KEEPER.DRAINED, streamsCut }) ?? false;
    // The frame leaves before the process does. Without a keeper the next one ends this process when it has the counts.
    setTimeout(() => process.exit(0), hasKeeper ? 5 : COUNTS_TAKEN_MS);
  }
}

async function main(): Promise<void> {
  const argument = JSON.parse(process.argv[2] ?? "{}") as Argument;
  const diag = new SockDiag();
  await sockDiagSelfTest(diag);
  const worker = new Worker(argument, diag);
  sealProcess(argument.isHidden);
  await worker.start(argument.channelFd);
}

await main();
