import { expect, test } from "bun:test";
import { ADDRESS_MISSING_MS } from "./limits.ts";
import { MissingAddresses } from "./missing-addresses.ts";

const A = "10.0.0.1";
const B = "10.0.0.2";

test("an address is gone when it was missing for a while, not when it was away for a moment", () => {
  const missing = new MissingAddresses();
  const inUse = new Set([A, B]);
  const lost = (own: readonly string[], nowMs: number) => {
    const isLost = missing.look((address) => own.includes(address), inUse, nowMs);
    return [A, B].filter(isLost);
  };
  expect(lost([A, B], 0)).toEqual([]);
  expect(lost([B], 1_000)).toEqual([]);
  expect(lost([A, B], 2_000)).toEqual([]);
  expect(lost([B], 3_000)).toEqual([]);
  expect(lost([B], 2_999 + ADDRESS_MISSING_MS)).toEqual([]);
  expect(lost([B], 3_000 + ADDRESS_MISSING_MS)).toEqual([A]);
});
