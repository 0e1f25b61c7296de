/**
 * The Huffman code of RFC 7541 appendix B. It is canonical: codes of one length count up in the order of their symbols, so
 * the lengths say everything.
 */

/** Symbols: 256 bytes and the end of string. */
export const SYMBOLS = 257;
/** The end-of-string symbol, which must never be sent. */
export const END_OF_STRING = 256;
/** Bits of the longest code. */
export const CODE_BITS_MAX = 30;

/** Length of each symbol's code in bits, as runs of `length` or `length x count`. */
const LENGTHS = `
13 23 28x7 24 30 28x2 30 28x8 30 28x9
6 10x2 12 13 6 8 11 10x2 8 11 8 6x3 5x3 6x7 7 8 15 6 12 10
13 6 7x22 8 7 8 13 19 13 14 6
15 5 6 5 6 5 6x3 5 7x2 6x3 5 6 7 6 5x2 6 7x5 15 11 14 13 28
20 22 20x2 22x3 23 22 23x5 24 23 24x2 22 23 24 23x4 21 22 23 22 23x2 24
22 21 20 22x2 23x2 21 23 22x2 24 21 22 23x2 21x2 22 21 23 22 23x2 20 22x3 23 22x2 23
26x2 20 19 22 23 22 25 26x3 27x2 26 24 25 19 21 26 27x2 26 27 24 21x2 26x2 28 27x3
20 24 20 21 22 21x2 23 22x2 25x2 24x2 26 23 26 27 26x2 27x5 28 27x5 26
30`;

/** Position = symbol. */
export const CODE_BITS: Uint8Array = Uint8Array.from(
  LENGTHS.trim()
    .split(/\s+/)
    .flatMap((run) => {
      const [bits = 0, count = 1] = run.split("x").map(Number);
      return new Array<number>(count).fill(bits);
    }),
);

/** Position = symbol; the code in the low bits. */
export const CODE: Uint32Array = (() => {
  const codes = new Uint32Array(SYMBOLS);
  let next = 0;
  for (let bits = 1; bits <= CODE_BITS_MAX; bits++) {
    next *= 2;
    for (let symbol = 0; symbol < SYMBOLS; symbol++) if (CODE_BITS[symbol] === bits) codes[symbol] = next++;
  }
  return codes;
})();
