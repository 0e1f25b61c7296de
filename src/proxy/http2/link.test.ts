import { describe, expect, test } from "bun:test";
import {
  FRAME,
  headers,
  PREFACE,
  parseFrames,
  SETTING,
  type SeenFrame,
  settings,
  settingsAck,
  text,
  windowUpdate,
} from "../../../test/support/http2-frames.ts";
import { FRAME_BYTES_MAX, TUNNEL_DATA_FRAME_BYTES_MAX } from "../../wire/http2/limits.ts";
import { FRAME_HEADER_BYTES } from "../../wire/http2/protocol.ts";
import { Backlog } from "./backlog.ts";
import { FlushQueue } from "./flush-queue.ts";
import {
  BULK_QUANTUM_BYTES,
  OUTPUT_CONTENT_BYTES_MAX,
  PIECE_BYTES_MIN,
  QUANTUM_BYTES,
  STREAM_QUEUE_BYTES_MAX,
} from "./limits.ts";
import { Http2Link } from "./link.ts";
import type { LinkStream } from "./link-stream.ts";
import { SERVER_OPTIONS } from "./server-session.ts";
import { SharedHeads } from "./shared-heads.ts";

const HEAD = Buffer.from("HTTP/1.1 200 OK\r\n\r\n");

/** A link of a server, its socket and its turns in the test's hands. */
class Bench {
  readonly streams: LinkStream[] = [];
  readonly link: Http2Link;
  readonly drained: LinkStream[] = [];
  readonly resets: number[] = [];
  writes = 0;
  /** Bytes that the socket still takes. */
  room = Number.POSITIVE_INFINITY;
  #written: Buffer = Buffer.alloc(0);
  readonly #turn: (() => void)[] = [];

  /** @param frameBytesMax what the peer says that it takes. */
  constructor(frameBytesMax = FRAME_BYTES_MAX) {
    const host = {
      now: 1000,
      flushQueue: new FlushQueue((run) => this.#turn.push(run)),
      heads: new SharedHeads(),
      backlog: new Backlog(() => undefined),
    };
    this.link = new Http2Link(SERVER_OPTIONS, host, {
      onRequest: (stream) => {
        this.streams.push(stream);
        stream.owner = {
          onStreamHead: () => undefined,
          onStreamData: () => undefined,
          onStreamTrailers: () => undefined,
          onStreamReset: (_stream, code) => this.resets.push(code),
          onStreamDrained: (drained) => this.drained.push(drained),
        };
      },
      onRefused: () => undefined,
      onSettings: () => undefined,
      onStreamOver: () => undefined,
      onGoAway: () => undefined,
      onPong: () => undefined,
      onFailed: () => undefined,
    });
    this.link.opened({
      write: (bytes, start, length) => {
        const taken = Math.min(length, this.room);
        this.room -= taken;
        this.writes++;
        this.#written = Buffer.concat([this.#written, bytes.subarray(start, start + taken)]);
        return taken;
      },
    });
    this.receive(
      text(PREFACE),
      settings([SETTING.INITIAL_WINDOW_SIZE, 2 ** 30], [SETTING.MAX_FRAME_SIZE, frameBytesMax]),
      settingsAck(),
      windowUpdate(0, 2 ** 30),
    );
  }

  receive(...parts: readonly (readonly number[])[]): void {
    this.link.received(Buffer.from(parts.flat()));
    this.turn();
  }

  turn(): void {
    for (const run of this.#turn.splice(0)) run();
  }

  /** Opens a stream and sends the head of its answer. */
  answered(id: number): LinkStream {
    this.receive(headers(id));
    const stream = this.streams.at(-1)!;
    stream.head(HEAD, 0, HEAD.length, false, false);
    this.turn();
    return stream;
  }

  /** What was written since the last time. */
  take(): SeenFrame[] {
    const frames = parseFrames(this.#written);
    this.#written = Buffer.alloc(0);
    this.writes = 0;
    return frames;
  }
}

/** Bytes of content on one stream. */
function sumOf(frames: readonly SeenFrame[], id: number): number {
  return frames.reduce((sum, { streamId, payload }) => sum + (streamId === id ? payload.length : 0), 0);
}

describe("streams on one connection", () => {
  test("send in turns: a small answer passes large ones that were there first", () => {
    const bench = new Bench();
    const large = [bench.answered(1), bench.answered(3)];
    const small = bench.answered(5);
    bench.take();
    for (const stream of large) stream.write(Buffer.alloc(3 * QUANTUM_BYTES), 0, 3 * QUANTUM_BYTES, false);
    small.write(Buffer.from("small"), 0, 5, false);
    small.finish();
    bench.turn();
    const ids = bench.take().map(({ streamId }) => streamId);
    expect([ids[0], ids.filter((id) => id !== 5).length]).toEqual([5, ids.length - 1]);
  });

  test("have a turn each, of more than one frame where the peer takes no larger ones", () => {
    const bench = new Bench();
    const large = [bench.answered(1), bench.answered(3)];
    bench.take();
    bench.room = 0;
    const bytes = 4 * BULK_QUANTUM_BYTES;
    for (const stream of large) stream.write(Buffer.alloc(bytes), 0, bytes, false);
    bench.turn();
    bench.room = Number.POSITIVE_INFINITY;
    bench.link.drained();
    const frames = bench.take();
    expect(Math.max(...frames.map(({ payload }) => payload.length))).toBe(FRAME_BYTES_MAX);
    for (const id of [1, 3]) expect(sumOf(frames, id)).toBe(bytes);
    // Whose turn it is changes before one has sent all, and not with every frame.
    const turns = frames.filter(({ streamId }, i) => streamId !== frames[i - 1]?.streamId);
    expect(turns.length).toBeGreaterThan(4);
    expect(turns.length).toBeLessThan(frames.length / 2);
  });

  test("send as much as leaves at once in one frame to a peer that takes it", () => {
    const bench = new Bench(TUNNEL_DATA_FRAME_BYTES_MAX);
    const stream = bench.answered(1);
    bench.take();
    const bytes = 8 * BULK_QUANTUM_BYTES;
    stream.write(Buffer.alloc(bytes), 0, bytes, false);
    bench.turn();
    expect(bench.writes).toBe(9);
    const sizes = bench.take().map(({ payload }) => payload.length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(bytes);
    expect(sizes.slice(0, 8)).toEqual(Array(8).fill(OUTPUT_CONTENT_BYTES_MAX - FRAME_HEADER_BYTES));
  });

  test("do not cut off a crumb because the output is nearly full", () => {
    const bench = new Bench(TUNNEL_DATA_FRAME_BYTES_MAX);
    const large = bench.answered(1);
    const briefs = [3, 5, 7, 9].map((id) => bench.answered(id));
    bench.take();
    large.write(Buffer.alloc(BULK_QUANTUM_BYTES), 0, BULK_QUANTUM_BYTES, false);
    // Together they leave less than a piece of the output's room.
    const left = OUTPUT_CONTENT_BYTES_MAX - 3 * QUANTUM_BYTES - PIECE_BYTES_MIN;
    for (const [i, brief] of briefs.entries()) {
      const bytes = i < 3 ? QUANTUM_BYTES : left;
      brief.write(Buffer.alloc(bytes), 0, bytes, false);
    }
    bench.turn();
    const frames = bench.take();
    expect(frames.map(({ streamId }) => streamId).slice(0, 5)).toEqual([3, 5, 7, 9, 1]);
    expect(frames[4]?.payload.length).toBe(OUTPUT_CONTENT_BYTES_MAX - FRAME_HEADER_BYTES);
    expect(sumOf(frames, 1)).toBe(BULK_QUANTUM_BYTES);
  });

  test("give back the memory of what a relay gave them once it has left, and of nothing else", () => {
    const bench = new Bench();
    const [stream, message] = [bench.answered(1), bench.answered(3)];
    stream.becomeRaw();
    bench.take();
    const [given, lent, body] = ["g", "l", "b"].map((letter) => Buffer.alloc(BULK_QUANTUM_BYTES, letter));
    bench.room = 0;
    stream.give(given!);
    stream.write(lent!, 0, lent!.length, false);
    message.give(body!);
    bench.turn();
    expect(given!.length).toBe(BULK_QUANTUM_BYTES);
    bench.room = Number.POSITIVE_INFINITY;
    bench.link.drained();
    // Who sends the message may keep its body to send it elsewhere.
    expect([given!.length, lent!.length, body!.length]).toEqual([0, BULK_QUANTUM_BYTES, BULK_QUANTUM_BYTES]);
    const frames = bench.take();
    const sent = (id: number) =>
      Buffer.concat(frames.filter(({ streamId }) => streamId === id).map(({ payload }) => Buffer.from(payload)));
    expect(sent(1).toString()).toBe("g".repeat(BULK_QUANTUM_BYTES) + "l".repeat(BULK_QUANTUM_BYTES));
    expect(sent(3).toString()).toBe("b".repeat(BULK_QUANTUM_BYTES));
  });

  test("have all that they wrote in one turn leave in one write, the end with the last piece", () => {
    const bench = new Bench();
    const stream = bench.answered(1);
    bench.take();
    stream.write(Buffer.from("one"), 0, 3, false);
    stream.write(Buffer.from("two"), 0, 3, true);
    stream.finish();
    bench.turn();
    expect(bench.writes).toBe(1);
    const frames = bench.take();
    expect(frames.map(({ flags }) => flags)).toEqual([0, 1]);
    expect(stream.hasEnded).toBe(true);
  });

  test("keep the output short, so that a head does not wait behind all of a large answer", () => {
    const bench = new Bench();
    const large = bench.answered(1);
    bench.take();
    bench.room = 0;
    large.write(Buffer.alloc(8 * OUTPUT_CONTENT_BYTES_MAX), 0, 8 * OUTPUT_CONTENT_BYTES_MAX, false);
    bench.turn();
    expect(bench.link.queuedBytes).toBeLessThanOrEqual(OUTPUT_CONTENT_BYTES_MAX);
    bench.answered(3);
    bench.room = Number.POSITIVE_INFINITY;
    bench.link.drained();
    const frames = bench.take();
    const at = frames.findIndex(({ type, streamId }) => type === FRAME.HEADERS && streamId === 3);
    const before = frames.slice(0, at).reduce((bytes, { payload }) => bytes + payload.length, 0);
    expect(at).toBeGreaterThan(-1);
    expect(before).toBeLessThanOrEqual(OUTPUT_CONTENT_BYTES_MAX);
  });

  test("are full beyond their queue, and told when there is room again", () => {
    const bench = new Bench();
    const stream = bench.answered(1);
    bench.room = 0;
    const bytes = Buffer.alloc(STREAM_QUEUE_BYTES_MAX + OUTPUT_CONTENT_BYTES_MAX + 1);
    expect(stream.write(bytes, 0, bytes.length, false)).toBe(false);
    bench.turn();
    expect(bench.drained).toEqual([]);
    bench.room = Number.POSITIVE_INFINITY;
    bench.link.drained();
    expect(bench.drained).toEqual([stream]);
    expect(stream.queuedBytes).toBe(0);
  });

  test("are all told when the connection is gone, and take nothing more", () => {
    const bench = new Bench();
    const [one, other] = [bench.answered(1), bench.answered(3)];
    bench.link.gone();
    expect(bench.resets).toEqual([-1, -1]);
    expect(one.write(Buffer.from("late"), 0, 4, false)).toBe(true);
    expect(other.queuedBytes + one.queuedBytes).toBe(0);
  });
});
