import { TO_KEEPER, TO_WORKER } from "../../wire/channel/frames.ts";
import type { ToKeeperFrame } from "../../wire/channel/to-keeper-frame.ts";
import type { ToWorkerFrame } from "../../wire/channel/to-worker-frame.ts";
import { fullFrames, type Served } from "../generation/served.ts";
import { type Death, decideRestart } from "./restart-policy.ts";
import { Worker, type WorkerEvents } from "./worker.ts";
import type { LaunchWorker, WorkerExit } from "./worker-program.ts";

/** How long a worker may take to acknowledge a generation. Reason: 10,000 services take it well under a second. */
export const ACK_TIMEOUT_MS = 10_000;

/** After the grace given to workers, until what is left is killed. */
export const DRAIN_MARGIN_MS = 500;

export interface WorkerDeath {
  readonly worker: Worker;
  readonly exit: WorkerExit;
  readonly restartAfterMs: number;
}

export interface FleetEvents {
  onFrame(worker: Worker, frame: ToKeeperFrame): void;
  onStarted(worker: Worker): void;
  /** Before its region is released: the last chance to take its counts. */
  onDeath(death: WorkerDeath): void;
  /** A worker did what no worker of ours does, and was killed. */
  onBroken(worker: Worker, reason: string): void;
  /** A worker could not even be started. */
  onLaunchFailed(reason: string): void;
  /** `generation` has killed too many workers. The answer is what to serve instead, or `undefined` to go on with it. */
  onCrashLoop(generation: number): Served | undefined;
}

export interface FleetOptions {
  readonly workers: number;
  readonly launch: LaunchWorker;
  /** First worker id; ids must be new even against workers of an earlier keeper. */
  readonly firstWorkerId: number;
  readonly now: () => number;
  readonly events: FleetEvents;
}

/** Whether a generation was taken up by all, and if not, whether some worker may serve it nevertheless. */
export type DeployOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: string; readonly isTouched: boolean };

/** Frames that bring one worker, which was brought to `base` before, to a generation. */
export type FramesFor = (base: number) => Iterator<Uint8Array>;

interface Pending {
  readonly generation: number;
  readonly waiting: Set<Worker>;
  finish(outcome: DeployOutcome): void;
}

/**
 * Keeps a number of workers alive and on one generation. Everything that takes time is an event or a timer; there is no
 * polling. Workers that this keeper did not start (orphans) are not its business.
 */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #workers = new Set<Worker>();
  readonly #timers = new Set<Timer>();
  #deaths: readonly Death[] = [];
  #target: Served | undefined;
  #pending: Pending | undefined;
  #nextWorkerId: number;
  #restarts = 0;
  #launching = 0;
  #isStopping = false;
  #settled: (() => void)[] = [];

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#nextWorkerId = options.firstWorkerId;
  }

  get workers(): readonly Worker[] {
    return [...this.#workers];
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** True when every worker there should be has opened the listeners of the generation that is served. */
  get isReady(): boolean {
    const generation = this.#target?.generation;
    if (generation === undefined || this.#workers.size < this.#options.workers) return false;
    return this.workers.every((worker) => worker.ready >= generation);
  }

  /** Starts processes, ahead of knowing what they will serve: so that starting and compiling go on at the same time. */
  start(): void {
    for (let n = 0; n < this.#options.workers; n++) void this.#launch();
  }

  /** What new workers get from now on, and what every other worker is brought to now. */
  serve(served: Served): void {
    this.#target = served;
    this.#feed();
  }

  /** The same generation with another overlay or file behind it: what is running has it already. */
  retarget(served: Served): void {
    this.#target = served;
  }

  /**
   * Brings every worker to a candidate, and answers when all serve it, or when the first one refuses, dies, or takes longer
   * than ACK_TIMEOUT_MS. What new workers get stays as it is: the caller decides by the outcome. One at a time.
   */
  deploy(generation: number, framesFor: FramesFor): Promise<DeployOutcome> {
    if (this.#pending !== undefined) throw new Error("another generation is being deployed");
    const { promise, resolve } = Promise.withResolvers<DeployOutcome>();
    const timer = this.#after(ACK_TIMEOUT_MS, () =>
      this.#fail(`a worker did not take up generation ${generation} in ${ACK_TIMEOUT_MS} ms`),
    );
    const waiting = new Set(this.workers.filter((worker) => worker.offered > 0));
    this.#pending = {
      generation,
      waiting,
      finish: (outcome) => {
        this.#cancel(timer);
        resolve(outcome);
      },
    };
    for (const worker of waiting) {
      worker.stream(framesFor(worker.offered));
      worker.offered = generation;
    }
    if (waiting.size === 0) this.#finish({ ok: true });
    return promise;
  }

  /** To every worker. */
  broadcast(frame: ToWorkerFrame): void {
    for (const worker of this.#workers) worker.send(frame);
  }

  /** Resolves when a worker came, went, or reported: the caller then looks again at what it waits for. */
  changed(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#settled.push(resolve);
    return promise;
  }

  /** Lets every worker finish what is under way, then ends it. Resolves when all are gone. No worker is started after this. */
  async drain(graceMs: number): Promise<void> {
    this.#isStopping = true;
    for (const worker of this.#workers) {
      worker.isDraining = true;
      worker.send({ type: TO_WORKER.DRAIN, graceMs });
    }
    const timer = this.#after(graceMs + DRAIN_MARGIN_MS, () => {
      for (const worker of this.#workers) worker.kill();
    });
    while (this.#workers.size + this.#launching > 0) await this.changed();
    this.#cancel(timer);
    for (const left of this.#timers) clearTimeout(left);
    this.#timers.clear();
  }

  async #launch(): Promise<void> {
    if (this.#isStopping) return;
    const id = this.#nextWorkerId++;
    this.#launching++;
    try {
      const launched = await this.#options.launch(id);
      const worker = await Worker.adopt(id, launched, this.#workerEvents, this.#options.now);
      void launched.exited.then((exit) => this.#died(worker, exit));
      this.#started(worker);
    } catch (error) {
      this.#options.events.onLaunchFailed(error instanceof Error ? error.message : String(error));
      this.#restart(this.#recordDeath(0));
    } finally {
      this.#launching--;
      this.#announce();
    }
  }

  readonly #workerEvents: WorkerEvents = {
    onFrame: (worker, frame) => this.#receive(worker, frame),
    onBroken: (worker, reason) => this.#options.events.onBroken(worker, reason),
  };

  #started(worker: Worker): void {
    this.#workers.add(worker);
    this.#options.events.onStarted(worker);
    if (this.#isStopping) worker.kill();
    else this.#feed();
  }

  // Until one worker has its listeners the others wait: it may be the one that finds out which free ports they all use.
  #feed(): void {
    const target = this.#target;
    if (target === undefined) return;
    const workers = this.workers;
    const hasPorts = workers.some((worker) => worker.ready > 0);
    for (const worker of hasPorts ? workers : workers.slice(0, 1)) {
      // Numbers only go up: who was offered a higher one is in the middle of a deployment.
      if (worker.offered >= target.generation) continue;
      worker.offered = target.generation;
      worker.stream(fullFrames(target));
    }
  }

  #receive(worker: Worker, frame: ToKeeperFrame): void {
    this.#options.events.onFrame(worker, frame);
    const pending = this.#pending;
    if (frame.type === TO_KEEPER.ACK && pending?.generation === frame.generation) {
      pending.waiting.delete(worker);
      if (pending.waiting.size === 0) this.#finish({ ok: true });
    } else if (frame.type === TO_KEEPER.NACK && pending?.generation === frame.generation) {
      worker.offered = worker.acked;
      pending.waiting.delete(worker);
      this.#fail(frame.reason);
    }
    if (frame.type === TO_KEEPER.READY) this.#feed();
    this.#announce();
  }

  #died(worker: Worker, exit: WorkerExit): void {
    this.#workers.delete(worker);
    const restartAfterMs = this.#isStopping ? 0 : this.#recordDeath(worker.acked || worker.offered);
    this.#options.events.onDeath({ worker, exit, restartAfterMs });
    worker.closeChannel();
    worker.process.releaseRegion();
    if (this.#pending?.waiting.delete(worker)) this.#fail(`worker ${worker.pid} died while it took up the generation`);
    if (!this.#isStopping) this.#restart(restartAfterMs);
    this.#feed();
    this.#announce();
  }

  #recordDeath(generation: number): number {
    const decision = decideRestart(this.#deaths, { atMs: this.#options.now(), generation });
    this.#deaths = decision.deaths;
    if (decision.crashLoopOn !== undefined && decision.crashLoopOn > 0) {
      const instead = this.#options.events.onCrashLoop(decision.crashLoopOn);
      if (instead !== undefined) this.serve(instead);
    }
    return decision.restartAfterMs;
  }

  #restart(afterMs: number): void {
    this.#restarts++;
    if (afterMs === 0) void this.#launch();
    else this.#after(afterMs, () => void this.#launch());
  }

  #fail(reason: string): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    const isTouched = pending.waiting.size > 0 || this.workers.some((worker) => worker.acked === pending.generation);
    this.#finish({ ok: false, reason, isTouched });
  }

  #finish(outcome: DeployOutcome): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.finish(outcome);
  }

  #announce(): void {
    for (const resolve of this.#settled.splice(0)) resolve();
  }

  #after(ms: number, act: () => void): Timer {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  #cancel(timer: Timer): void {
    clearTimeout(timer);
    this.#timers.delete(timer);
  }
}
