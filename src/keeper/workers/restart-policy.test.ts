import { describe, expect, test } from "bun:test";
import { CRASH_LOOP_DELAY_MS_MAX, type Death, decideRestart, RESTART_DELAY_MS_MAX } from "./restart-policy.ts";

function dieAt(deaths: readonly Death[], atMs: number, generation = 1) {
  return decideRestart(deaths, { atMs, generation });
}

describe("decideRestart", () => {
  test("starts the first one again at once and the next ones within the contract", () => {
    const first = dieAt([], 0);
    expect(first).toMatchObject({ restartAfterMs: 0, crashLoopOn: undefined });
    const second = dieAt(first.deaths, 1000);
    expect(second.crashLoopOn).toBeUndefined();
    expect(second.restartAfterMs).toBeGreaterThan(0);
    expect(second.restartAfterMs).toBeLessThanOrEqual(RESTART_DELAY_MS_MAX);
  });

  test("calls three deaths within a minute on one generation a crash loop", () => {
    const two = dieAt(dieAt([], 0).deaths, 20_000);
    expect(dieAt(two.deaths, 59_000).crashLoopOn).toBe(1);
    expect(dieAt(two.deaths, 60_001).crashLoopOn).toBeUndefined();
    expect(dieAt(two.deaths, 59_000, 2).crashLoopOn).toBeUndefined();
  });

  test("forgets, and is eager again, after a quiet minute", () => {
    const two = dieAt(dieAt([], 0).deaths, 100);
    expect(dieAt(two.deaths, 70_000)).toMatchObject({ restartAfterMs: 0, crashLoopOn: undefined });
  });

  test("never waits longer than its bound and never remembers more than it needs", () => {
    let deaths: readonly Death[] = [];
    for (let n = 0; n < 200; n++) {
      const decision = dieAt(deaths, n * 10);
      expect(decision.restartAfterMs).toBeLessThanOrEqual(CRASH_LOOP_DELAY_MS_MAX);
      deaths = decision.deaths;
    }
    expect(deaths.length).toBeLessThanOrEqual(20);
  });
});
