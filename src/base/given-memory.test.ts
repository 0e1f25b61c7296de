import { expect, test } from "bun:test";
import { giveBack, isWhole } from "./given-memory.ts";

test("only bytes that are large, and all of their memory, can be given back", () => {
  const buffer = new ArrayBuffer(64 * 1024);
  expect(isWhole(new Uint8Array(buffer))).toBe(true);
  expect(isWhole(new Uint8Array(buffer, 1))).toBe(false);
  expect(isWhole(new Uint8Array(buffer, 0, 32 * 1024))).toBe(false);
  expect(isWhole(new Uint8Array(100))).toBe(false);
});

test("memory that was given back is gone, and can be given back again", () => {
  const bytes = new Uint8Array(64 * 1024);
  giveBack(bytes.buffer);
  giveBack(bytes.buffer);
  expect(bytes.length).toBe(0);
});
