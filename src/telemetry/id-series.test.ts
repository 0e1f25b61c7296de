import { describe, expect, test } from "bun:test";
import {
  IDS_BYTES,
  IdNumbers,
  IdSeries,
  NUMBER_BYTES,
  readIdNumber,
  SERIES_BYTES,
  SERIES_NUMBERS,
  writeIdNumber,
} from "./id-series.ts";
import { Keystream } from "./keystream.ts";
import { RandomPool } from "./random-pool.ts";
import { isTraceparent, TRACEPARENT_BYTES } from "./trace-context.ts";

const pool = () => new RandomPool((into) => crypto.getRandomValues(into));
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

function ids(series: IdSeries, number: number): string {
  const bytes = new Uint8Array(IDS_BYTES);
  series.write(number, bytes, 0, TRACEPARENT_BYTES);
  expect(isTraceparent(bytes, 0, TRACEPARENT_BYTES)).toBe(true);
  return textOf(bytes);
}

test("the stream is that of ChaCha with eight rounds and a key of 128 bits", () => {
  const stream = new Keystream();
  stream.begin(new Int32Array(4), 0);
  const bytes = Uint8Array.from({ length: 64 }, () => stream.byte());
  expect(Buffer.from(bytes).toString("hex")).toBe(
    "e28a5fa4a67f8c5defed3e6fb7303486aa8427d31419a729572d777953491120b64ab8e72b8deb85cd6aea7cb6089a101824beeb08814a428aab1fa2c816081b",
  );
});

describe("ids of a series", () => {
  test("are the same for whoever knows its name, and others for each number and each series", () => {
    const source = pool();
    const all = new Set<string>();
    const requestIds = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const series = IdSeries.make(source);
      const read = IdSeries.read(series.text, 0, SERIES_BYTES)!;
      for (let number = 0; number < SERIES_NUMBERS; number += 7) {
        const made = ids(series, number);
        expect(ids(read, number)).toBe(made);
        expect(made).toMatch(
          /^00-[0-9a-f]{32}-[0-9a-f]{16}-03[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
        );
        all.add(made.slice(3, 35));
        requestIds.add(made.slice(TRACEPARENT_BYTES));
      }
    }
    expect([all.size, requestIds.size]).toEqual([1758, 1758]);
  });
  test("are of no series whose name is not exactly one", () => {
    const good = "0123456789abcdef0123456789abcdef";
    for (const text of [
      "",
      good.slice(1),
      `${good}0`,
      good.toUpperCase(),
      good.replace("7", "g"),
      good.replace("7", "\u00ff"),
    ]) {
      const bytes = Buffer.from(text, "latin1");
      expect([text, IdSeries.read(bytes, 0, bytes.length)]).toEqual([text, null]);
    }
    const bytes = Buffer.from(` ${good} `);
    const series = IdSeries.read(bytes, 1, 33)!;
    bytes.fill(48);
    expect(textOf(series.text)).toBe(good);
    expect(series.isNamed(Buffer.from(good), 0, 32)).toBe(true);
    for (const other of [good.replace("f", "e"), good.slice(1)])
      expect(series.isNamed(Buffer.from(other), 0, other.length)).toBe(false);
  });
});

test("every number reads back as itself, and nothing else reads as one", () => {
  const bytes = new Uint8Array(NUMBER_BYTES);
  const texts = new Set<string>();
  for (let number = 0; number < SERIES_NUMBERS; number++) {
    writeIdNumber(bytes, 0, number);
    expect(readIdNumber(bytes, 0, NUMBER_BYTES)).toBe(number);
    texts.add(textOf(bytes));
  }
  let read = 0;
  for (let high = 0; high < 256; high++) {
    for (let low = 0; low < 256; low++) if (readIdNumber(Uint8Array.of(high, low), 0, 2) >= 0) read++;
  }
  expect([texts.size, read]).toEqual([SERIES_NUMBERS, SERIES_NUMBERS]);
  for (const text of ["", "0", "000"]) expect(readIdNumber(Buffer.from(text), 0, text.length)).toBe(-1);
});

test("numbers are given out once each, then those of a new series", () => {
  const numbers = new IdNumbers(pool());
  const series: IdSeries[] = [];
  for (let round = 0; round < 3; round++) {
    for (let number = 0; number < SERIES_NUMBERS; number++) {
      expect(numbers.take()).toBe(number);
      if (number === 0) series.push(numbers.series);
      expect(numbers.series).toBe(series[round]!);
    }
  }
  expect(new Set(series.map(({ text }) => textOf(text))).size).toBe(3);
});
