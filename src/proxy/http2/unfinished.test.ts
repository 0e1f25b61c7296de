import { expect, test } from "bun:test";
import { FRAME_TIMEOUT_MS, HEAD_TIMEOUT_MS } from "../limits.ts";
import { Unfinished } from "./unfinished.ts";

const reading = (isMidFrame: boolean, completed: number, continuedId = 0) => ({
  continuedId,
  reader: { isMidFrame, completed },
});

test("a frame has its time from when it began, however often a byte of it comes; the next one has its own", () => {
  const unfinished = new Unfinished();
  expect(unfinished.look(reading(true, 3), 1000)).toBe(true);
  for (let nowMs = 2000; nowMs < 9000; nowMs += 1000) expect(unfinished.look(reading(true, 3), nowMs)).toBe(false);
  expect([unfinished.what, unfinished.dueMs]).toEqual(["frame", 1000 + FRAME_TIMEOUT_MS]);
  expect(unfinished.look(reading(true, 4), 9000)).toBe(true);
  expect(unfinished.dueMs).toBe(9000 + FRAME_TIMEOUT_MS);
  expect(unfinished.look(reading(false, 5), 9500)).toBe(false);
  expect(unfinished.dueMs).toBe(Number.POSITIVE_INFINITY);
});

test("a head has its time from its first frame, however many more come", () => {
  const unfinished = new Unfinished();
  expect(unfinished.look(reading(false, 1, 7), 1000)).toBe(true);
  expect(unfinished.look(reading(false, 2, 7), 2000)).toBe(false);
  expect(unfinished.look(reading(true, 2, 7), 3000)).toBe(true);
  expect([unfinished.what, unfinished.dueMs]).toEqual(["head", 1000 + HEAD_TIMEOUT_MS]);
  unfinished.look(reading(false, 3), 4000);
  expect(unfinished.dueMs).toBe(Number.POSITIVE_INFINITY);
});
