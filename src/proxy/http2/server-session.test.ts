import { describe, expect, test } from "bun:test";
import {
  continuation,
  FLAG,
  FRAME,
  frame,
  headers,
  PREFACE,
  parseFrames,
  settings,
  settingsAck,
  text,
} from "../../../test/support/http2-frames.ts";
import { Timer, TimerWheel } from "../../base/timer-wheel.ts";
import { REGION_BYTES } from "../../telemetry/layout.ts";
import { StatsWriter } from "../../telemetry/stats-writer.ts";
import type { ConnectionOrigin } from "../downstream/connection-origin.ts";
import type { Downstream, DownstreamHost } from "../downstream/downstream.ts";
import type { SessionFactory } from "../downstream/session-factory.ts";
import { FRAME_TIMEOUT_MS, HEAD_TIMEOUT_MS, IDLE_TIMEOUT_MS } from "../limits.ts";
import { Output } from "../output.ts";
import { Backlog } from "./backlog.ts";
import { FlushQueue } from "./flush-queue.ts";
import { DRAIN_NOTICE_MS, SETTINGS_TIMEOUT_MS } from "./limits.ts";
import { Http2Session } from "./server-session.ts";
import { SharedHeads } from "./shared-heads.ts";

/** A session over a socket that takes everything, and a clock in the test's hands. */
class Bench {
  nowMs = 1000;
  closed = 0;
  isRead = true;
  readonly written: number[] = [];
  readonly session: Http2Session;
  readonly #turn: (() => void)[] = [];

  constructor() {
    const out = new Output();
    Object.defineProperty(out, "isFull", { get: () => !this.isRead });
    out.write = (bytes, start, end) => {
      this.written.push(...bytes.subarray(start, end));
      return true;
    };
    const clock = () => this.nowMs;
    const wheel = new TimerWheel({ nowMs: clock, wakeAfter: () => undefined });
    const host = {
      get now() {
        return clock();
      },
      nowMs: clock,
      wheel,
      stats: new StatsWriter(new Uint8Array(REGION_BYTES), { workerId: 1, startedAtMs: 0 }),
      flushQueue: new FlushQueue((run) => this.#turn.push(run)),
      heads: new SharedHeads(),
      backlog: new Backlog(() => undefined),
    };
    const timer = new Timer(() => undefined);
    const connection = {
      out,
      host: host as unknown as DownstreamHost,
      entrance: {
        record: { kind: "listener", key: "listener/outbound/x", role: "outbound", hostname: "", port: 0 },
        port: 0,
      },
      localIp: "",
      caller: null,
      watch: (afterMs: number) => wheel.arm(timer, this.nowMs, afterMs),
      close: () => {
        this.closed++;
      },
    };
    this.session = new Http2Session(
      connection as unknown as Downstream,
      {} as SessionFactory,
      { refresh: () => false } as unknown as ConnectionOrigin,
    );
  }

  receive(...parts: readonly (readonly number[])[]): this {
    this.session.received(Buffer.from(parts.flat()));
    return this.turn();
  }

  turn(): this {
    for (const run of this.#turn.splice(0)) run();
    return this;
  }

  /** Lets time pass and looks, as the timer would. */
  after(ms: number): this {
    this.nowMs += ms;
    this.session.quiet(ms);
    return this.turn();
  }

  /** Codes of the GOAWAY frames so far. */
  get goneWith(): number[] {
    return parseFrames(Uint8Array.from(this.written))
      .filter(({ type }) => type === FRAME.GOAWAY)
      .map(({ payload }) => payload[7]!);
  }
}

const open = () => new Bench().receive(text(PREFACE), settings(), settingsAck());

const unknown = frame(0xbb, 0, 0, [1, 2, 3]);

describe("a connection ends", () => {
  test("when its settings do not come", () => {
    const bench = new Bench().receive(text(PREFACE));
    bench.after(SETTINGS_TIMEOUT_MS - 1);
    expect(bench.closed).toBe(0);
    bench.after(2);
    expect(bench.goneWith).toEqual([4]);
    expect(bench.closed).toBe(1);
  });

  test("when a head that goes on in the next frame never does", () => {
    const bench = open().receive(headers(1, undefined, FLAG.END_STREAM));
    bench.after(HEAD_TIMEOUT_MS / 2).receive(continuation(1, [], 0));
    expect(bench.closed).toBe(0);
    bench.after(HEAD_TIMEOUT_MS / 2 + 1);
    expect(bench.goneWith).toEqual([11]);
    expect(bench.closed).toBe(1);
  });

  test("when a frame drips, whatever else is under way", () => {
    const bench = open();
    const dripping = frame(0xbb, 0, 0, new Array<number>(1000).fill(0));
    bench.receive(dripping.slice(0, 20));
    for (let i = 1; i < 10; i++) bench.after(FRAME_TIMEOUT_MS / 10).receive(dripping.slice(20 + i, 21 + i));
    expect(bench.closed).toBe(0);
    bench.after(FRAME_TIMEOUT_MS / 10);
    expect(bench.goneWith).toEqual([11]);
    expect(bench.closed).toBe(1);
  });

  test("when not even the header of a frame comes to its end", () => {
    const bench = open().receive([0, 0, 4]);
    bench.after(FRAME_TIMEOUT_MS - 1);
    expect(bench.closed).toBe(0);
    bench.after(1);
    expect(bench.closed).toBe(1);
  });

  test("not while frames come to their end, however they are cut", () => {
    const bench = open();
    for (let i = 0; i < 10; i++) {
      bench.receive(unknown.slice(0, 5)).after(FRAME_TIMEOUT_MS - 1);
      bench.receive([...unknown.slice(5), ...unknown.slice(0, 5)]).after(FRAME_TIMEOUT_MS - 1);
      bench.receive(unknown.slice(5));
    }
    expect(bench.goneWith).not.toContain(11);
  });

  test("when nothing was asked on it for long, without blame", () => {
    const bench = open();
    bench.after(IDLE_TIMEOUT_MS - 1);
    expect(bench.closed).toBe(0);
    bench.after(1);
    expect(bench.goneWith).toEqual([0]);
    expect(bench.closed).toBe(1);
  });

  test("when its caller reads nothing of what it was told", () => {
    const bench = open();
    bench.isRead = false;
    bench.after(IDLE_TIMEOUT_MS);
    expect(bench.closed).toBe(0);
    bench.after(IDLE_TIMEOUT_MS);
    expect(bench.closed).toBe(1);
  });

  test("when the worker drains, a round trip after it was told", () => {
    const bench = open();
    bench.session.drain();
    bench.turn();
    expect(bench.goneWith).toEqual([0]);
    bench.after(DRAIN_NOTICE_MS - 1);
    expect(bench.closed).toBe(0);
    bench.after(1);
    expect(bench.goneWith).toEqual([0, 0]);
    expect(bench.closed).toBe(1);
  });

  test("when its caller can no longer be told, its requests refused unread", () => {
    const bench = open().receive(headers(1));
    const refused = parseFrames(Uint8Array.from(bench.written)).find(({ type }) => type === FRAME.RST_STREAM);
    expect(refused?.payload[3]).toBe(7);
    expect(bench.goneWith).toEqual([0]);
    bench.after(DRAIN_NOTICE_MS);
    expect(bench.closed).toBe(1);
  });
});
