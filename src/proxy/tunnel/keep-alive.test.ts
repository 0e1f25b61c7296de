import { expect, test } from "bun:test";
import { TimerWheel } from "../../base/timer-wheel.ts";
import { KeepAlive, type Listened } from "./keep-alive.ts";
import { PING_AFTER_BUSY_MS, PING_AFTER_IDLE_MS, PONG_TIMEOUT_MS } from "./limits.ts";

/** Of the wheel: two slots. */
const BLUR_MS = 64;

/** A connection on a clock that the test moves; `silentFrom` on nothing comes any more. */
class Line {
  nowMs = 10_000;
  silentFromMs = Number.POSITIVE_INFINITY;
  streamCount = 0;
  readonly pings: number[] = [];
  diedAtMs: number | undefined;
  readonly keepAlive: KeepAlive;
  #wake: (() => void) | null = null;
  #wakeAtMs = 0;

  constructor() {
    const wheel = new TimerWheel({
      nowMs: () => this.nowMs,
      wakeAfter: (ms, wake) => {
        this.#wakeAtMs = this.nowMs + ms;
        this.#wake = wake;
      },
    });
    const line = this;
    const link: Listened = {
      get lastReadMs() {
        return Math.min(line.nowMs, line.silentFromMs);
      },
      get streamCount() {
        return line.streamCount;
      },
      ping: () => void this.pings.push(this.nowMs),
    };
    this.keepAlive = new KeepAlive(
      wheel,
      () => this.nowMs,
      link,
      PING_AFTER_IDLE_MS,
      () => {
        this.diedAtMs ??= this.nowMs;
      },
    );
    this.keepAlive.start();
  }

  /** Lets time pass; with `opensEveryMs` a stream is opened again and again meanwhile. */
  pass(ms: number, opensEveryMs = Number.POSITIVE_INFINITY): void {
    const endMs = this.nowMs + ms;
    for (let nextMs = this.nowMs + opensEveryMs; this.nowMs < endMs; ) {
      const atMs = Math.min(endMs, nextMs, this.#wake === null ? endMs : this.#wakeAtMs);
      this.nowMs = atMs;
      if (this.#wake !== null && this.#wakeAtMs <= atMs) {
        const wake = this.#wake;
        this.#wake = null;
        wake();
      }
      if (nextMs <= atMs) {
        this.streamCount++;
        this.keepAlive.busy(atMs);
        nextMs += opensEveryMs;
      }
    }
  }
}

test("while something comes nobody is asked, and nobody is dead", () => {
  const line = new Line();
  line.pass(120_000, 500);
  expect([line.pings, line.diedAtMs]).toEqual([[], undefined]);
});

for (const [what, opensEveryMs] of [
  ["one stream is open", Number.POSITIVE_INFINITY],
  ["streams are opened all the time", 10],
] as const) {
  test(`while ${what}, who is silent is asked soon, and has all of the time to answer`, () => {
    const line = new Line();
    line.streamCount = 1;
    line.keepAlive.busy(line.nowMs);
    line.silentFromMs = line.nowMs;
    line.pass(20_000, opensEveryMs);
    const [askedMs = 0] = line.pings;
    expect(askedMs - line.silentFromMs).toBeWithin(PING_AFTER_BUSY_MS - 1, PING_AFTER_BUSY_MS + BLUR_MS);
    expect((line.diedAtMs ?? 0) - askedMs).toBeWithin(PONG_TIMEOUT_MS - 1, PONG_TIMEOUT_MS + BLUR_MS);
    expect(line.pings).toHaveLength(1);
  });
}

test("an idle connection is asked much later", () => {
  const line = new Line();
  line.silentFromMs = line.nowMs;
  line.pass(PING_AFTER_IDLE_MS - BLUR_MS);
  expect(line.pings).toEqual([]);
  line.pass(2 * BLUR_MS);
  expect(line.pings).toHaveLength(1);
});

test("an answer that comes in time saves it", () => {
  const line = new Line();
  line.streamCount = 1;
  line.keepAlive.busy(line.nowMs);
  line.silentFromMs = line.nowMs;
  line.pass(PING_AFTER_BUSY_MS + PONG_TIMEOUT_MS - 500, 10);
  line.silentFromMs = Number.POSITIVE_INFINITY;
  line.pass(30_000, 10);
  expect([line.pings.length, line.diedAtMs]).toEqual([1, undefined]);
});
