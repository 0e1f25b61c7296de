import { expect, test } from "bun:test";
import { QUIET_SHARE_MAX, QuietAfterWork } from "./quiet-after-work.ts";

const WORK_MS = 50;
const QUIET_MS = 1000 * QUIET_SHARE_MAX;

test("the first quiet second after the start counts, and no other one until there was work", () => {
  const quiet = new QuietAfterWork(WORK_MS, 150, 0);
  expect(quiet.isDue).toBe(true);
  expect(quiet.look(400, 1000)).toBe(false);
  expect(quiet.look(400 + QUIET_MS, 2000)).toBe(true);
  expect(quiet.isDue).toBe(false);
  expect(quiet.look(400 + QUIET_MS, 3000)).toBe(false);
});

test("after work the next quiet time counts, not the busy one", () => {
  const quiet = new QuietAfterWork(WORK_MS, 0, 0);
  expect(quiet.look(0, 1000)).toBe(true);
  expect(quiet.look(WORK_MS - 1, 2000)).toBe(false);
  expect(quiet.isDue).toBe(false);
  expect(quiet.look(WORK_MS, 3000)).toBe(true);
  expect(quiet.look(WORK_MS * 2, 4000)).toBe(false);
  expect(quiet.isDue).toBe(true);
  expect(quiet.look(WORK_MS * 2 + QUIET_MS, 5000)).toBe(true);
});

test("work that comes in small pieces counts as well", () => {
  const quiet = new QuietAfterWork(WORK_MS, 0, 0);
  let times = 0;
  for (let second = 1; second <= 101; second++) if (quiet.look((second - 1) * QUIET_MS, second * 1000)) times++;
  expect(times).toBe(1 + Math.floor(100 / Math.ceil(WORK_MS / QUIET_MS)));
});
