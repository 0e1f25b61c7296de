import { printBans } from "../../identity/bans.ts";
import { printBundle } from "../../identity/bundle.ts";
import { TO_WORKER } from "../../wire/channel/frames.ts";
import { encodeToWorker, type ToWorkerFrame } from "../../wire/channel/to-worker-frame.ts";
import type { HeldSvid } from "./held-svids.ts";
import type { SiteIdentity } from "./site-identity.ts";

/** How long workers may take to judge all connections anew. Reason: a thousand tunnels at half a millisecond each. */
export const TRUST_TAKEN_TIMEOUT_MS = 5_000;

/** What of a worker this needs. */
export interface IdentityWorker {
  readonly id: number;
  stream(frames: Iterator<Uint8Array>): void;
}

/** Brings trust and keys to the workers of this node, and knows who has taken them up. */
export class WorkerTrust {
  readonly #identity: SiteIdentity;
  readonly #workers: () => readonly IdentityWorker[];
  readonly #taken = new Map<number, number>();
  /** By workload key: serial of what workers hold. */
  readonly #sent = new Map<string, string>();
  #version = WorkerTrust.#nextVersion();
  #waiting: (() => void)[] = [];

  constructor(identity: SiteIdentity, workers: () => readonly IdentityWorker[]) {
    this.#identity = identity;
    this.#workers = workers;
  }

  /** Of one keeper no two: what a worker says late of an identity that was closed says nothing of the next. */
  static #lastVersion = 0;

  static #nextVersion(): number {
    return ++WorkerTrust.#lastVersion;
  }

  /** Everything, to one worker that is new. */
  greet(worker: IdentityWorker): void {
    worker.stream(encoded([this.#trustFrame(), ...this.#identity.svids.all.map(keysFrame)]));
  }

  workerGone(id: number): void {
    this.#taken.delete(id);
    this.#settle();
  }

  trustTaken(id: number, version: number): void {
    // What it was never sent it cannot have taken up.
    if (version <= this.#version) this.#taken.set(id, Math.max(version, this.#taken.get(id) ?? 0));
    this.#settle();
  }

  /** Bundle, bans or time changed. */
  pushTrust(): void {
    this.#version = WorkerTrust.#nextVersion();
    this.#broadcast([this.#trustFrame()]);
  }

  /** Keys changed: those that workers have not yet. */
  pushKeys(): void {
    const { all } = this.#identity.svids;
    const held = new Set(all.map(({ key }) => key));
    const gone = [...this.#sent.keys()].filter((key) => !held.has(key));
    const changed = all.filter(({ key, certificate }) => this.#sent.get(key) !== certificate.serial);
    for (const key of gone) this.#sent.delete(key);
    for (const { key, certificate } of changed) this.#sent.set(key, certificate.serial);
    if (gone.length + changed.length > 0) this.#broadcast([...gone.map(goneFrame), ...changed.map(keysFrame)]);
  }

  /** Takes everything away. */
  withdraw(): void {
    const gone = [...this.#sent.keys()];
    this.#sent.clear();
    if (gone.length > 0) this.#broadcast(gone.map(goneFrame));
  }

  /** Whether every worker judges by the newest trust; waits for that, but not longer than TRUST_TAKEN_TIMEOUT_MS. */
  async whenTaken(): Promise<boolean> {
    const version = this.#version;
    const isTaken = (): boolean => this.#workers().every(({ id }) => (this.#taken.get(id) ?? 0) >= version);
    const late = Promise.withResolvers<"late">();
    const timer = setTimeout(() => late.resolve("late"), TRUST_TAKEN_TIMEOUT_MS);
    try {
      while (!isTaken()) {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#waiting.push(resolve);
        if ((await Promise.race([promise, late.promise])) === "late") return false;
      }
      return true;
    } finally {
      clearTimeout(timer);
    }
  }

  #trustFrame(): ToWorkerFrame {
    const { bundle, bans } = this.#identity.trust();
    const encoder = new TextEncoder();
    return {
      type: TO_WORKER.TRUST,
      version: this.#version,
      nowMs: Math.floor(this.#identity.nowMs()),
      bundle: encoder.encode(printBundle(bundle)),
      bans: encoder.encode(printBans(bans)),
    };
  }

  #broadcast(frames: readonly ToWorkerFrame[]): void {
    for (const worker of this.#workers()) worker.stream(encoded(frames));
  }

  #settle(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function keysFrame({ key, chain, privateKey }: HeldSvid): ToWorkerFrame {
  return { type: TO_WORKER.KEYS, workload: key, chain, key: Uint8Array.from(privateKey) };
}

function goneFrame(key: string): ToWorkerFrame {
  return { type: TO_WORKER.KEYS, workload: key, chain: [], key: new Uint8Array() };
}

/** Encoded as they are taken: a worker that is slow makes no frame wait in memory. */
function* encoded(frames: readonly ToWorkerFrame[]): Generator<Uint8Array, void, void> {
  for (const frame of frames) yield encodeToWorker(frame);
}
