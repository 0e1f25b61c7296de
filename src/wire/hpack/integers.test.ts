import { describe, expect, test } from "bun:test";
import { CONSUMED_BITS, CONSUMED_MASK, INTEGER, readInteger, writeInteger } from "./integers.ts";
import { INTEGER_MAX } from "./limits.ts";

function read(prefixBits: number, ...bytes: number[]): [value: number, bytes: number] | number {
  const answer = readInteger(Uint8Array.from(bytes), 0, bytes.length, prefixBits);
  return answer < 0 ? answer : [answer >>> CONSUMED_BITS, answer & CONSUMED_MASK];
}

describe("the examples of RFC 7541 C.1", () => {
  test("10 with a prefix of five bits", () => expect(read(5, 0xea)).toEqual([10, 1]));
  test("1337 with a prefix of five bits", () => expect(read(5, 0xff, 0x9a, 0x0a)).toEqual([1337, 3]));
  test("42 with a prefix of eight bits", () => expect(read(8, 0x2a)).toEqual([42, 1]));
});

test("what is written is read again, at every prefix and around every length", () => {
  const values = [
    0,
    1,
    14,
    15,
    16,
    30,
    31,
    62,
    63,
    126,
    127,
    128,
    254,
    255,
    256,
    16383,
    16384,
    2 ** 21,
    INTEGER_MAX - 1,
    INTEGER_MAX,
  ];
  for (let prefixBits = 1; prefixBits <= 8; prefixBits++) {
    for (const value of values) {
      const into = new Uint8Array(8);
      const end = writeInteger(into, 1, 0, prefixBits, value);
      expect(read(prefixBits, ...into.subarray(1, end))).toEqual([value, end - 1]);
    }
  }
});

test("an integer that ends too early is truncated", () => {
  expect(read(5, 0x1f)).toBe(INTEGER.TRUNCATED);
  expect(read(5, 0x1f, 0x80, 0x80)).toBe(INTEGER.TRUNCATED);
});

test("an integer that is too large or padded with zeros is refused", () => {
  expect(read(7, 0x7f, 0xff, 0xff, 0xff, 0x7f)).toBe(INTEGER.TOO_LARGE);
  expect(read(7, 0x7f, 0x80, 0x80, 0x80, 0x80, 0x00)).toBe(INTEGER.TOO_LARGE);
  expect(read(7, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)).toBe(INTEGER.TOO_LARGE);
});
