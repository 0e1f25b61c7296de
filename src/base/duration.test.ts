import { expect, test } from "bun:test";
import { formatDuration, parseDuration } from "./duration.ts";

test("durations add up over their groups", () => {
  expect(parseDuration("1h30m")).toBe(5_400_000);
  expect(parseDuration("10s500ms")).toBe(10_500);
  expect(parseDuration("0s")).toBe(0);
  expect(parseDuration("99999h")).toBe(99_999 * 3_600_000);
});

test("what GEP-2257 does not allow is no duration", () => {
  for (const text of ["", "10", "1.5s", "-1s", "100000s", "1d", "1s ", "1s1s1s1s1s", "s", "1S"]) {
    expect(parseDuration(text)).toBeUndefined();
  }
});

test("a formatted duration parses to the same number", () => {
  for (const durationMs of [0, 1, 999, 1000, 61_001, 3_600_000, 5_400_000, 359_996_400_000, 719_992_800_000]) {
    expect(parseDuration(formatDuration(durationMs))).toBe(durationMs);
  }
  expect(formatDuration(5_400_000)).toBe("1h30m");
});
