import { expect, test } from "bun:test";
import { ReferenceDecoder } from "../../../test/support/reference-hpack.ts";
import { seededRandom } from "../../../test/support/seeded-random.ts";
import { BLOCK_EXCESS_BYTES_MAX, HeadEncoder } from "./encode-head.ts";

/** Encodes heads on one connection; answers what the other end reads, as lines. */
function hop(): (head: string) => string[] {
  const encoder = new HeadEncoder(4096);
  encoder.hpack.setPeerLimit(4096);
  const decoder = new ReferenceDecoder(4096);
  return (head) => {
    const buf = Buffer.from(head, "latin1");
    const into = new Uint8Array(buf.length + BLOCK_EXCESS_BYTES_MAX);
    const to = encoder.encodeRequest(buf, 0, buf.length, into, 0, { owner: 0, isWebsocket: false });
    if (to < 0) throw new Error("not encoded");
    return decoder
      .decode(into.subarray(0, to))
      .filter(({ name }) => !name.startsWith(":"))
      .map(({ name, value }) => `${name}: ${value}`);
  };
}

const FIRST = "GET / HTTP/1.1\r\nhost: orders\r\n";
const headOf = (lines: readonly string[]): string => `${[...lines].map((line) => `${line}\r\n`).join("")}\r\n`;

test("a line that always was the same, and once is another in a shorter head, is itself again afterwards", () => {
  const send = hop();
  const usual = ["x-as: 1", "x-to: the one place", "x-more: 7", "x-last: 9"];
  for (let i = 0; i < 12; i++) expect(send(FIRST + headOf(usual))).toEqual(usual);
  for (const other of ["another place", "a third one", "another place", "another place", "another place"]) {
    const short = ["x-as: 1", `x-to: ${other}`];
    expect(send(FIRST + headOf(short))).toEqual(short);
    expect(send(FIRST + headOf(usual))).toEqual(usual);
  }
});

test("heads of a few shapes in any order come out as they went in", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed);
    const pick = (count: number): number => Math.floor(random() * count);
    const send = hop();
    for (let i = 0; i < 120; i++) {
      const count = 1 + pick(5);
      const lines = ["x-as: 1"];
      for (let at = 0; at < count; at++) {
        const value = pick(6) === 0 ? `odd ${pick(4)}` : at === 3 ? `new ${i}` : "usual";
        lines.push(`x-line-${at}: ${value}`);
      }
      expect(send(FIRST + headOf(lines))).toEqual(lines);
    }
  }
});
