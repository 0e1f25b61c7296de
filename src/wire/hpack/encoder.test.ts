import { describe, expect, test } from "bun:test";
import { ReferenceDecoder, type ReferenceField } from "../../../test/support/reference-hpack.ts";
import { FULL } from "../http1/write-head.ts";
import { BAD_FIELD, HpackEncoder, NO_REFERENCE, OWNER } from "./encoder.ts";

const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Our encoder and, fed with its blocks, a decoder that shares nothing with it. */
class Pair {
  readonly encoder: HpackEncoder;
  readonly decoder: ReferenceDecoder;
  readonly into = new Uint8Array(16_384);
  constructor(tableBytes = 4096) {
    this.encoder = new HpackEncoder(tableBytes);
    this.decoder = new ReferenceDecoder(tableBytes);
    this.encoder.setPeerLimit(tableBytes);
  }
  /** Bytes of the block that holds `lines`, each `name: value`; the other side must have read the same. */
  send(lines: readonly string[], owner: number = OWNER.NOBODY): number {
    const block = this.encode(lines, owner);
    expect(this.decoder.decode(block).map(lineOf)).toEqual(lines.map(lowerCaseName));
    return block.length;
  }
  encode(lines: readonly string[], owner: number = OWNER.NOBODY): Uint8Array {
    let at = this.encoder.begin(this.into, 0);
    for (const line of lines) {
      at = this.write(line, at, owner);
      expect(at).toBeGreaterThan(0);
    }
    this.encoder.end();
    return this.into.slice(0, at);
  }
  write(line: string, at: number, owner: number): number {
    const bytes = bytesOf(line);
    const colon = line.indexOf(":", 1);
    return this.encoder.writeField(this.into, at, bytes, 0, colon, bytes, colon + 2, bytes.length, owner);
  }
}

const lineOf = ({ name, value }: ReferenceField) => `${name}: ${value}`;
const lowerCaseName = (line: string) => line.replace(/^:?[^:]*/, (name) => name.toLowerCase());

describe("a line", () => {
  test("of the static table is one byte from the start", () => {
    const pair = new Pair();
    expect(pair.send([":method: GET", ":status: 404", "accept-encoding: gzip, deflate"])).toBe(3);
  });
  test("gets an entry on second sight, and is one byte from the third on", () => {
    const pair = new Pair();
    const line = ["X-Shop: store-042"];
    const sizes = Array.from({ length: 4 }, () => pair.send(line));
    expect(sizes[1]).toBeGreaterThan(10);
    expect(sizes.slice(2)).toEqual([1, 1]);
    expect(pair.encoder.table.count).toBe(1);
  });
  test("is packed where that saves a quarter and it enters the table, and never where it is only written out", () => {
    const pair = new Pair();
    const size = (value: string) => pair.send([`etag: ${value}`]);
    const rare = (seed: number) =>
      "0123456789abcdefghijklmnopqrst".replace(/[a-z]/g, (_, at) => "aceios"[(at * seed) % 6]!);
    for (let seed = 1; seed < 6; seed++) {
      const [first, second] = [size(rare(seed)), size(rare(seed))];
      expect([first, second]).toEqual([3 + 30, expect.any(Number)]);
      expect(second).toBeLessThan(28);
    }
    expect([size("~~~~~~~~~~~~~~~"), size("~~~~~~~~~~~~~~~")]).toEqual([3 + 15, 2 + 15]);
    for (let i = 0; i < 3; i++) expect(pair.send(["authorization: 000000000000"])).toBe(3 + 12);
  });
  test("of another name with the value of a status is not taken for one", () => {
    const pair = new Pair();
    for (let i = 0; i < 4; i++) pair.send([":scheme: 200", ":scheme: 404", ":method: /", ":path: GET"]);
  });
  test("in another case of letters means the same", () => {
    const pair = new Pair();
    for (let i = 0; i < 4; i++) pair.send(["X-Shop: a", "x-shop: a", "X-SHOP: A"]);
  });
});

describe("the doorkeeper", () => {
  test("gives no entry to lines that come back too late", () => {
    const pair = new Pair();
    for (let round = 0; round < 4; round++) {
      for (let user = 0; user < 500; user++) pair.send([`x-user: user-${user}`]);
    }
    // The name has an entry, and a value now and then whose hash another had; not two thousand.
    expect(pair.encoder.table.insertedCount).toBeLessThan(40);
  });
  test("gives the values of traceparent and x-request-id none, their names one", () => {
    const pair = new Pair();
    for (let i = 0; i < 50; i++) pair.send(["traceparent: 00-same-01", "x-request-id: same"]);
    expect(pair.encoder.table.count).toBe(2);
    expect(pair.send(["traceparent: 00-same-01"])).toBeGreaterThan(8);
  });
  test("keeps lines in use when others push them out", () => {
    const pair = new Pair();
    const hot = "x-hot: 0123456789";
    for (let i = 0; i < 2000; i++) pair.send([hot, `x-${i >> 1}: ${"v".repeat(60)}`]);
    const sizes = Array.from({ length: 20 }, () => pair.send([hot]));
    expect(Math.max(...sizes.slice(3))).toBe(1);
  });
  test("gives no entry to what would fill more than half of the table", () => {
    const pair = new Pair();
    for (let i = 0; i < 4; i++) pair.send([`x-large: ${"v".repeat(3000)}`]);
    expect(pair.encoder.table.bytes).toBeLessThan(2048);
  });
});

describe("credentials", () => {
  const lines = ["authorization: Bearer abc", "cookie: id=1", "set-cookie: id=2", "proxy-authorization: Basic xyz"];
  test("never enter the table when nobody owns them, and say so", () => {
    const pair = new Pair();
    for (let i = 0; i < 4; i++) {
      expect(pair.decoder.decode(pair.encode(lines)).every((field) => field.neverIndexed)).toBe(true);
    }
    expect(pair.encoder.table.count).toBe(0);
  });
  test("of one workload cannot be found out by another through sizes", () => {
    const pair = new Pair();
    for (let i = 0; i < 6; i++) pair.send(lines, 1);
    expect(pair.send(lines, 1)).toBe(lines.length);
    // As large as it would be had nobody ever sent it.
    const guess = ["authorization: Bearer abc"];
    expect(pair.send(guess, 2)).toBe(new Pair().send(guess, 2));
  });
  test("are never-indexed again where they came so, whatever they are called", () => {
    const pair = new Pair();
    for (let i = 0; i < 4; i++) {
      expect(pair.decoder.decode(pair.encode(["x-api-key: 1"], OWNER.NEVER_INDEXED))[0]!.neverIndexed).toBe(true);
    }
    expect(pair.encoder.table.count).toBe(0);
  });
});

describe("a field is refused", () => {
  for (const line of ["a b: 1", "a\r: 1", "a\0: 1", "x: 1\r\ny: 2", "x: 1\n", "x: \x7f", "x: \0", ": 1"]) {
    test(`${JSON.stringify(line)}, before and after its like was learnt, and the tables stay together`, () => {
      const pair = new Pair();
      const good = ["a: 1", "x: 1", "x-other: 2"];
      for (let round = 0; round < 5; round++) {
        const at = pair.write("x-new: entry", pair.encoder.begin(pair.into, 0), 0);
        expect(pair.write(line, at, 0)).toBe(BAD_FIELD);
        pair.send(good);
        pair.send(good);
      }
    });
  }
  test("when there is no room, and nothing is written past the end", () => {
    const pair = new Pair();
    const small = pair.into.subarray(0, 24);
    const bytes = bytesOf("x-shop: store");
    expect(pair.encoder.writeField(small, 8, bytes, 0, 6, bytes, 8, 13, 0)).toBe(FULL);
    expect(pair.encoder.begin(small, 20)).toBe(FULL);
    expect(pair.encoder.writeReference(small, FULL, 2)).toBe(FULL);
  });
});

describe("the size of the table", () => {
  test("follows the peer down and up again, with every update it is owed", () => {
    const pair = new Pair();
    const lines = ["x-a: 1", "x-b: 2"];
    for (let i = 0; i < 3; i++) pair.send(lines);
    pair.encoder.setPeerLimit(0);
    pair.encoder.setPeerLimit(1000);
    const block = pair.encode(lines);
    expect([...block.subarray(0, 4)]).toEqual([0x20, 0x3f, 0xc9, 0x07]);
    expect(pair.decoder.decode(block).map(lineOf)).toEqual(lines);
    expect(pair.decoder.entries.length).toBe(pair.encoder.table.count);
    for (let i = 0; i < 3; i++) pair.send(lines);
  });
  test("of 0 works", () => {
    const pair = new Pair(0);
    for (let i = 0; i < 4; i++) pair.send(["x-a: 1", ":method: GET"]);
  });
});

test("a reference to an entry that is gone is not written", () => {
  const pair = new Pair(128);
  for (let i = 0; i < 3; i++) pair.send(["x-a: 1"]);
  const { lastReference } = pair.encoder;
  expect(pair.encoder.holds(lastReference)).toBe(true);
  for (let i = 0; i < 12; i++) pair.send([`x-${i >> 1}: ${i >> 1}`]);
  expect(pair.encoder.holds(lastReference)).toBe(false);
  expect(pair.encoder.writeReference(pair.into, 0, lastReference)).toBe(NO_REFERENCE);
});
