/**
 * Ids that one node makes and another works out: a trace's and a request's follow from the name of a series and a number in it.
 * Between nodes the two short texts stand for 91 bytes that would be different each time.
 */
import { type ByteSource, KEY_WORDS, Keystream } from "./keystream.ts";
import { REQUEST_ID_BYTES, TRACEPARENT_BYTES, writeRequestId, writeTraceparent } from "./trace-context.ts";

/** Length of a series' name: 16 bytes in lower-case hexadecimal. */
export const SERIES_BYTES = 32;
/** Length of a number as text. */
export const NUMBER_BYTES = 2;
/** Numbers of one series. Reason: all that two digits of six bits tell apart; a new name every so often costs next to nothing. */
export const SERIES_NUMBERS = 4096;
/** A traceparent and a request id, one behind the other. */
export const IDS_BYTES = TRACEPARENT_BYTES + REQUEST_ID_BYTES;

const HEX_DIGITS = new TextEncoder().encode("0123456789abcdef");
const NUMBER_DIGITS = new TextEncoder().encode("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_");
const VALUE_BITS = 6;
/** Value of a digit of a number by its byte, 255 for any other byte. */
const NUMBER_VALUE = valuesOf(NUMBER_DIGITS);
/** The same of lower-case hexadecimal digits. */
const HEX_VALUE = valuesOf(HEX_DIGITS);

function valuesOf(digits: Uint8Array): Uint8Array {
  const values = new Uint8Array(256).fill(255);
  for (let i = 0; i < digits.length; i++) values[digits[i]!] = i;
  return values;
}

const keystream = new Keystream();

/** One series. Whoever knows its name knows all its ids; nobody else can tell one from another. */
export class IdSeries {
  /** Its name, SERIES_BYTES digits. */
  readonly text: Uint8Array;
  readonly #key: Int32Array;

  private constructor(text: Uint8Array, key: Int32Array) {
    this.text = text;
    this.#key = key;
  }

  /** A new one. @param source of random bytes that nobody can guess. */
  static make(source: ByteSource): IdSeries {
    const text = new Uint8Array(SERIES_BYTES);
    for (let i = 0; i < SERIES_BYTES; i++) text[i] = HEX_DIGITS[source.byte() & 15]!;
    return IdSeries.read(text, 0, SERIES_BYTES)!;
  }

  /** The one with the name `bytes[start, end)`; `null` for anything that is no name. Keeps a copy. */
  static read(bytes: Uint8Array, start: number, end: number): IdSeries | null {
    if (end - start !== SERIES_BYTES) return null;
    const key = new Int32Array(KEY_WORDS);
    for (let i = 0; i < SERIES_BYTES; i++) {
      const value = HEX_VALUE[bytes[start + i]!]!;
      if (value === 255) return null;
      key[i >>> 3] = (key[i >>> 3]! << 4) | value;
    }
    return new IdSeries(Uint8Array.from(bytes.subarray(start, end)), key);
  }

  /** Its name is `bytes[start, end)`. */
  isNamed(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start !== SERIES_BYTES) return false;
    for (let i = 0; i < SERIES_BYTES; i++) if (bytes[start + i]! !== this.text[i]!) return false;
    return true;
  }

  /** Writes the traceparent that belongs to `number` (0 to SERIES_NUMBERS - 1) at `at`, and its request id at `idAt`. */
  write(number: number, into: Uint8Array, at: number, idAt: number): void {
    keystream.begin(this.#key, number);
    writeTraceparent(into, at, keystream);
    writeRequestId(into, idAt, keystream);
  }
}

/** Gives out the numbers of one series after the other. */
export class IdNumbers {
  readonly #source: ByteSource;
  #series: IdSeries | null = null;
  #next = SERIES_NUMBERS;

  /** @param source of random bytes that nobody can guess. */
  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** The next number of `series`, given out once. Read `series` behind it. */
  take(): number {
    if (this.#next === SERIES_NUMBERS) {
      this.#series = IdSeries.make(this.#source);
      this.#next = 0;
    }
    return this.#next++;
  }

  /** The one that the last number is of. */
  get series(): IdSeries {
    if (this.#series === null) throw new Error("no number was taken");
    return this.#series;
  }
}

/** Writes `number` at `at`, NUMBER_BYTES long. */
export function writeIdNumber(into: Uint8Array, at: number, number: number): void {
  into[at] = NUMBER_DIGITS[number >>> VALUE_BITS]!;
  into[at + 1] = NUMBER_DIGITS[number & (NUMBER_DIGITS.length - 1)]!;
}

/** The number at `bytes[start, end)`, or -1 for anything that `writeIdNumber` does not write. */
export function readIdNumber(bytes: Uint8Array, start: number, end: number): number {
  if (end - start !== NUMBER_BYTES) return -1;
  const high = NUMBER_VALUE[bytes[start]!]!;
  const low = NUMBER_VALUE[bytes[start + 1]!]!;
  return high === 255 || low === 255 ? -1 : (high << VALUE_BITS) | low;
}
