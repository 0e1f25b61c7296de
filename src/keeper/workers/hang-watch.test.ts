import { describe, expect, test } from "bun:test";
import { HangWatch, HUNG_AFTER_MS } from "./hang-watch.ts";

const one = new Set([1]);

function look(watch: HangWatch, nowMs: number, heartbeat: number): boolean {
  watch.begin(nowMs, one);
  return watch.isHung(1, heartbeat);
}

describe("HangWatch", () => {
  test("takes a worker whose heart stands still for hung, and not before its time", () => {
    const watch = new HangWatch();
    for (let nowMs = 0; nowMs < HUNG_AFTER_MS; nowMs += 5000) expect(look(watch, nowMs, 7)).toBe(false);
    expect(look(watch, HUNG_AFTER_MS, 7)).toBe(true);
  });
  test("takes nobody for hung whose heart beats now and then", () => {
    const watch = new HangWatch();
    for (let i = 0; i < 100; i++) expect(look(watch, i * 5000, Math.floor(i / 3) + 1)).toBe(false);
  });
  test("blames nobody for the time in which the keeper itself stood still", () => {
    const watch = new HangWatch();
    expect(look(watch, 0, 7)).toBe(false);
    expect(look(watch, 3_600_000, 7)).toBe(false);
    expect(look(watch, 3_605_000, 7)).toBe(false);
  });
  test("gives a worker that is starting its time", () => {
    const watch = new HangWatch();
    for (let nowMs = 0; nowMs < 10 * HUNG_AFTER_MS; nowMs += 5000) expect(look(watch, nowMs, 0)).toBe(false);
  });
  test("forgets workers that are gone", () => {
    const watch = new HangWatch();
    look(watch, 0, 7);
    watch.begin(5000, new Set());
    for (let nowMs = 5000; nowMs < HUNG_AFTER_MS + 5000; nowMs += 5000) expect(look(watch, nowMs, 7)).toBe(false);
  });
});
