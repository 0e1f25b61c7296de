import { rmSync } from "node:fs";
import type { Issue } from "../../model/issue.ts";
import { drainedText, withDrained } from "../generation/drained.ts";
import { diffGenerations } from "../generation/generation-diff.ts";
import type { Overlay } from "../generation/overlay.ts";
import { changedByDrain, deltaFrames, fullFrames, type Served } from "../generation/served.ts";
import { type Current, DRAINED_MAX, type GoodGeneration, succeed } from "../state/current.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import type { DeployOutcome, FramesFor } from "../workers/fleet.ts";
import type { CompileOutcome, CompileRequest } from "./compile-child.ts";
import { type Candidate, GenerationStore, type Good } from "./generation-store.ts";

/** Changes that may wait for one another. Reason: operators and watchers, not machines; more than this is a loop. */
export const CHANGES_WAITING_MAX = 32;

/** Records of a generation without documents: the site, and its listeners. */
export const EMPTY_RECORDS_MAX = 4;

/** What carries out a decision of this class. */
export interface ConfigurationPorts {
  compile(request: CompileRequest): Promise<CompileOutcome>;
  /** Digest of the sources as they are now. */
  digest(): string;
  deploy(generation: number, framesFor: FramesFor): Promise<DeployOutcome>;
  /** From now on workers get this; those that have something else are brought to it. */
  serve(served: Served): void;
  /** Something happened that the operator wants to know. */
  announce(event: ConfigurationEvent): void;
}

export type ConfigurationEvent =
  | {
      readonly event: "config_applied";
      readonly generation: number;
      readonly mode: "full" | "delta";
      readonly tookMs: number;
    }
  | { readonly event: "config_unchanged"; readonly generation: number }
  | {
      readonly event: "config_rejected";
      readonly generation: number;
      readonly reason: string;
      readonly issues: readonly Issue[];
    }
  | { readonly event: "crash_loop"; readonly bad: number; readonly generation: number };

export interface ConfigurationOptions {
  readonly state: StateDirectory;
  readonly paths: readonly string[];
  readonly node: string | undefined;
  /** Whether the sources may begin with no file at all, as those that are applied do. */
  readonly mayBeEmpty?: boolean;
  /** Live: real ports of listeners, by key. */
  readonly ports: ReadonlyMap<string, number>;
  readonly actions: ConfigurationPorts;
}

export type ChangeOutcome =
  | { readonly ok: true; readonly generation: number; readonly isPersisted: boolean }
  | { readonly ok: false; readonly reason: string; readonly issues: readonly Issue[] };

/**
 * What the node serves and how that changes: each change is a transaction that all workers take up, or nothing happened.
 * Changes wait for one another. Only what was acknowledged becomes `current` on disk.
 */
export class Configuration {
  readonly #options: ConfigurationOptions;
  readonly #store: GenerationStore;
  #current: Current | undefined;
  #served: Served | undefined;
  /** What served before this keeper. */
  #before: Served | undefined;
  /** A boot's first generation, until a worker has acknowledged it. */
  #unproven: Current | undefined;
  #highest = 0;
  #refused: { readonly reason: string; readonly issues: readonly Issue[] } | undefined;
  #isLooping = false;
  #refusedDigest = "";
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ConfigurationOptions) {
    this.#options = options;
    const { state, paths, node, ports, actions } = options;
    this.#store = new GenerationStore(state, ports, (out) => {
      return actions.compile({ paths, node, mayBeEmpty: this.#mayBeEmpty(), out });
    });
  }

  get served(): Served | undefined {
    return this.#served;
  }

  /** What was served under a number, as far as its file is still kept; without what lay over it then, unless it is served now. */
  servedAs(generation: number): Served | undefined {
    const served = this.#served;
    if (served?.generation === generation) return served;
    // A file is first served under its own number, and maybe under higher ones until the next file takes its place.
    const kept = [...(served === undefined ? [] : [served]), ...(this.#current?.previous ?? [])];
    const made = kept.filter(
      ({ file, generation: last }) => Number.parseInt(file, 10) <= generation && generation <= last,
    );
    const newest = made.sort((a, b) => Number.parseInt(b.file, 10) - Number.parseInt(a.file, 10))[0];
    return newest && this.#store.open({ generation, file: newest.file }, new Set());
  }

  /** Problems of the last attempt where that was refused, else the warnings of what is served. */
  get issues(): readonly Issue[] {
    return this.#refused?.issues ?? (this.#unproven ?? this.#current)?.issues ?? [];
  }

  get conditions(): readonly unknown[] {
    return (this.#unproven ?? this.#current)?.conditions ?? [];
  }

  get drained(): readonly string[] {
    return [...(this.#served?.overlay.drained ?? [])];
  }

  /** Why what is served is not what the sources say; empty when it is. */
  get degraded(): readonly string[] {
    const reasons: string[] = [];
    if (this.#refused !== undefined) reasons.push("config");
    if (this.#isLooping) reasons.push("crash_loop");
    return reasons;
  }

  /** Why the last attempt was refused, or `undefined`. */
  get refusal(): string | undefined {
    return this.#refused?.reason;
  }

  /**
   * Finds what to serve at start: what was current if the sources are as they were, else what they compile to now, else the
   * last good one. The answer is false where there is nothing at all; then `issues` says why.
   */
  boot(): Promise<boolean> {
    return this.#exclusive(async () => {
      const { state, actions } = this.#options;
      const good = this.#store.lastGood();
      this.#before = good?.served;
      // What a lost generation was called must not be another one's name.
      this.#highest = state.nextGeneration(good?.current ?? state.readCurrent()) - 1;
      const digest = actions.digest();
      const isKnown = good !== undefined && digest === good.current.sourcesDigest;
      if (!isKnown) {
        const candidate = await this.#compile(digest);
        if (candidate !== undefined) return this.#bootWith(candidate, good);
      }
      if (good === undefined) return false;
      this.#current = good.current;
      this.#serve(good.served);
      return true;
    });
  }

  /** Compiles the sources and brings the workers to them. `isForced`: also where they were refused as they are. */
  reload(isForced: boolean): Promise<ChangeOutcome> {
    return this.#exclusive(() => this.#reload(isForced));
  }

  /** A worker serves `generation`: what a boot began with is proven by that. */
  acknowledged(generation: number): void {
    if (this.#unproven?.generation === generation) this.#commit(this.#unproven);
  }

  /** What to serve instead of a generation that kills workers, or `undefined` where there is nothing better. */
  crashLoop(generation: number): Served | undefined {
    if (this.#served?.generation !== generation) return undefined;
    const bad = this.#served;
    this.#isLooping = true;
    const before = this.#current?.previous ?? [];
    // What a boot began with is not current yet: then the current one is the last good one.
    const good = this.#unproven === undefined || this.#current === undefined ? before : [this.#current, ...before];
    for (const candidate of good) {
      if (candidate.file === bad.file) continue;
      const instead = this.#store.open(candidate, bad.overlay.drained);
      if (instead === undefined) continue;
      return this.#goBack(bad, instead, good);
    }
    return undefined;
  }

  /**
   * Takes an endpoint (`workload key` or `workload key|address`) out of rotation, or puts it back. Compiles nothing: the
   * few records that mention it are sent as a delta, and the choice is kept across restarts.
   */
  drain(endpoint: string, isDrained: boolean): Promise<ChangeOutcome> {
    return this.#exclusive(() => this.#drain(endpoint, isDrained));
  }

  /** Waits for its turn. Rejects where too many wait already. */
  #exclusive<T>(act: () => Promise<T>): Promise<T> {
    if (this.#waiting >= CHANGES_WAITING_MAX) return Promise.reject(new Error("too many changes at a time"));
    this.#waiting++;
    const turn = this.#last.then(act).finally(() => {
      this.#waiting--;
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #reload(isForced: boolean): Promise<ChangeOutcome> {
    const { actions } = this.#options;
    const digest = actions.digest();
    const served = this.#served;
    if (served === undefined) throw new Error("nothing is served yet");
    if (!isForced && (digest === this.#current?.sourcesDigest || digest === this.#refusedDigest)) {
      return { ok: true, generation: served.generation, isPersisted: true };
    }
    const startedAtMs = performance.now();
    const candidate = await this.#compile(digest);
    if (candidate === undefined) return this.#reject(digest);
    this.#refused = undefined;
    if (candidate.digest === served.digest) return this.#unchanged(candidate, served);
    const generation = this.#nextGeneration();
    const next = this.#asServed(candidate, generation, served.overlay.drained);
    const delta = diffGenerations(served, next);
    const outcome = await actions.deploy(generation, (base) =>
      delta !== undefined && base === served.generation ? deltaFrames(generation, base, delta) : fullFrames(next),
    );
    if (!outcome.ok) return this.#revert(served, candidate, outcome.reason, outcome.isTouched);
    this.#isLooping = false;
    this.#serve(next);
    const isPersisted = this.#commit(this.#currentOf(candidate, next));
    const mode = delta === undefined ? "full" : "delta";
    actions.announce({ event: "config_applied", generation, mode, tookMs: performance.now() - startedAtMs });
    return { ok: true, generation, isPersisted };
  }

  #unchanged(candidate: Candidate, served: Served): ChangeOutcome {
    rmSync(candidate.path, { force: true });
    const { sourcesDigest, issues, conditions } = candidate;
    const isPersisted =
      this.#current === undefined || this.#commit({ ...this.#current, sourcesDigest, issues, conditions });
    this.#options.actions.announce({ event: "config_unchanged", generation: served.generation });
    return { ok: true, generation: served.generation, isPersisted };
  }

  #reject(digest: string): ChangeOutcome {
    this.#refusedDigest = digest;
    const { reason, issues } = this.#refused ?? { reason: "refused", issues: [] };
    this.#options.actions.announce({
      event: "config_rejected",
      generation: this.#served?.generation ?? 0,
      reason,
      issues,
    });
    return { ok: false, reason, issues };
  }

  #revert(served: Served, candidate: Candidate, reason: string, isTouched: boolean): ChangeOutcome {
    rmSync(candidate.path, { force: true });
    this.#refused = { reason, issues: [] };
    // A worker that may have the refused one must be told; numbers never go back, so the old one gets a new number.
    if (isTouched) this.#renumber(served);
    return this.#reject(candidate.sourcesDigest);
  }

  #renumber(served: Served): void {
    const again = { ...served, generation: this.#nextGeneration() };
    this.#serve(again);
    if (this.#current !== undefined) this.#commit({ ...this.#current, generation: again.generation });
  }

  #bootWith(candidate: Candidate, good: Good | undefined): boolean {
    this.#current = good?.current;
    if (good !== undefined && good.served.digest === candidate.digest) {
      rmSync(candidate.path, { force: true });
      const { sourcesDigest, issues, conditions } = candidate;
      this.#commit({ ...good.current, sourcesDigest, issues, conditions });
      this.#serve(good.served);
      return true;
    }
    const generation = this.#nextGeneration();
    const served = this.#asServed(candidate, generation, new Set(good?.current.drained ?? []));
    this.#unproven = this.#currentOf(candidate, served);
    this.#serve(served);
    return true;
  }

  #goBack(bad: Served, instead: Served, good: readonly GoodGeneration[]): Served {
    const served = { ...instead, generation: this.#nextGeneration() };
    const before = this.#unproven ?? this.#current;
    this.#refusedDigest = before?.sourcesDigest ?? "";
    this.#unproven = undefined;
    this.#served = served;
    const previous = good.filter((one) => one.file !== bad.file && one.file !== served.file);
    this.#commit({
      generation: served.generation,
      file: served.file,
      sourcesDigest: this.#refusedDigest,
      drained: [...served.overlay.drained],
      previous,
      issues: [],
      conditions: [],
    });
    this.#options.actions.announce({ event: "crash_loop", bad: bad.generation, generation: served.generation });
    return served;
  }

  async #drain(endpoint: string, isDrained: boolean): Promise<ChangeOutcome> {
    const { actions, ports } = this.#options;
    const served = this.#served;
    if (served === undefined) throw new Error("nothing is served yet");
    const drained = withDrained(served.overlay.drained, endpoint, isDrained);
    if (typeof drained === "string") return refusal(drained);
    if (drained.size > DRAINED_MAX) return refusal(`more than ${DRAINED_MAX} endpoints are drained already`);
    const overlay: Overlay = { ports, drained };
    const changed = changedByDrain(served, overlay, endpoint);
    if (changed.length === 0 && drained.size !== served.overlay.drained.size && isDrained) {
      return refusal(`no service has an endpoint ${drainedText(endpoint)}; \`selvedge routes\` shows those there are`);
    }
    if (drained.size === served.overlay.drained.size) {
      return { ok: true, generation: served.generation, isPersisted: true };
    }
    const next: Served = { ...served, generation: this.#nextGeneration(), overlay };
    const outcome = await actions.deploy(next.generation, (base) =>
      base === served.generation ? deltaFrames(next.generation, base, changed) : fullFrames(next),
    );
    if (!outcome.ok) {
      if (outcome.isTouched) this.#renumber(served);
      return refusal(outcome.reason);
    }
    this.#serve(next);
    const current = this.#unproven ?? this.#current;
    const isPersisted =
      current === undefined || this.#commit({ ...current, generation: next.generation, drained: [...drained] });
    return { ok: true, generation: next.generation, isPersisted };
  }

  // Documents that were applied and are gone must not take the services with them.
  #mayBeEmpty(): boolean {
    const before = this.#served ?? this.#before;
    return this.#options.mayBeEmpty === true && (before === undefined || before.records <= EMPTY_RECORDS_MAX);
  }

  /** `undefined`: refused, and `#refused` says why. */
  async #compile(sourcesDigest: string): Promise<Candidate | undefined> {
    const made = await this.#store.compile(this.#peekGeneration(), sourcesDigest);
    this.#refused = made.candidate === undefined ? made : undefined;
    return made.candidate;
  }

  #asServed(candidate: Candidate, generation: number, drained: ReadonlySet<string>): Served {
    const { file, path, records, digest } = candidate;
    return { generation, file, path, records, digest, overlay: { ports: this.#options.ports, drained } };
  }

  #currentOf(candidate: Candidate, served: Served): Current {
    const { file, sourcesDigest, issues, conditions } = candidate;
    const drained = [...served.overlay.drained];
    return succeed(this.#current, { generation: served.generation, file, sourcesDigest, drained, issues, conditions });
  }

  #serve(served: Served): void {
    this.#served = served;
    this.#options.actions.serve(served);
  }

  #commit(current: Current): boolean {
    this.#unproven = undefined;
    this.#current = current;
    const { state } = this.#options;
    const isWritten = state.write("current", current);
    if (isWritten) state.prune(new Set([current.file, ...current.previous.map((good) => good.file)]));
    return isWritten;
  }

  #peekGeneration(): number {
    return Math.max(this.#highest + 1, this.#options.state.nextGeneration(this.#current));
  }

  #nextGeneration(): number {
    this.#highest = Math.max(this.#highest, this.#current?.generation ?? 0, this.#served?.generation ?? 0) + 1;
    return this.#highest;
  }
}

function refusal(reason: string): ChangeOutcome {
  return { ok: false, reason, issues: [] };
}
