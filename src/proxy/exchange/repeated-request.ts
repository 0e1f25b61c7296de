import type { Rule } from "../../model/route/rule.ts";
import type { EdgeStats } from "../../telemetry/edge-stats.ts";
import type { ForwardPlan } from "./forward-plan.ts";
import { HeadMemo } from "./head-memo.ts";

/** A decision that can be used again, and where it is counted. */
export interface RepeatedForward {
  readonly plan: ForwardPlan;
  readonly edge: EdgeStats;
}

/**
 * What was decided about the last head of a connection. It holds for the same bytes from the same caller under the same
 * snapshot, except for the split, which counts every request: so one decision per backend of the rule.
 */
export class RepeatedRequest {
  readonly memo = new HeadMemo();
  /** The rule whose split chooses; `null`: there is nothing to choose. */
  rule: Rule | null = null;
  #epoch = -1;
  #decided = false;
  #forwards: (RepeatedForward | undefined)[] = [];

  forget(): void {
    this.memo.forget();
    this.#decided = false;
    if (this.#forwards.length > 0) this.#forwards = [];
  }

  /** Something was decided about the remembered head under this snapshot. */
  isDecided(epoch: number): boolean {
    return this.#decided && this.#epoch === epoch;
  }

  /** @param backend position in the rule, 0 without one. */
  forward(backend: number): RepeatedForward | undefined {
    return this.#forwards[backend];
  }

  decided(epoch: number, rule: Rule | null, backend: number, forward: RepeatedForward): void {
    if (this.#epoch !== epoch || this.rule !== rule) this.#forwards = [];
    this.#epoch = epoch;
    this.#decided = true;
    this.rule = rule;
    this.#forwards[backend] = forward;
  }
}
