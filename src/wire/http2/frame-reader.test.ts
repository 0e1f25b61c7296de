import { describe, expect, test } from "bun:test";
import { data, FLAG, FRAME, frame, ping, text } from "../../../test/support/http2-frames.ts";
import { FrameReader, READ } from "./frame-reader.ts";

/** What a reader makes of pieces: frames with their payload, content of DATA joined. */
function read(...pieces: readonly (readonly number[])[]): string[] {
  const reader = new FrameReader();
  const seen: string[] = [];
  for (const piece of pieces) {
    reader.feed(Uint8Array.from(piece), 0, piece.length);
    for (let answer = reader.next(); answer !== READ.NEED_MORE; answer = reader.next()) {
      const payload = String.fromCharCode(...reader.buf.subarray(reader.start, reader.end));
      if (answer === READ.ERROR) return [...seen, `error ${reader.error}`];
      if (answer === READ.FRAME) seen.push(`${reader.type}/${reader.flags}/${reader.streamId} ${payload}`);
      if (answer === READ.DATA_HEAD) seen.push(`data ${reader.streamId} `);
      if (answer === READ.DATA_PIECE) seen.push(`${seen.pop()}${payload}`);
      if (answer === READ.DATA_END) seen.push(`${seen.pop()}.`);
    }
  }
  return seen;
}

describe("frames", () => {
  const bytes = [
    ...ping(),
    ...data(3, "content"),
    ...frame(FRAME.DATA, FLAG.PADDED, 5, [2, ...text("ab"), 0, 0]),
    ...data(7, ""),
    ...frame(0x44, 9, 1, text("x".repeat(700))),
  ];
  const expected = ["6/0/0 12345678", "data 3 content.", "data 5 ab.", "data 7 .", `68/9/1 ${"x".repeat(700)}`];

  test("are read whole", () => expect(read(bytes)).toEqual(expected));
  test("are read byte by byte", () => expect(read(...bytes.map((byte) => [byte]))).toEqual(expected));
  test("are read cut in two anywhere", () => {
    for (let at = 0; at < bytes.length; at++) expect(read(bytes.slice(0, at), bytes.slice(at))).toEqual(expected);
  });
});

test("what is announced costs nothing until it comes", () => {
  const reader = new FrameReader();
  const header = Uint8Array.from(frame(FRAME.HEADERS, 4, 1, [], 16_384));
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 1000 }, () => {
    const one = new FrameReader();
    one.feed(header, 0, header.length);
    one.next();
    return one;
  });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1000 * 1024);
  expect([readers.length, reader.next()]).toEqual([1000, READ.NEED_MORE]);
});
