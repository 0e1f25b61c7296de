import { describe, expect, test } from "bun:test";
import { Budgets } from "./budgets.ts";
import { BUDGET, BUDGETS } from "./limits.ts";

function spendAll(budgets: Budgets, budget: number, nowMs: number): number {
  let count = 0;
  while (budgets.spend(budget, nowMs)) count++;
  return count;
}

describe("a budget", () => {
  test("has its burst at once, and no more", () => {
    const budgets = new Budgets(0);
    for (const [budget, row] of BUDGETS.entries()) expect(spendAll(budgets, budget, 0)).toBe(row.burst);
  });
  test("of a peer that stands for many is as many times larger, and refills as many times faster", () => {
    const budgets = new Budgets(0, 8);
    expect(spendAll(budgets, BUDGET.RESETS, 0)).toBe(8 * BUDGETS[BUDGET.RESETS]!.burst);
    expect(spendAll(budgets, BUDGET.RESETS, 1000)).toBe(8 * BUDGETS[BUDGET.RESETS]!.perSecond);
  });
  test("refills with time up to its burst", () => {
    const budgets = new Budgets(0);
    spendAll(budgets, BUDGET.RESETS, 0);
    expect(spendAll(budgets, BUDGET.RESETS, 2000)).toBe(BUDGETS[BUDGET.RESETS]!.perSecond * 2);
    expect(spendAll(budgets, BUDGET.RESETS, 1e9)).toBe(BUDGETS[BUDGET.RESETS]!.burst);
  });
  test("does not refill from a clock that goes backwards and forwards again", () => {
    const budgets = new Budgets(10_000);
    spendAll(budgets, BUDGET.RESETS, 10_000);
    expect(spendAll(budgets, BUDGET.RESETS, 0)).toBe(0);
    expect(spendAll(budgets, BUDGET.RESETS, 10_000)).toBe(0);
  });
  test("gets back from useful frames what its row says, never above its burst", () => {
    const budgets = new Budgets(0);
    spendAll(budgets, BUDGET.WINDOW_UPDATES, 0);
    budgets.noteUsefulFrame();
    expect(spendAll(budgets, BUDGET.WINDOW_UPDATES, 0)).toBe(BUDGETS[BUDGET.WINDOW_UPDATES]!.perUsefulFrame);
    for (let i = 0; i < 10_000; i++) budgets.noteUsefulFrame();
    expect(spendAll(budgets, BUDGET.WINDOW_UPDATES, 0)).toBe(BUDGETS[BUDGET.WINDOW_UPDATES]!.burst);
  });
  test("has a name, and stands where BUDGET says", () => {
    for (const [name, budget] of Object.entries(BUDGET))
      expect(BUDGETS[budget]!.name).toBe(name.toLowerCase().replaceAll("_", "-"));
  });
});
