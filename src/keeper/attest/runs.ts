import { isAlive, type ProcessIdentity } from "../workers/process-identity.ts";

/** Most runs registered at a time. Reason: each question walks the trees of all of them. */
export const RUNS_MAX = 128;

/** A process that `selvedge run` registered as a workload; its descendants count as it. */
export interface Run extends ProcessIdentity {
  /** Key of the WorkloadRecord. */
  readonly workload: string;
  readonly registeredByUid: number;
}

/** The runs there are. Those whose process is gone are forgotten whenever somebody looks. */
export class Runs {
  readonly #runs = new Map<number, Run>();
  readonly #onChange: (runs: readonly Run[]) => void;

  /** `onChange` is told the list whenever it is another one. `earlier`: those an earlier keeper knew. */
  constructor(earlier: readonly Run[], onChange: (runs: readonly Run[]) => void) {
    this.#onChange = onChange;
    for (const run of earlier) if (isAlive(run)) this.#runs.set(run.pid, run);
  }

  get list(): readonly Run[] {
    this.#forgetGone();
    return [...this.#runs.values()];
  }

  /** False where there are too many, or the process is gone already. A process can be one workload only: the last word counts. */
  register(run: Run): boolean {
    this.#forgetGone();
    if (!isAlive(run) || (this.#runs.size >= RUNS_MAX && !this.#runs.has(run.pid))) return false;
    this.#runs.set(run.pid, run);
    this.#onChange([...this.#runs.values()]);
    return true;
  }

  /** Nothing where it is not registered. */
  remove(pid: number): void {
    if (this.#runs.delete(pid)) this.#onChange([...this.#runs.values()]);
  }

  #forgetGone(): void {
    let isChanged = false;
    for (const run of this.#runs.values()) if (!isAlive(run)) isChanged = this.#runs.delete(run.pid) || isChanged;
    if (isChanged) this.#onChange([...this.#runs.values()]);
  }
}

/** Runs out of what was read from disk; those of another shape are left out. */
export function parseRuns(value: unknown): Run[] {
  return Array.isArray(value) ? value.filter(isRun).slice(0, RUNS_MAX) : [];
}

function isRun(value: unknown): value is Run {
  if (typeof value !== "object" || value === null) return false;
  const { pid, startTime, workload, registeredByUid } = value as Partial<Run>;
  return [pid, startTime, registeredByUid].every(Number.isSafeInteger) && typeof workload === "string";
}
