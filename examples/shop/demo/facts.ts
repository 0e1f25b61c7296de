/** What the demo claims, kept as counts while it runs and judged at its end. */
import { BATCH_REQUESTS, type BatchReport, type RefusalReport } from "../service.ts";

/**
 * A killed worker must answer again within this, or the demo has failed. Reason: it takes 100 to 200 ms, and 500 are promised and
 * tested (`test/integration/keeper.test.ts`); a machine that is busy with other things must not make a newcomer's first try fail.
 */
export const RESTART_MAX_MS = 2_000;

export interface Restart {
  readonly pid: number;
  readonly backMs: number;
  /** Requests counted before the kill and after the new worker answered. */
  readonly countBefore: number;
  readonly countAfter: number;
}

export interface Fact {
  readonly holds: boolean;
  readonly text: string;
}

/** Collects reports of the traffic makers. */
export class Observations {
  v1 = 0;
  v2 = 0;
  /** Batches without an error before a worker was killed, and how many of them held exactly the share asked for. */
  batches = 0;
  exactBatches = 0;
  /** Errors outside of a worker's death, and those in a batch that a death cut through. */
  errors = 0;
  errorsAtKill = 0;
  lastError = "";
  refusals = 0;
  /** Attempts of the intruder that were answered otherwise. */
  notRefused = 0;
  lastRefusal: RefusalReport | undefined;
  why = "";
  restart: Restart | undefined;
  /** Requests that crossed from one machine to the other; `undefined` where there is one machine. */
  crossed: number | undefined;
  #isDeathExpected = false;
  #hadDeath = false;
  /** The batch under way began under other weights. */
  #isStraddling = false;
  #share = 0.01;

  /** From here on the split is asked to be this; what was counted for another one is dropped. */
  expectShare(share: number): void {
    if (share === this.#share) return;
    this.#share = share;
    this.v1 = this.v2 = this.batches = this.exactBatches = 0;
    this.#isStraddling = true;
  }

  /** The next batch with errors is the one that a worker's death cut through. */
  expectDeath(): void {
    this.#isDeathExpected = true;
    this.#hadDeath = true;
  }

  batch(report: BatchReport): void {
    if (this.#isStraddling) {
      this.#isStraddling = false;
      return;
    }
    this.v1 += report.v1;
    this.v2 += report.v2;
    if (report.errors > 0) {
      this.lastError = report.lastError;
      if (this.#isDeathExpected) this.errorsAtKill += report.errors;
      else this.errors += report.errors;
      return;
    }
    if (this.restart !== undefined) this.#isDeathExpected = false;
    // A worker that is killed in the middle of a block leaves batches and blocks out of step from then on.
    if (this.#hadDeath) return;
    this.batches++;
    if (Math.abs(report.v2 - this.#share * BATCH_REQUESTS) < 1e-9) this.exactBatches++;
  }

  refusal(report: RefusalReport): void {
    if (report.status === 403) {
      this.refusals++;
      this.lastRefusal = report;
    } else if (report.status !== 0 || !this.#isDeathExpected) this.notRefused++;
  }

  /** All that was claimed. A split may be off by one block for each worker that died in the middle of one. */
  facts(): Fact[] {
    const total = this.v1 + this.v2;
    const offBlocks = this.#hadDeath ? 2 : 1;
    const isSplitExact = total >= BATCH_REQUESTS && Math.abs(this.v2 - total * this.#share) <= offBlocks;
    const { restart, lastRefusal } = this;
    return [
      {
        holds: isSplitExact,
        text: `orders v2 got ${this.v2} of ${total.toLocaleString("en")} requests (${percent(this.v2, total)}, wanted ${percent(this.#share, 1)}); ${this.exactBatches} of ${this.batches} batches of ${BATCH_REQUESTS}${this.#hadDeath ? " before a worker was killed" : ""} held exactly that`,
      },
      {
        holds: this.refusals > 0 && this.notRefused === 0,
        text: `intruder.dev was refused ${this.refusals} times and let through ${this.notRefused} times${lastRefusal === undefined ? "" : ` (${lastRefusal.status} ${lastRefusal.reason}, id ${lastRefusal.id})`}`,
      },
      {
        holds: this.why !== "",
        text: this.why === "" ? "no refusal was explained" : "a refusal explained itself, see below",
      },
      {
        holds: this.errors === 0,
        text: `${this.errors} requests of web failed${this.errors > 0 ? ` (${this.lastError})` : ""}`,
      },
      restartFact(restart, this.errorsAtKill),
      ...(this.crossed === undefined ? [] : [crossedFact(this.crossed)]),
    ];
  }
}

function crossedFact(crossed: number): Fact {
  return {
    holds: crossed > 0,
    text: `${crossed.toLocaleString("en")} requests crossed between the machines, all in mutual TLS, both nodes and every caller proven by certificate`,
  };
}

function restartFact(restart: Restart | undefined, errors: number): Fact {
  if (restart === undefined) return { holds: false, text: "no worker was killed" };
  const { pid, backMs, countBefore, countAfter } = restart;
  return {
    holds: backMs <= RESTART_MAX_MS && countAfter >= countBefore,
    text: `worker ${pid} was killed; answers came again after ${Math.round(backMs)} ms, counts went on (${countBefore.toLocaleString("en")} before, ${countAfter.toLocaleString("en")} after; ${errors} requests lost in between)`,
  };
}

function percent(part: number, whole: number): string {
  return whole === 0 ? "-" : `${((part / whole) * 100).toFixed(2)} %`;
}
