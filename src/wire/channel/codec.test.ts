import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ChannelError, FRAME_HEADER_BYTES, FrameReader, FrameWriter, PayloadReader } from "./codec.ts";
import { FRAME_BYTES_MAX } from "./frames.ts";

interface Raw {
  readonly type: number;
  readonly payload: readonly number[];
}

const rawFrame = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  payload: fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 300 }),
});

function encode(frame: Raw): Uint8Array {
  return new FrameWriter(frame.type).bytes(Uint8Array.from(frame.payload)).end();
}

function collect(): { frames: Raw[]; reader: FrameReader } {
  const frames: Raw[] = [];
  return { frames, reader: new FrameReader((type, payload) => frames.push({ type, payload: [...payload] })) };
}

describe("FrameReader", () => {
  test("gives the same frames however the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(rawFrame, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 40 }),
        (frames, cuts) => {
          const stream = Buffer.concat(frames.map(encode));
          const { frames: seen, reader } = collect();
          for (let at = 0, i = 0; at < stream.length; i++) {
            const step = cuts[i % cuts.length] as number;
            reader.feed(stream.subarray(at, at + step));
            at += step;
          }
          expect(seen).toEqual(frames);
          expect(reader.heldBytes).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("refuses an announced length beyond the bound before any of it arrives", () => {
    const head = new Uint8Array(FRAME_HEADER_BYTES);
    new DataView(head.buffer).setUint32(0, FRAME_BYTES_MAX + 1, true);
    expect(() => collect().reader.feed(head)).toThrow(ChannelError);
    const { reader } = collect();
    reader.feed(head.subarray(0, 3));
    expect(() => reader.feed(head.subarray(3))).toThrow(ChannelError);
  });

  test("takes a frame of exactly the bound, in pieces, and holds no more than that", () => {
    const frame = new FrameWriter(2, FRAME_BYTES_MAX).bytes(new Uint8Array(FRAME_BYTES_MAX)).end();
    const { frames, reader } = collect();
    for (let at = 0; at < frame.length; at += 60_000) {
      reader.feed(frame.subarray(at, at + 60_000));
      expect(reader.heldBytes).toBeLessThanOrEqual(FRAME_BYTES_MAX + FRAME_HEADER_BYTES);
    }
    expect(frames).toHaveLength(1);
    expect(frames[0]?.payload).toHaveLength(FRAME_BYTES_MAX);
  });

  test("says that a frame is incomplete at the end of the stream", () => {
    const { frames, reader } = collect();
    reader.feed(new FrameWriter(1).u32(7).end().subarray(0, 6));
    expect(frames).toEqual([]);
    expect(reader.heldBytes).toBe(6);
  });

  test("stays closed after a violation", () => {
    const { reader } = collect();
    expect(() => reader.feed(Uint8Array.of(255, 255, 255, 255, 1))).toThrow(ChannelError);
    expect(() => reader.feed(new FrameWriter(1).end())).toThrow("after it broke");
  });
});

describe("fields", () => {
  test("come back as they were written", () => {
    const frame = new FrameWriter(9)
      .u8(255)
      .u32(0xffffffff)
      .u64(Number.MAX_SAFE_INTEGER)
      .big64(0xffffffffffffffffn)
      .string("Grüße \u2028")
      .bytes(Uint8Array.of(1, 2, 3))
      .end();
    const fields = new PayloadReader(frame.subarray(FRAME_HEADER_BYTES));
    expect(fields.u8()).toBe(255);
    expect(fields.u32()).toBe(0xffffffff);
    expect(fields.u64()).toBe(Number.MAX_SAFE_INTEGER);
    expect(fields.big64()).toBe(0xffffffffffffffffn);
    expect(fields.string()).toBe("Grüße \u2028");
    expect([...fields.rest()]).toEqual([1, 2, 3]);
    fields.end();
  });

  test("refuse values that do not fit", () => {
    expect(() => new FrameWriter(1).u8(256)).toThrow(RangeError);
    expect(() => new FrameWriter(1).u32(-1)).toThrow(RangeError);
    expect(() => new FrameWriter(1).u32(Number.NaN)).toThrow(RangeError);
    expect(() => new FrameWriter(1).u64(2 ** 53)).toThrow(RangeError);
    expect(() => new FrameWriter(1).big64(-1n)).toThrow(RangeError);
    expect(() => new FrameWriter(1).string("x".repeat(65_536))).toThrow(RangeError);
    expect(() => new FrameWriter(1).bytes(new Uint8Array(FRAME_BYTES_MAX + 1)).end()).toThrow(RangeError);
  });

  test("refuse what a hostile peer would write", () => {
    const read = (bytes: number[]) => new PayloadReader(Uint8Array.from(bytes));
    expect(() => read([]).u8()).toThrow(ChannelError);
    expect(() => read([2]).u8(1)).toThrow(ChannelError);
    expect(() => read([1, 2, 3]).u32()).toThrow(ChannelError);
    expect(() => read([0, 0, 0, 0, 0, 0, 32, 0]).u64()).toThrow(ChannelError);
    expect(() => read([5, 0, 97]).string()).toThrow(ChannelError);
    expect(() => read([5, 0, 97, 97, 97, 97, 97]).string(4)).toThrow(ChannelError);
    expect(() => read([2, 0, 0xc3, 0x28]).string()).toThrow("not UTF-8");
    expect(() => read([1]).end()).toThrow(ChannelError);
  });
});
