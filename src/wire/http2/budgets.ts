/** What a peer may still make us do for nothing. */
import { BUDGETS } from "./limits.ts";

/** Rows that useful frames give back to. */
const REFUNDED: readonly number[] = BUDGETS.flatMap((row, i) => (row.perUsefulFrame > 0 ? [i] : []));

/** One balance per row of BUDGETS. Time is handed in; it must not go backwards (it then counts as standing still). */
export class Budgets {
  readonly #bursts: Float64Array;
  readonly #left: Float64Array;
  readonly #factor: number;
  #refilledAtMs: number;

  /** @param factor how many ordinary peers this one stands for. @param unlimited budgets that are never used up. */
  constructor(nowMs: number, factor = 1, unlimited: readonly number[] = []) {
    this.#refilledAtMs = nowMs;
    this.#factor = factor;
    this.#bursts = Float64Array.from(BUDGETS, (row, i) => (unlimited.includes(i) ? Infinity : row.burst * factor));
    this.#left = Float64Array.from(this.#bursts);
  }

  /** Takes one from a budget; false when it is used up. */
  spend(budget: number, nowMs: number): boolean {
    if (this.#left[budget]! < 1) this.#refill(nowMs);
    if (this.#left[budget]! < 1) return false;
    this.#left[budget]! -= 1;
    return true;
  }

  /** A frame with content was read or written. */
  noteUsefulFrame(): void {
    const left = this.#left;
    for (let i = 0; i < REFUNDED.length; i++) {
      const row = REFUNDED[i]!;
      const more = left[row]! + BUDGETS[row]!.perUsefulFrame;
      const burst = this.#bursts[row]!;
      left[row] = more < burst ? more : burst;
    }
  }

  #refill(nowMs: number): void {
    const seconds = (Math.max(0, nowMs - this.#refilledAtMs) / 1000) * this.#factor;
    this.#refilledAtMs = Math.max(nowMs, this.#refilledAtMs);
    for (let i = 0; i < BUDGETS.length; i++) {
      this.#left[i] = Math.min(this.#bursts[i]!, this.#left[i]! + seconds * BUDGETS[i]!.perSecond);
    }
  }
}
