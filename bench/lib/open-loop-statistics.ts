/** What an open-loop run saw. */
import { percentile } from "./statistics.ts";

export interface OpenLoopResult {
  readonly sent: number;
  readonly answered: number;
  /** Answers other than 200, lost connections, answers that never came. */
  readonly errors: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  /** 99.9th percentile of the time between two timer ticks: where it is large, the generator itself was starved. */
  readonly tickP999Us: number;
}

/** Collects latencies in milliseconds. */
export class OpenLoopStatistics {
  readonly #latenciesMs: number[] = [];
  readonly #ticksMs: number[] = [];
  #sent = 0;
  #errors = 0;

  sent(): void {
    this.#sent++;
  }

  answered(latencyMs: number): void {
    this.#latenciesMs.push(latencyMs);
  }

  failed(): void {
    this.#errors++;
  }

  ticked(gapMs: number): void {
    this.#ticksMs.push(gapMs);
  }

  get unanswered(): number {
    return this.#sent - this.#latenciesMs.length;
  }

  result(): OpenLoopResult {
    const us = (share: number) => Math.round(percentile(this.#latenciesMs, share) * 1000);
    return {
      sent: this.#sent,
      answered: this.#latenciesMs.length,
      errors: this.#errors + this.unanswered,
      p50Us: us(0.5),
      p99Us: us(0.99),
      p999Us: us(0.999),
      maxUs: us(1),
      tickP999Us: Math.round(percentile(this.#ticksMs, 0.999) * 1000),
    };
  }
}
