import { expect, test } from "bun:test";
import { isWholeBlock } from "./h2-bridge-frames.ts";

/** A literal without indexing: a name from the static table, and a value as it is. */
const literal = (value: readonly number[]): number[] => [0x01, value.length, ...value];

test("a block is whole where its last field ends, whatever its strings hold", () => {
  for (let last = 0; last < 256; last++) {
    const fields = [0x82, ...literal([last, last]), 0x87, ...literal(Array.from({ length: 126 }, () => last))];
    expect([last, isWholeBlock(Uint8Array.from(fields))]).toEqual([last, true]);
    expect([last, isWholeBlock(Uint8Array.from(fields.slice(0, -1)))]).toEqual([last, false]);
  }
  const long = Array.from({ length: 300 }, () => 0x41);
  // 300 is 127 and 173: a first byte that is full, then 173 in two.
  expect(isWholeBlock(Uint8Array.from([0x40, 1, 0x61, 127, 0xad, 0x01, ...long]))).toBe(true);
  expect(isWholeBlock(Uint8Array.from([0x40, 1, 0x61, 127, 0xad, 0x01, ...long, 0x41]))).toBe(false);
});
