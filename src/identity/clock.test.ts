import { describe, expect, test } from "bun:test";
import {
  CLOCK_JUMP_MS,
  type Clock,
  clockNowMs,
  floorNowMs,
  pendingNowMs,
  readClock,
  startClock,
  switchClock,
  vouchFloor,
} from "./clock.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const REAL_MS = Date.UTC(2026, 10, 22);
const END_MS = Date.UTC(2035, 0, 1);
const IN_2040_MS = Date.UTC(2040, 0, 1);
const start = (wallMs: number, floorMs = REAL_MS - DAY_MS): Clock =>
  startClock({ wallMs, monotonicMs: 1000, floorMs, latestMs: END_MS });

/** Both clocks after some time in which the wall showed `wallMs` at the end. */
const reading = (afterMs: number, wallMs: number) => ({ monotonicMs: 1000 + afterMs, wallMs });

describe("at start", () => {
  test("the wall clock is believed where it can be right", () => {
    const clock = start(REAL_MS);
    expect(clockNowMs(clock, 1000)).toBe(REAL_MS);
    expect(clock.disbelief).toBeNull();
    expect(floorNowMs(clock, 1000)).toBe(REAL_MS - DAY_MS);
  });

  test("in 1970 time goes on from the floor", () => {
    const clock = start(0);
    expect(clock.disbelief).toBe("below_floor");
    expect(clockNowMs(clock, 1000 + DAY_MS)).toBe(REAL_MS);
  });

  test("in 2040, beyond the life of the root, too", () => {
    const clock = start(IN_2040_MS);
    expect(clock.disbelief).toBe("beyond_root");
    expect(clockNowMs(clock, 1000)).toBe(REAL_MS - DAY_MS);
  });

  test("after a year on a shelf the wall clock is right, and the floor is not", () => {
    const clock = start(REAL_MS, REAL_MS - 365 * DAY_MS);
    expect(clockNowMs(clock, 1000)).toBe(REAL_MS);
  });

  test("a wall clock that is no number is not believed", () => {
    expect(start(Number.NaN).disbelief).toBe("below_floor");
  });
});

describe("the floor", () => {
  test("rises with monotonic time and never with the wall clock", () => {
    let clock = start(REAL_MS);
    clock = switchClock(readClock(clock, reading(MINUTE_MS, REAL_MS + 3 * 365 * DAY_MS)));
    expect(clockNowMs(clock, 1000 + MINUTE_MS)).toBe(REAL_MS + 3 * 365 * DAY_MS);
    expect(floorNowMs(clock, 1000 + MINUTE_MS)).toBe(REAL_MS - DAY_MS + MINUTE_MS);
  });

  test("rises to what a peer vouches for, within the life of its issuer and of the root", () => {
    const clock = start(0);
    const issuerEnd = REAL_MS + 20 * DAY_MS;
    expect(floorNowMs(vouchFloor(clock, 1000, REAL_MS, issuerEnd), 1000)).toBe(REAL_MS);
    expect(vouchFloor(clock, 1000, issuerEnd + 1, issuerEnd)).toBe(clock);
    expect(vouchFloor(clock, 1000, END_MS + 1, END_MS + DAY_MS)).toBe(clock);
    expect(vouchFloor(clock, 1000, REAL_MS - 9 * DAY_MS, issuerEnd)).toBe(clock);
    expect(vouchFloor(clock, 1000, Number.NaN, issuerEnd)).toBe(clock);
  });

  test("never falls when monotonic time does", () => {
    expect(floorNowMs(start(REAL_MS), 0)).toBe(REAL_MS - DAY_MS);
  });

  test("a spoofed jump to 2030 is over when the spoofing is, also across a restart", () => {
    let clock = switchClock(readClock(start(REAL_MS), reading(MINUTE_MS, Date.UTC(2030, 0, 1))));
    clock = switchClock(readClock(clock, reading(2 * MINUTE_MS, REAL_MS + 2 * MINUTE_MS)));
    expect(clockNowMs(clock, 1000 + 2 * MINUTE_MS)).toBe(REAL_MS + 2 * MINUTE_MS);
    const persisted = floorNowMs(clock, 1000 + 2 * MINUTE_MS);
    expect(clockNowMs(start(REAL_MS + DAY_MS, persisted), 1000)).toBe(REAL_MS + DAY_MS);
  });
});

describe("while running", () => {
  test("drift is followed", () => {
    const clock = readClock(start(REAL_MS), reading(MINUTE_MS, REAL_MS + MINUTE_MS + 2000));
    expect(clockNowMs(clock, 1000 + MINUTE_MS)).toBe(REAL_MS + MINUTE_MS + 2000);
    expect(pendingNowMs(clock, 1000 + MINUTE_MS)).toBeNull();
  });

  test.each([2 * 3_600_000, -2 * 3_600_000])("a jump by %i ms waits until it is followed", (jumpMs) => {
    const clock = readClock(start(REAL_MS), reading(MINUTE_MS, REAL_MS + MINUTE_MS + jumpMs));
    expect(clockNowMs(clock, 1000 + MINUTE_MS)).toBe(REAL_MS + MINUTE_MS);
    expect(pendingNowMs(clock, 1000 + MINUTE_MS)).toBe(REAL_MS + MINUTE_MS + jumpMs);
    expect(clockNowMs(switchClock(clock), 1000 + MINUTE_MS)).toBe(REAL_MS + MINUTE_MS + jumpMs);
  });

  test("a jump that takes itself back is forgotten", () => {
    let clock = readClock(start(REAL_MS), reading(MINUTE_MS, REAL_MS + DAY_MS));
    clock = readClock(clock, reading(2 * MINUTE_MS, REAL_MS + 2 * MINUTE_MS));
    expect(pendingNowMs(clock, 1000 + 2 * MINUTE_MS)).toBeNull();
    expect(switchClock(clock)).toBe(clock);
  });

  test("many small steps in one direction are a jump too", () => {
    let clock = start(REAL_MS);
    for (let step = 1; step <= 10; step++)
      clock = readClock(clock, reading(step * 1000, REAL_MS + step * (1000 + MINUTE_MS)));
    expect(pendingNowMs(clock, 11_000)).not.toBeNull();
    expect(Math.abs(clockNowMs(clock, 11_000) - REAL_MS - 10_000)).toBeLessThanOrEqual(CLOCK_JUMP_MS);
  });

  test.each([
    [0, "below_floor"],
    [IN_2040_MS, "beyond_root"],
  ] as const)("a wall clock at %i is held against the monotonic one", (wallMs, disbelief) => {
    let clock = readClock(start(REAL_MS), reading(DAY_MS, wallMs));
    expect(clock.disbelief).toBe(disbelief);
    expect(clockNowMs(clock, 1000 + DAY_MS)).toBe(REAL_MS + DAY_MS);
    expect(pendingNowMs(clock, 1000 + DAY_MS)).toBeNull();
    clock = readClock(clock, reading(DAY_MS + 1000, REAL_MS + DAY_MS + 1000));
    expect(clock.disbelief).toBeNull();
  });

  test("the first right time after a start in 1970 is a jump forward that waits", () => {
    const clock = readClock(start(0), reading(MINUTE_MS, REAL_MS + 9 * DAY_MS));
    expect(clockNowMs(clock, 1000 + MINUTE_MS)).toBe(REAL_MS - DAY_MS + MINUTE_MS);
    expect(pendingNowMs(clock, 1000 + MINUTE_MS)).toBe(REAL_MS + 9 * DAY_MS);
  });
});
