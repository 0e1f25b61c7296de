import { SpareMemory } from "../kernel/spare-memory.ts";
import { enableTcpMigrateReq } from "../kernel/tcp-migrate.ts";
import { renderPrometheus } from "../telemetry/exposition.ts";
import { COUNTER, GAUGE } from "../telemetry/fixed-metrics.ts";
import type { HistoryWindow } from "../telemetry/history.ts";
import { TO_WORKER } from "../wire/channel/frames.ts";
import { AttestService } from "./attest/attest-service.ts";
import { CallerIndex, indexCallers } from "./attest/caller-index.ts";
import { parseRuns, type Run, Runs } from "./attest/runs.ts";
import { type FrameReceivers, receiveFrame } from "./frames.ts";
import type { Served } from "./generation/served.ts";
import { IdentityService } from "./identity/identity-service.ts";
import { tellIdentity } from "./identity/tell-identity.ts";
import type { KeeperOptions } from "./keeper-options.ts";
import { addressOf, type FailedListener, failedListeners } from "./listener-reports.ts";
import { lockState } from "./lock-state.ts";
import { NodeService } from "./nodes/node-service.ts";
import { nodesHost } from "./nodes/nodes-of-keeper.ts";
import { HeldSwitch } from "./observe/held-switch.ts";
import { LogFile } from "./observe/log-file.ts";
import { MeshStats } from "./observe/mesh-stats.ts";
import { Pulse } from "./observe/pulse.ts";
import { RecordTail } from "./observe/record-tail.ts";
import { ScrapeService } from "./observe/scrape-service.ts";
import { TrafficLog } from "./observe/traffic-log.ts";
import { forgetTaken, requireFree } from "./port-conflict.ts";
import { readyEvent } from "./ready-event.ts";
import { compile } from "./reload/compile-child.ts";
import { type ChangeOutcome, Configuration, type ConfigurationEvent } from "./reload/configuration.ts";
import { digestSources } from "./reload/source-files.ts";
import { SourceWatch } from "./reload/source-watch.ts";
import { readSiteFacts, type SiteFacts } from "./site-facts.ts";
import { StartError } from "./start-error.ts";
import { StateDirectory } from "./state/state-directory.ts";
import { Fleet, type WorkerDeath } from "./workers/fleet.ts";
import { HangWatch } from "./workers/hang-watch.ts";
import { mergeWorkers } from "./workers/left-workers.ts";
import { drainOrphans, findOrphans, type Orphan } from "./workers/orphans.ts";
import { nextRunFile, parseRunFile, type RunFile } from "./workers/run-file.ts";
import { waitUntilReady } from "./workers/wait-until-ready.ts";
import type { Worker } from "./workers/worker.ts";

/** Longest a SIGTERM lets requests finish. Contract: 10 s at most, with a margin for the end itself. */
export const DRAIN_GRACE_MS = 9_000;

/** Longest wait for the first worker's listeners. */
export const READY_TIMEOUT_MS = 20_000;

/**
 * The control of one node: state, configuration, workers, identities and counts, put together. It handles no traffic; when it
 * dies, workers serve on, and the next one takes them over.
 */
export class Keeper {
  readonly options: KeeperOptions;
  readonly state: StateDirectory;
  readonly fleet: Fleet;
  readonly configuration: Configuration;
  readonly attest: AttestService;
  readonly runs: Runs;
  readonly identity: IdentityService;
  readonly nodes: NodeService;
  readonly tail = new RecordTail();
  readonly stats: MeshStats;
  /** What operators did here. */
  readonly auditLog: LogFile;
  readonly startedAtMs = Date.now();
  readonly #lock: { release(): void } | undefined;
  readonly #scrapes: ScrapeService<Worker>;
  readonly #ports: Map<string, number>;
  readonly #orphans: Orphan[];
  #runFile: RunFile;
  #facts: SiteFacts = { site: undefined, listeners: [], nodes: [] };
  #callers = new CallerIndex([]);
  readonly #traffic: TrafficLog;
  readonly #hangs = new HangWatch();
  readonly #spare = new SpareMemory();
  #usedDigest = "";
  #pulse: Pulse | undefined;
  readonly #tap = new HeldSwitch((isOn) => {
    this.#traffic.isTapped = isOn;
    this.fleet.broadcast({ type: TO_WORKER.TAP, isOn });
  });
  #watch: SourceWatch | undefined;
  #stopOrphans: () => void = () => {};
  #isStopping = false;

  private constructor(options: KeeperOptions) {
    this.options = options;
    this.state = new StateDirectory(options.statePath);
    this.#lock = lockState(this.state);
    this.#runFile = parseRunFile(this.state.read("workers"));
    this.#ports = new Map(Object.entries(this.#runFile.ports));
    this.stats = new MeshStats(this.state, this.tail);
    this.auditLog = new LogFile(this.state.file("audit.ndjson"));
    this.#orphans = findOrphans(mergeWorkers(this.#runFile.workers, options.leftWorkers?.() ?? []));
    if (this.#orphans.length === 0) forgetTaken(this.#ports, options.listening());
    for (const { workerId, region } of this.#orphans) {
      if (region !== undefined && !this.stats.hasAbsorbed(workerId)) this.stats.add(workerId, region, true);
    }
    this.#traffic = new TrafficLog(this.state, this.tail);
    this.runs = new Runs(parseRuns(this.state.read("runs")), (runs) => this.#runsChanged(runs));
    this.attest = new AttestService(options.owners, () => this.runs.list, this.#callers);
    this.#scrapes = new ScrapeService(() => renderPrometheus(this.stats.sources(), options.version), performance.now);
    this.identity = new IdentityService({
      statePath: options.statePath,
      options: options.identity,
      workers: () => this.fleet.workers,
      emit: (event) => tellIdentity(this, event),
      expiries: (ends) => this.stats.setExpiries(ends),
    });
    this.nodes = new NodeService(nodesHost(this), this.identity);
    this.fleet = this.#makeFleet();
    this.configuration = this.#makeConfiguration();
  }

  /** Starts the node; resolves when it serves. Rejects with StartError where it cannot, and leaves nothing running. */
  static async start(options: KeeperOptions): Promise<Keeper> {
    const keeper = new Keeper(options);
    try {
      await keeper.#boot();
      return keeper;
    } catch (error) {
      await keeper.#abandon();
      throw error;
    }
  }

  get facts(): SiteFacts {
    return this.#facts;
  }

  get callers(): CallerIndex {
    return this.#callers;
  }

  get orphans(): readonly Orphan[] {
    return this.#orphans;
  }

  /** Why not everything is as the documents say; empty when it is. */
  get degraded(): readonly string[] {
    const reasons = [...this.configuration.degraded];
    if (this.state.trouble.length > 0) reasons.push("state");
    if (this.failedListeners().length > 0) reasons.push("listener");
    const { isWanted, trouble, live } = this.identity;
    if (isWanted && (trouble !== undefined || live?.isOver === true)) reasons.push("identity");
    return reasons;
  }

  /** Listeners that some worker could not open, each once. */
  failedListeners(): readonly FailedListener[] {
    return failedListeners(this.#facts, this.fleet.workers);
  }

  /** `host:port` of the first listener in a role, with its real port; `undefined` where there is none that is open. */
  addressOf(role: "outbound" | "metrics"): string | undefined {
    return addressOf(this.#facts, this.fleet.workers, role);
  }

  /** What happened up to now, within the last `spanMs`. */
  recentTraffic(spanMs: number): HistoryWindow {
    this.#pulse?.look();
    return this.stats.history.window(spanMs);
  }

  /** The newest line of the access log with this `selvedge_id`, from memory or disk; `undefined` where none is left. */
  findRecord(id: string): string | undefined {
    return this.#traffic.find(id);
  }

  /** Makes workers log every request, until the answered function is called. */
  tap(): () => void {
    const endWatch = this.tail.watch();
    const endTap = this.#tap.hold();
    return () => {
      endTap();
      endWatch();
    };
  }

  /** Looks at the sources again. `isForced`: also where they are as they were. */
  reload(isForced: boolean): Promise<ChangeOutcome> {
    return this.configuration.reload(isForced);
  }

  /** Lets workers finish, ends them, writes down their counts. For SIGTERM; may be called twice. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#watch?.close();
    this.options.emit({ event: "draining", graceMs: DRAIN_GRACE_MS });
    const workers = this.fleet.workers;
    await this.fleet.drain(DRAIN_GRACE_MS);
    this.nodes.close();
    await this.identity.stop();
    const streamsCut = workers.reduce((sum, worker) => sum + worker.streamsCut, 0);
    this.#close();
    this.options.emit({ event: "stopped", streamsCut });
  }

  #close(): void {
    this.#pulse?.stop();
    this.tail.poll();
    this.stats.close();
    this.tail.stop();
    this.#traffic.close();
    this.#stopOrphans();
    this.#writeRunFile();
    this.auditLog.close();
    this.state.close();
    this.#lock?.release();
  }

  async #boot(): Promise<void> {
    const startedAtMs = performance.now();
    if (process.getuid?.() === 0) enableTcpMigrateReq();
    this.fleet.start();
    if (!(await this.configuration.boot())) {
      throw new StartError(this.configuration.refusal ?? "there is nothing to serve", this.configuration.issues);
    }
    await this.#untilReady();
    this.#stopOrphans = drainOrphans(this.#orphans, {
      onDrained: ({ workerId }) => this.stats.retire(workerId),
      onGone: (orphan) => this.#orphanGone(orphan),
    });
    if (this.options.source === "files") this.#watchSources();
    this.#pulse = new Pulse(() => this.#tick(), performance.now.bind(performance));
    this.options.emit(readyEvent(this, performance.now() - startedAtMs));
    for (const trouble of this.state.trouble) this.options.emit({ event: "state_trouble", ...trouble });
    this.identity.begin();
  }

  #tick(): boolean {
    const hasMoved = this.stats.tick(Date.now());
    const heartbeat = (id: number): number => this.stats.heartbeat(id);
    this.#hangs.endHung(this.fleet.workers, performance.now(), heartbeat, (pid, reason) =>
      this.options.emit({ event: "worker_broken", pid, reason }),
    );
    this.identity.tick(performance.now());
    const hasToTend = this.#spare.tend();
    return this.tail.poll() > 0 || hasMoved || hasToTend;
  }

  async #untilReady(): Promise<void> {
    await waitUntilReady(this.fleet, READY_TIMEOUT_MS);
    const failed = this.failedListeners().find(({ listener }) => listener.startsWith("listener/outbound/"));
    if (failed !== undefined) {
      throw new StartError(`cannot listen on ${failed.listener.slice("listener/outbound/".length)}: ${failed.reason}`);
    }
  }

  async #abandon(): Promise<void> {
    this.#isStopping = true;
    await this.fleet.drain(0);
    // Orphans serve on: a keeper that cannot start must not take down what still works.
    for (const orphan of this.#orphans) orphan.releaseRegion();
    this.tail.stop();
    this.#traffic.close();
    this.state.close();
    this.#lock?.release();
  }

  #makeFleet(): Fleet {
    const receivers = this.#frameReceivers();
    return new Fleet({
      workers: this.options.workers,
      launch: this.options.launch,
      firstWorkerId: 1 + Math.max(this.#runFile.workerIdMax, this.stats.workerIdMax),
      now: performance.now.bind(performance),
      events: {
        onFrame: (worker, frame) => receiveFrame(receivers, worker, frame),
        onStarted: (worker) => this.#workerStarted(worker),
        onDeath: (death) => this.#workerDied(death),
        onBroken: ({ pid }, reason) => this.options.emit({ event: "worker_broken", pid, reason }),
        onLaunchFailed: (reason) => this.options.emit({ event: "worker_launch_failed", reason }),
        onCrashLoop: (generation) => this.configuration.crashLoop(generation),
      },
    });
  }

  #makeConfiguration(): Configuration {
    const { paths, node, compileProgram, salt, version } = this.options;
    return new Configuration({
      state: this.state,
      paths,
      node,
      mayBeEmpty: this.options.source === "applied",
      ports: this.#ports,
      actions: {
        compile: (request) => compile(compileProgram, request),
        digest: () => digestSources(paths, `${version}\0${node ?? ""}\0${salt()}`),
        deploy: (generation, framesFor) => this.fleet.deploy(generation, framesFor),
        serve: (served) => {
          this.#use(served);
          this.fleet.serve(served);
        },
        announce: (event) => this.#announceConfiguration(event),
      },
    });
  }

  #use(served: Served): void {
    const isFirst = this.#usedDigest === "";
    if (served.digest !== this.#usedDigest) {
      this.#usedDigest = served.digest;
      this.#facts = readSiteFacts(served);
      this.#callers = indexCallers(served);
      this.attest.use(this.#callers);
      this.identity.use(this.#facts, this.#callers.all);
    }
    // Before the first worker is told to listen; what an earlier keeper's workers hold is ours.
    if (isFirst && this.#orphans.length === 0) requireFree(this.#facts.listeners, this.options.listening());
    this.stats.own.set(GAUGE.configGeneration, served.generation);
    this.stats.own.set(GAUGE.configLastSuccess, Date.now() / 1000);
  }

  #announceConfiguration(event: ConfigurationEvent): void {
    if (event.event === "config_rejected") this.stats.own.add(COUNTER.configRejected);
    this.options.emit(event);
  }

  #frameReceivers(): FrameReceivers {
    return {
      nodes: this.nodes,
      attest: (worker, frame) =>
        this.attest.ask(frame, ({ workload, strength }) =>
          worker.send({ type: TO_WORKER.ATTEST_REPLY, requestId: frame.requestId, strength, workload }),
        ),
      scrape: (worker, requestId) => this.#scrapes.begin(worker, requestId),
      scrapeMore: (worker, requestId, isCancelled) => this.#scrapes.more(worker, requestId, isCancelled),
      acknowledged: (generation) => this.configuration.acknowledged(generation),
      listening: (listener, port, message) => this.#listening(listener, port, message),
      ready: () => this.#writeRunFile(),
      endpoint: ({ endpoint, state, reason }) => this.options.emit({ event: "endpoint", endpoint, state, reason }),
      trustTaken: (worker, version) => this.identity.trustTaken(worker.id, version),
    };
  }

  #listening(listener: string, port: number, message: string): void {
    if (port === 0) this.options.emit({ event: "listener_failed", listener, reason: message });
    // Only what asked for any free port is remembered: the next worker has to take the same one.
    else if (listener.endsWith(":0") && this.#facts.listeners.some(({ key }) => key === listener)) {
      this.#ports.set(listener, port);
    }
  }

  #workerStarted(worker: Worker): void {
    this.stats.add(worker.id, worker.process.region);
    this.stats.own.set(GAUGE.workers, this.fleet.workers.length);
    worker.send({ type: TO_WORKER.RUNS, count: this.runs.list.length });
    if (this.#tap.isOn) worker.send({ type: TO_WORKER.TAP, isOn: true });
    this.identity.workerStarted(worker);
    this.nodes.workerStarted(worker);
    this.#writeRunFile();
    this.options.emit({ event: "worker_started", pid: worker.pid, worker: worker.id });
  }

  #workerDied({ worker, exit, restartAfterMs }: WorkerDeath): void {
    this.#scrapes.forget(worker);
    this.identity.workerGone(worker.id);
    this.nodes.workerGone(worker.id);
    this.stats.retire(worker.id);
    this.stats.own.set(GAUGE.workers, this.fleet.workers.length);
    if (this.#isStopping) return;
    this.stats.own.add(COUNTER.workerRestarts);
    this.#writeRunFile();
    this.options.emit({ event: "worker_died", pid: worker.pid, worker: worker.id, ...exit, restartAfterMs });
  }

  #orphanGone(orphan: Orphan): void {
    this.stats.retire(orphan.workerId);
    this.#orphans.splice(this.#orphans.indexOf(orphan), 1);
    this.#writeRunFile();
    this.options.emit({ event: "orphan_gone", pid: orphan.pid, worker: orphan.workerId });
  }

  #runsChanged(runs: readonly Run[]): void {
    this.state.write("runs", runs);
    this.fleet.broadcast({ type: TO_WORKER.RUNS, count: runs.length });
  }

  #writeRunFile(): void {
    this.#runFile = nextRunFile(this.#runFile, this.fleet.workers, this.#orphans, this.#ports);
    this.state.write("workers", this.#runFile);
  }

  #watchSources(): void {
    this.#watch = new SourceWatch(
      this.options.paths,
      () => void this.reload(false).catch((error: unknown) => this.#watchTrouble(String(error))),
      (reason) => this.#watchTrouble(reason),
    );
  }

  #watchTrouble(reason: string): void {
    this.options.emit({ event: "watch_trouble", reason });
  }
}
