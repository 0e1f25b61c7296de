/** What a peer may still make us do for nothing. */
import { BUDGETS } from "./limits.ts";

/** Rows that useful frames give back to. */
const REFUNDED: readonly number[] = BUDGETS.flatMap((row, i) => (row.perUsefulFrame > 0 ? [i] : []));
const BURSTS = Float64Array.from(BUDGETS, (row) => row.burst);

/** One balance per row of BUDGETS. Time is handed in; it must not go backwards (it then counts as standing still). */
export class Budgets {
  readonly #left = Float64Array.from(BURSTS);
  #refilledAtMs: number;

  constructor(nowMs: number) {
    this.#refilledAtMs = nowMs;
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
      left[row] = more < BURSTS[row]! ? more : BURSTS[row]!;
    }
  }

  #refill(nowMs: number): void {
    const seconds = Math.max(0, nowMs - this.#refilledAtMs) / 1000;
    this.#refilledAtMs = Math.max(nowMs, this.#refilledAtMs);
    for (let i = 0; i < BUDGETS.length; i++) {
      this.#left[i] = Math.min(BURSTS[i]!, this.#left[i]! + seconds * BUDGETS[i]!.perSecond);
    }
  }
}
