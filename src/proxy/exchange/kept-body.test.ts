import { describe, expect, test } from "bun:test";
import { BODY } from "../../wire/http1/head.ts";
import { KEPT_BODIES_BYTES_MAX, KEPT_BODY_BYTES_MAX } from "../limits.ts";
import type { MessageSink } from "../message-sink.ts";
import { BodyWriter } from "./body-writer.ts";
import { KeptBody, keptBytesOfAll } from "./kept-body.ts";

const SCRATCH = Buffer.alloc(64 * 1024);

/** Takes content as a stream does: references to it, until the end. */
class Sink implements MessageSink {
  readonly isFramed = true;
  readonly isFull = false;
  readonly queuedBytes = 0;
  readonly pieces: Uint8Array[] = [];
  ends = 0;
  trailerText = "";
  head(): void {}
  becomeRaw(): void {}
  cork(): void {}
  uncork(): boolean {
    return true;
  }
  end(): void {
    this.ends++;
  }
  finish(): void {
    this.ends++;
  }
  write(bytes: Uint8Array, start: number, end: number): boolean {
    this.pieces.push(bytes.subarray(start, end));
    return true;
  }
  give(bytes: Uint8Array): boolean {
    return this.write(bytes, 0, bytes.length);
  }
  last(bytes: Uint8Array, start: number, end: number): void {
    this.write(bytes, start, end);
    this.ends++;
  }
  trailers(bytes: Uint8Array, start: number, end: number): void {
    this.trailerText = Buffer.from(bytes.subarray(start, end)).toString();
    this.ends++;
  }
  get text(): string {
    return Buffer.concat(this.pieces).toString();
  }
}

/** Memory of its own, as a chunk that came from a socket. */
const chunk = (text: string): Buffer => {
  const bytes = Buffer.allocUnsafeSlow(text.length);
  bytes.write(text, "latin1");
  return bytes;
};

function keep(...pieces: readonly Buffer[]): KeptBody {
  const kept = new KeptBody();
  kept.open(0);
  for (const piece of pieces) if (kept.isKept) kept.add(piece, 0, piece.length);
  return kept;
}

/** What comes out when it is sent again. */
function again(kept: KeptBody, length: number): Sink {
  const writer = new BodyWriter();
  const sink = new Sink();
  writer.begin(BODY.LENGTH, length, false, false);
  kept.replay(writer, sink, SCRATCH);
  expect(writer.isDone).toBe(true);
  return sink;
}

describe("a kept body", () => {
  test("comes again as it was, as often as it is asked for, whatever it is made of", () => {
    const large = chunk("l".repeat(9000));
    const bodies: readonly (readonly Buffer[])[] = [
      [chunk("whole")],
      [large.subarray(10, 20)],
      [large.subarray(0, 2000)],
      [chunk("first"), large.subarray(0, 50), chunk("third")],
    ];
    for (const pieces of bodies) {
      const text = Buffer.concat(pieces).toString();
      const kept = keep(...pieces);
      expect(kept.isKept).toBe(true);
      for (let i = 0; i < 2; i++) expect(again(kept, text.length).text).toBe(text);
      kept.release();
      expect(keptBytesOfAll()).toBe(0);
    }
  });

  test("that came as content alone has its end and its trailers again", () => {
    const trailers = chunk("??x-sum: 1\r\n??");
    const kept = new KeptBody();
    kept.open(0);
    kept.add(chunk("text"), 0, 4);
    kept.endFramed(trailers, 2, trailers.length - 2);
    trailers.fill(0);
    const writer = new BodyWriter();
    const sink = new Sink();
    writer.begin(BODY.CHUNKED, 0, true, true);
    kept.replay(writer, sink, SCRATCH);
    expect([sink.text, sink.trailerText.trim(), sink.ends]).toEqual(["text", "x-sum: 1", 1]);
    kept.release();
  });

  test("in memory that is used again stays what it was for whoever still has to send it", () => {
    const large = chunk("a".repeat(9000));
    const first = keep(large.subarray(0, 100));
    const sent = again(first, 100);
    first.release();
    const other = keep(chunk("b".repeat(9000)).subarray(0, 100));
    expect(sent.text).toBe("a".repeat(100));
    other.release();
  });

  test("does not keep a chunk for a small part of it", () => {
    const kept = keep(chunk("x".repeat(60_000)).subarray(0, 3000));
    expect(keptBytesOfAll()).toBe(3000);
    kept.release();
    const slot = keep(chunk("x".repeat(60_000)).subarray(0, 30));
    expect(keptBytesOfAll()).toBe(1024);
    slot.release();
  });

  test("is none where it is too long: at once where that is known, else when it is seen", () => {
    const kept = new KeptBody();
    kept.open(KEPT_BODY_BYTES_MAX + 1);
    expect(kept.isKept).toBe(false);
    const long = keep(chunk("x".repeat(KEPT_BODY_BYTES_MAX)), chunk("y"));
    expect([long.isKept, keptBytesOfAll()]).toEqual([false, 0]);
    const most = keep(chunk("x".repeat(KEPT_BODY_BYTES_MAX)));
    expect(most.isKept).toBe(true);
    most.release();
  });

  test("of all requests together takes no more than its bound, and there is room again once some are answered", () => {
    const fits = KEPT_BODIES_BYTES_MAX / KEPT_BODY_BYTES_MAX;
    const body = () => keep(chunk("x".repeat(KEPT_BODY_BYTES_MAX)));
    const kept = Array.from({ length: fits * 2 }, body);
    expect(kept.filter(({ isKept }) => isKept).length).toBe(fits);
    expect(keptBytesOfAll()).toBe(KEPT_BODIES_BYTES_MAX);
    kept[0]!.release();
    // Twice is as good as once.
    kept[0]!.release();
    const late = [body(), body()];
    expect(late.map(({ isKept }) => isKept)).toEqual([true, false]);
    for (const one of [...kept, ...late]) one.release();
    expect(keptBytesOfAll()).toBe(0);
  });
});
