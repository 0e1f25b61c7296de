import { rmSync } from "node:fs";
import type { Issue } from "../../model/issue.ts";
import { verifyGeneration } from "../generation/generation-scan.ts";
import type { Served } from "../generation/served.ts";
import type { Current, GoodGeneration } from "../state/current.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import type { CompileOutcome } from "./compile-child.ts";

/** A generation file that was compiled and verified, and what compiling said. */
export interface Candidate {
  readonly file: string;
  readonly path: string;
  readonly records: number;
  readonly digest: string;
  readonly sourcesDigest: string;
  readonly issues: readonly Issue[];
  readonly conditions: readonly unknown[];
}

/** What served before, verified again. */
export interface Good {
  readonly current: Current;
  readonly served: Served;
}

export type Made =
  | { readonly candidate: Candidate }
  | { readonly candidate: undefined; readonly reason: string; readonly issues: readonly Issue[] };

/** Makes and finds generation files; believes none of them before it has verified it. */
export class GenerationStore {
  readonly #state: StateDirectory;
  readonly #ports: ReadonlyMap<string, number>;
  readonly #compile: (out: string) => Promise<CompileOutcome>;

  constructor(
    state: StateDirectory,
    ports: ReadonlyMap<string, number>,
    compile: (out: string) => Promise<CompileOutcome>,
  ) {
    this.#state = state;
    this.#ports = ports;
    this.#compile = compile;
  }

  /** Compiles to disk, or to memory where the disk does not take it. */
  async compile(generation: number, sourcesDigest: string): Promise<Made> {
    const file = `${generation}.ndjson`;
    const onDisk = await this.#compileTo(`${this.#state.file("generations")}/${file}`, file, sourcesDigest);
    if (!onDisk.isDiskSuspected) {
      this.#state.forgive("generations");
      return onDisk;
    }
    const inMemory = await this.#compileTo(`${this.#state.memoryPath()}/${file}`, file, sourcesDigest);
    if (inMemory.candidate !== undefined) this.#state.note("generations", onDisk.reason);
    return inMemory;
  }

  /** What was current, or the newest file that is whole where the note of that is rotten. */
  lastGood(): Good | undefined {
    const current = this.#state.readCurrent();
    if (current === undefined) return this.#newestWhole();
    for (const good of [current, ...current.previous]) {
      const served = this.open(good, new Set(current.drained));
      if (served === undefined) continue;
      if (good === current) return { current, served };
      const previous = current.previous.filter((one) => one.file !== good.file);
      return this.#fallenBack({ ...current, file: good.file, previous }, served);
    }
    return undefined;
  }

  /** A file under the number it was good as; `undefined`, and noted, where it is not whole. */
  open(good: GoodGeneration, drained: ReadonlySet<string>): Served | undefined {
    const { generation, file } = good;
    const path = this.#state.generationPath(file);
    try {
      return { generation, file, path, ...verifyGeneration(path), overlay: { ports: this.#ports, drained } };
    } catch (error) {
      this.#state.note(file, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  #newestWhole(): Good | undefined {
    for (const file of this.#state.generationsNewestFirst()) {
      const generation = Number.parseInt(file, 10);
      const served = this.open({ generation, file }, new Set());
      const unknown = { sourcesDigest: "", drained: [], previous: [], issues: [], conditions: [] };
      if (served !== undefined) return this.#fallenBack({ generation, file, ...unknown }, served);
    }
    return undefined;
  }

  // What is not the newest gets a number of its own, and an empty digest, so that the sources are compiled again.
  #fallenBack(made: Current, served: Served): Good {
    const generation = this.#state.nextGeneration(made);
    const current = { ...made, generation, sourcesDigest: "", issues: [], conditions: [] };
    return { current, served: { ...served, generation } };
  }

  async #compileTo(path: string, file: string, sourcesDigest: string): Promise<Made & Suspicion> {
    const outcome = await this.#compile(path);
    if (outcome.kind === "failed") {
      return { candidate: undefined, reason: outcome.reason, issues: [], isDiskSuspected: !outcome.wasKilled };
    }
    const { issues, conditions } = outcome;
    if (!outcome.ok) {
      return { candidate: undefined, reason: "the configuration has errors", issues, isDiskSuspected: false };
    }
    try {
      const facts = verifyGeneration(path);
      return { candidate: { file, path, ...facts, sourcesDigest, issues, conditions }, isDiskSuspected: false };
    } catch (error) {
      rmSync(path, { force: true });
      const reason = error instanceof Error ? error.message : String(error);
      return { candidate: undefined, reason, issues: [], isDiskSuspected: true };
    }
  }
}

type Suspicion = { readonly isDiskSuspected: false } | { readonly isDiskSuspected: boolean; readonly reason: string };
