import { existsSync } from "node:fs";
import { join } from "node:path";
import type { IdentityKind } from "../../telemetry/fixed-metrics.ts";
import type { LocalWorkload } from "../attest/caller-index.ts";
import { foundInChild } from "../ca/found-child.ts";
import type { SiteFacts } from "../site-facts.ts";
import type { IdentityDescription } from "./describe-identity.ts";
import type { IdentityEvent, IdentityOptions } from "./identity-options.ts";
import type { LiveIdentity } from "./live-identity.ts";
import type { SiteIdentity } from "./site-identity.ts";
import { isSameNode, type SiteWishes, siteWishes } from "./site-wishes.ts";
import type { TakeRoot } from "./take-root.ts";
import type { IdentityWorker } from "./worker-trust.ts";

/** What the keeper hands in. */
export interface IdentityServiceHost {
  readonly statePath: string;
  /** Absent: this keeper has no identity at all. */
  readonly options: IdentityOptions | undefined;
  readonly workers: () => readonly IdentityWorker[];
  readonly emit: (event: IdentityEvent) => void;
  /** When the first certificate of each kind ends, ms since 1970; 0 = there is none. */
  readonly expiries: (ends: Readonly<Record<IdentityKind, number>>) => void;
}

/** Longest that a certificate under way holds up the end of a keeper. Reason: a second; a child that hangs takes twenty. */
export const STOP_WAIT_MS = 1_000;

/** First and longest wait before trying again to open an identity. Reason: a full disk may have room soon, a rotten one never. */
export const OPEN_RETRY_MS_MIN = 5_000;
export const OPEN_RETRY_MS_MAX = 600_000;

/**
 * A keeper's door to its identity. What is behind it is loaded only where there are other nodes, or once to found a site; a
 * node alone keeps none of it in memory. Nothing here delays or stops local traffic.
 */
export class IdentityService {
  readonly #host: IdentityServiceHost;
  #wishes: SiteWishes | undefined;
  #live: LiveIdentity | undefined;
  #isBegun = false;
  #turn: Promise<void> = Promise.resolve();
  #trouble: string | undefined;
  #retryAtMs = Number.POSITIVE_INFINITY;
  #retryMs = OPEN_RETRY_MS_MIN;
  readonly #opened = new Set<(live: LiveIdentity) => void>();

  constructor(host: IdentityServiceHost) {
    this.#host = host;
  }

  /** The identity of this node; `undefined` on a node alone, before it is opened, and where it cannot be. */
  get site(): SiteIdentity | undefined {
    return this.#live?.site;
  }

  get live(): LiveIdentity | undefined {
    return this.#live;
  }

  /** Why there is no identity though the documents ask for one. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Whether the documents ask for other nodes to be reached. */
  get isWanted(): boolean {
    return this.#wishes?.hasTunnel === true;
  }

  /** Calls back whenever an identity is opened, at once where one is, until the answered function is called. */
  onOpened(listener: (live: LiveIdentity) => void): () => void {
    this.#opened.add(listener);
    if (this.#live !== undefined) listener(this.#live);
    return () => this.#opened.delete(listener);
  }

  /** Another generation is served. */
  use(facts: SiteFacts, workloads: readonly LocalWorkload[]): void {
    const before = this.#wishes;
    this.#wishes = siteWishes(facts, workloads);
    if (!this.#isBegun || this.#wishes === undefined) return;
    if (before !== undefined && isSameNode(before, this.#wishes)) this.#live?.use(this.#wishes);
    else this.#reopen();
  }

  /** The node serves: from now on there is time for everything else. */
  begin(): void {
    this.#isBegun = true;
    if (this.#host.options !== undefined) this.#reopen();
  }

  /** What is on disk, also where nothing of it is loaded. Rejects with IdentityStoreError. */
  async describeStored(): Promise<IdentityDescription> {
    const { describeStored } = await import("./stored-identity.ts");
    return describeStored(this.#host.statePath, this.#env);
  }

  /** Certificates of one name in DER, leaf first. Rejects with IdentityStoreError. */
  async chainOf(name: string): Promise<readonly Uint8Array[]> {
    const { chainOfName } = await import("./describe-identity.ts");
    const { loadStored } = await import("./stored-identity.ts");
    return chainOfName(this.site ?? loadStored(this.#host.statePath, this.#env), name) ?? [];
  }

  /** The root as text, under a passphrase. Rejects with IdentityStoreError or RangeError. */
  async backup(passphrase: string): Promise<string> {
    const { backupStored } = await import("./stored-identity.ts");
    return backupStored(this.#host.statePath, this.#env, passphrase);
  }

  /** Takes the root out of a backup and goes on with it. Rejects with IdentityStoreError, and then goes on as before. */
  async takeRoot(text: string, passphrase: string, how: TakeRoot): Promise<string | undefined> {
    const { takeStored } = await import("./stored-identity.ts");
    return this.exclusively(() => takeStored(this.#host.statePath, this.#env, { text, passphrase, how }));
  }

  /** Lets somebody change what is on disk while nothing of it is in memory, and reads it again then. */
  async exclusively<Result>(act: () => Promise<Result>): Promise<Result> {
    const changed = this.#turn.then(async () => {
      await this.#close();
      return act();
    });
    this.#turn = changed.then(
      () => this.#open(),
      () => this.#open(),
    );
    const result = await changed;
    await this.#turn;
    return result;
  }

  workerStarted(worker: IdentityWorker): void {
    this.#live?.workers.greet(worker);
  }

  workerGone(id: number): void {
    this.#live?.workers.workerGone(id);
  }

  trustTaken(workerId: number, version: number): void {
    this.#live?.workers.trustTaken(workerId, version);
  }

  /** Every few seconds. */
  tick(nowMs: number): void {
    this.#live?.tick();
    if (nowMs < this.#retryAtMs) return;
    this.#retryAtMs = Number.POSITIVE_INFINITY;
    this.#reopen();
  }

  /** Resolves when nothing is under way any more, or after STOP_WAIT_MS: what was not written then is made anew. */
  async stop(): Promise<void> {
    this.#isBegun = false;
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, STOP_WAIT_MS);
    await Promise.race([this.#turn.then(() => this.#close()), late.promise]);
    clearTimeout(timer);
  }

  get #env(): IdentityOptions["env"] {
    return this.#host.options?.env ?? {};
  }

  #reopen(): void {
    this.#turn = this.#turn.then(() => this.#open());
  }

  async #open(): Promise<void> {
    const { options } = this.#host;
    const wishes = this.#wishes;
    await this.#close();
    if (options === undefined || wishes === undefined || !this.#isBegun) return;
    // A node alone that has its root already needs nothing of what would be loaded.
    if (!wishes.hasTunnel && existsSync(join(this.#host.statePath, "identity", "site"))) return;
    try {
      if (wishes.hasTunnel) await this.#openLive(options, wishes);
      else await this.#found(options, wishes);
      this.#trouble = undefined;
      this.#retryMs = OPEN_RETRY_MS_MIN;
    } catch (error) {
      this.#failed(error instanceof Error ? error.message : String(error));
      return;
    }
    if (this.#live !== undefined) for (const listener of [...this.#opened]) listener(this.#live);
  }

  async #openLive(options: IdentityOptions, wishes: SiteWishes): Promise<void> {
    const { LiveIdentity } = await import("./live-identity.ts");
    const tell = (what: IdentityEvent["what"], detail: string): void => this.#tell(what, detail);
    this.#live = await LiveIdentity.open({ ...this.#host, options, tell }, wishes);
  }

  /** Somewhere else: what it takes is not to stay in the memory of a node alone. */
  async #found({ foundProgram, env }: IdentityOptions, { trustDomain, node }: SiteWishes): Promise<void> {
    const { statePath } = this.#host;
    const problem = await foundInChild(foundProgram, { statePath, trustDomain, node, nowMs: Date.now(), env });
    if (problem !== undefined) throw new Error(problem);
    this.#tell("founded", trustDomain);
  }

  #failed(reason: string): void {
    if (this.#trouble !== reason) this.#tell("failed", reason);
    this.#trouble = reason;
    this.#retryAtMs = performance.now() + this.#retryMs;
    this.#retryMs = Math.min(this.#retryMs * 2, OPEN_RETRY_MS_MAX);
  }

  async #close(): Promise<void> {
    const live = this.#live;
    this.#live = undefined;
    if (live !== undefined) this.#host.expiries({ root: 0, issuer: 0, svid: 0 });
    await live?.close();
  }

  #tell(what: IdentityEvent["what"], detail: string): void {
    this.#host.emit({ event: "identity", what, detail });
  }
}
