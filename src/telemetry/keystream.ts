/** Bytes that follow from a key and a number, and look random to whoever has not the key: ChaCha with 8 rounds and a key of 128 bits. */

/** Gives out bytes, 0 to 255. */
export interface ByteSource {
  byte(): number;
}

const BLOCK_WORDS = 16;
const ROUNDS = 8;
/** `expand 16-byte k`, as four words of little endian. */
const CONSTANTS = Int32Array.of(0x61707865, 0x3120646e, 0x79622d36, 0x6b206574);
/** Words of a key. */
export const KEY_WORDS = 4;

/** One block of the stream at a time; used again for the next. */
export class Keystream implements ByteSource {
  readonly #input = new Int32Array(BLOCK_WORDS);
  readonly #words = new Int32Array(BLOCK_WORDS);
  #at = 0;

  /** Starts over with the 64 bytes that belong to `key`, KEY_WORDS words, and `number`, 0 to 2^32 - 1. */
  begin(key: Int32Array, number: number): void {
    const input = this.#input;
    for (let i = 0; i < 4; i++) {
      input[i] = CONSTANTS[i]!;
      input[4 + i] = key[i]!;
      input[8 + i] = key[i]!;
    }
    input[12] = number;
    const words = this.#words;
    words.set(input);
    for (let round = 0; round < ROUNDS; round += 2) {
      for (let i = 0; i < 4; i++) quarterRound(words, i, 4 + i, 8 + i, 12 + i);
      for (let i = 0; i < 4; i++) quarterRound(words, i, 4 + ((i + 1) & 3), 8 + ((i + 2) & 3), 12 + ((i + 3) & 3));
    }
    for (let i = 0; i < BLOCK_WORDS; i++) words[i]! += input[i]!;
    this.#at = 0;
  }

  /** The next of the 64 bytes; behind the last one the first comes again. */
  byte(): number {
    const at = this.#at;
    this.#at = (at + 1) & 63;
    return (this.#words[at >>> 2]! >>> ((at & 3) * 8)) & 0xff;
  }
}

function quarterRound(words: Int32Array, a: number, b: number, c: number, d: number): void {
  let wa = words[a]!;
  let wb = words[b]!;
  let wc = words[c]!;
  let wd = words[d]!;
  wa = (wa + wb) | 0;
  wd ^= wa;
  wd = (wd << 16) | (wd >>> 16);
  wc = (wc + wd) | 0;
  wb ^= wc;
  wb = (wb << 12) | (wb >>> 20);
  wa = (wa + wb) | 0;
  wd ^= wa;
  wd = (wd << 8) | (wd >>> 24);
  wc = (wc + wd) | 0;
  wb ^= wc;
  wb = (wb << 7) | (wb >>> 25);
  words[a] = wa;
  words[b] = wb;
  words[c] = wc;
  words[d] = wd;
}
