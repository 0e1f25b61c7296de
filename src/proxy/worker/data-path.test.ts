import { expect, test } from "bun:test";
import { connectionsMax } from "./data-path.ts";

test("connectionsMax() leaves a tenth of the descriptors for everything else, and never exceeds the bound", () => {
  expect(connectionsMax(1024)).toBe(460);
  expect(2 * connectionsMax(4096)).toBeLessThan(4096 * 0.91);
  expect(connectionsMax(Number.POSITIVE_INFINITY)).toBe(8192);
});
