import { describe, expect, test } from "bun:test";
import { referenceHuffman } from "../../../test/support/reference-hpack.ts";
import { BAD_HUFFMAN, decodeHuffman, encodeHuffman, huffmanBytes } from "./huffman.ts";
import { CODE, CODE_BITS, END_OF_STRING } from "./huffman-code.ts";

const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const textOf = (bytes: Uint8Array) => String.fromCharCode(...bytes);

function decode(...bytes: number[]): string | number {
  const into = new Uint8Array(300).fill(0xee);
  const end = decodeHuffman(Uint8Array.from([0xff, ...bytes, 0xff]), 1, 1 + bytes.length, into, 3);
  return end === BAD_HUFFMAN ? end : textOf(into.subarray(3, end));
}

function encode(text: string): Uint8Array {
  const from = bytesOf(text);
  const into = new Uint8Array(huffmanBytes(from, 0, from.length) + 2);
  const end = encodeHuffman(from, 0, from.length, into, 1);
  expect(end).toBe(into.length - 1);
  return into.subarray(1, end);
}

describe("the code", () => {
  test("is complete: no bits lead nowhere", () => {
    expect(CODE_BITS.reduce((sum, bits) => sum + 2 ** -bits, 0)).toBe(1);
    expect(CODE[END_OF_STRING]).toBe(0x3fffffff);
  });
  test("has the codes that RFC 7541 appendix B shows", () => {
    for (const [character, code, bits] of [
      ["0", 0x0, 5],
      ["a", 0x3, 5],
      [" ", 0x14, 6],
      ["&", 0xf8, 8],
      ["\\", 0x7fff0, 19],
      ["\n", 0x3ffffffc, 30],
      ["\xff", 0x3ffffee, 26],
    ] as const) {
      const symbol = character.charCodeAt(0);
      expect([CODE[symbol], CODE_BITS[symbol]]).toEqual([code, bits]);
    }
  });
});

test("every byte alone, and all together, come back as they were", () => {
  const all = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i));
  for (const text of [...all, all.join(""), all.toReversed().join(""), ""]) {
    const packed = encode(text);
    expect(decode(...packed)).toBe(text);
    expect(referenceHuffman([...packed])).toBe(text);
  }
});

test("the end-of-string symbol is refused wherever it comes", () => {
  expect(decode(0xff, 0xff, 0xff, 0xff)).toBe(BAD_HUFFMAN);
  expect(decode(...encode("a"), 0xff, 0xff, 0xff, 0xfc)).toBe(BAD_HUFFMAN);
});

test("padding is refused when it is longer than seven bits or not all ones", () => {
  expect(decode(0b00011_111)).toBe("a");
  expect(decode(0b00011_110)).toBe(BAD_HUFFMAN);
  expect(decode(0b00011_000)).toBe(BAD_HUFFMAN);
  expect(decode(0b00011_111, 0xff)).toBe(BAD_HUFFMAN);
  expect(decode(0xff)).toBe(BAD_HUFFMAN);
});

test("a text longer than the room for it is refused, and nothing is written past the end", () => {
  const into = new Uint8Array(4);
  const packed = encode("aaaaa");
  expect(decodeHuffman(packed, 0, packed.length, into, 0)).toBe(BAD_HUFFMAN);
});

test("random bytes are read as the reference reads them, or refused by both", () => {
  let seed = 7;
  for (let i = 0; i < 20_000; i++) {
    const bytes = Array.from({ length: i % 9 }, () => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return seed >>> 24;
    });
    let expected: string | number = BAD_HUFFMAN;
    try {
      expected = referenceHuffman(bytes);
    } catch {}
    expect(decode(...bytes)).toBe(expected);
  }
});
