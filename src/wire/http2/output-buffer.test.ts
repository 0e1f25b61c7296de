import { describe, expect, test } from "bun:test";
import { OUTPUT_BYTES_MAX } from "./limits.ts";
import { OutputBuffer } from "./output-buffer.ts";
import { SPARES_OF_A_SIZE_MAX, SpareBuffers } from "./spare-buffers.ts";

/** Appends `count` bytes that tell whose they are. */
function say(output: OutputBuffer, count: number, mark: number): void {
  expect(output.reserve(count)).toBe(true);
  output.bytes.fill(mark, output.length, output.length + count);
  output.length += count;
}

describe("the output of a connection", () => {
  test("keeps what was said, however often it grows and in whatever pieces it leaves", () => {
    const output = new OutputBuffer();
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
      return seed % below;
    };
    const expected: number[] = [];
    for (let turn = 0; turn < 400; turn++) {
      const count = random(20_000);
      if (output.room >= count) {
        say(output, count, turn & 255);
        for (let i = 0; i < count; i++) expected.push(turn & 255);
      }
      const taken = random(3) === 0 ? output.length : random(output.length + 1);
      const sent = expected.splice(0, taken);
      expect(Buffer.compare(output.bytes.subarray(0, taken), Uint8Array.from(sent))).toBe(0);
      output.consume(taken);
      expect(output.length).toBe(expected.length);
    }
  });

  test("of two that are busy in turns is never the other's", () => {
    const [one, other] = [new OutputBuffer(), new OutputBuffer()];
    for (let turn = 0; turn < 20; turn++) {
      say(one, 40_000, 1);
      say(other, 50_000, 2);
      say(one, 60_000, 1);
      expect(one.bytes).not.toBe(other.bytes);
      expect(one.bytes.subarray(0, one.length).every((byte) => byte === 1)).toBe(true);
      expect(other.bytes.subarray(0, other.length).every((byte) => byte === 2)).toBe(true);
      one.consume(one.length);
      other.consume(other.length);
    }
  });

  test("is small again when all has left, and refuses more than its bound", () => {
    const output = new OutputBuffer();
    say(output, 100_000, 1);
    expect(output.reserve(OUTPUT_BYTES_MAX)).toBe(false);
    output.consume(output.length);
    expect(output.bytes.length).toBeLessThanOrEqual(16 * 1024);
  });
});

test("spare buffers are kept up to their bound, and each is given to one", () => {
  const spares = new SpareBuffers();
  const made = Array.from({ length: SPARES_OF_A_SIZE_MAX + 2 }, () => spares.take(64));
  for (const buffer of made) spares.giveBack(buffer);
  const again = made.map(() => spares.take(64));
  expect(new Set(again).size).toBe(made.length);
  expect(again.filter((buffer) => made.includes(buffer))).toHaveLength(SPARES_OF_A_SIZE_MAX);
});
