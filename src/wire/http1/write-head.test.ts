import { describe, expect, test } from "bun:test";
import { asciiBytes } from "./byte-classes.ts";
import { copyBytes, FULL, writeAscii, writeDecimal, writeHexChunkSize, writeText } from "./write-head.ts";

const decoder = new TextDecoder("latin1");

function written(write: (target: Uint8Array) => number, size = 64): string {
  const target = new Uint8Array(size);
  const end = write(target);
  return end === FULL ? "FULL" : decoder.decode(target.subarray(0, end));
}

describe("numbers", () => {
  for (const value of [0, 7, 9, 10, 99, 100, 4294967296, 999_999_999_999_999, Number.MAX_SAFE_INTEGER]) {
    test(`${value} is written in decimal as it is`, () =>
      expect(written((t) => writeDecimal(t, 0, value))).toBe(String(value)));
  }
  for (const value of [1, 15, 16, 255, 256, 65536, 0x0fffffff, 0x10000000, 0x7fffffff]) {
    test(`${value} is written as a chunk size`, () =>
      expect(written((t) => writeHexChunkSize(t, 0, value))).toBe(`${value.toString(16)}\r\n`));
  }
});

test("bytes short and long are copied whole and alone", () => {
  for (const length of [0, 1, 64, 65, 300]) {
    const source = Uint8Array.from({ length: length + 10 }, (_, i) => i % 251);
    const target = new Uint8Array(400);
    expect(copyBytes(target, 3, source, 5, 5 + length)).toBe(3 + length);
    expect(target.subarray(3, 3 + length)).toEqual(source.subarray(5, 5 + length));
    expect(target[2]! + target[3 + length]!).toBe(0);
  }
});

test("what does not fit is FULL, stays FULL, and writes nothing past the end", () => {
  const backing = new Uint8Array(12).fill(0xee);
  const target = backing.subarray(2, 8);
  expect(writeAscii(target, 0, asciiBytes("1234567"))).toBe(FULL);
  expect(writeAscii(target, 0, asciiBytes("123456"))).toBe(6);
  expect(writeDecimal(target, 5, 10)).toBe(FULL);
  expect(writeDecimal(target, FULL, 1)).toBe(FULL);
  expect(writeHexChunkSize(target, 4, 1)).toBe(FULL);
  expect(writeText(target, 6, "x")).toBe(FULL);
  expect(copyBytes(target, FULL, backing, 0, 1)).toBe(FULL);
  expect([...backing.subarray(8)]).toEqual([0xee, 0xee, 0xee, 0xee]);
});

test("text that would write a line of its own is thrown out", () => {
  for (const bad of ["a\r\nb", "a\nb", "\0", "\x7f", "€"]) {
    expect(() => writeText(new Uint8Array(16), 0, bad)).toThrow(RangeError);
  }
  expect(written((t) => writeText(t, 0, "caf\u00e9\t1"))).toBe("caf\u00e9\t1");
});
