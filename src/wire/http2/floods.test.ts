/** Each way to make a server work for nothing: it ends with ENHANCE_YOUR_CALM, at a bounded cost, and not for honest use. */
import { describe, expect, test } from "bun:test";
import {
  type Bytes,
  block,
  continuation,
  data,
  ERROR_CODE,
  FLAG,
  FRAME,
  frame,
  goAway,
  headers,
  POST,
  ping,
  priority,
  REQUEST,
  reset,
  settings,
  text,
  uint32,
  windowUpdate,
} from "../../../test/support/http2-frames.ts";
import { Http2Peer } from "../../../test/support/http2-peer.ts";
import { BUDGET, BUDGETS, CONTINUATIONS_MAX, OUTPUT_BYTES_MAX } from "./limits.ts";

const OPEN = FLAG.END_HEADERS;
const CALM = "ENHANCE_YOUR_CALM";

/** Feeds `round` of growing numbers until the connection ends or `most` rounds are over; answers how many it took. */
function flood(peer: Http2Peer, most: number, round: (i: number) => Bytes): number {
  for (let i = 0; i < most; i++) {
    peer.feed(round(i));
    if (peer.events.at(-1)?.startsWith("error") === true) return i + 1;
    peer.events.length = 0;
    peer.written.length = 0;
  }
  return most;
}

const id = (i: number) => 2 * i + 1;

/** How a flood ends, by the budget that stops it. `before` is what an attacker needs to set up. */
const FLOODS: readonly (readonly [
  name: string,
  budget: number,
  before: readonly Bytes[],
  round: (i: number) => Bytes,
])[] = [
  ["rapid reset: streams opened and reset", BUDGET.RESETS, [], (i) => [...headers(id(i)), ...reset(id(i))]],
  [
    "MadeYouReset by windows of nothing",
    BUDGET.RESETS_CAUSED,
    [],
    (i) => [...headers(id(i)), ...windowUpdate(id(i), 0)],
  ],
  [
    "MadeYouReset by windows too large",
    BUDGET.RESETS_CAUSED,
    [],
    (i) => [...headers(id(i)), ...windowUpdate(id(i), 2 ** 31 - 1)],
  ],
  ["MadeYouReset by content behind the end", BUDGET.RESETS_CAUSED, [], (i) => [...headers(id(i)), ...data(id(i), "x")]],
  ["MadeYouReset by heads behind the end", BUDGET.RESETS_CAUSED, [], (i) => [...headers(id(i)), ...headers(id(i))]],
  [
    "MadeYouReset by PRIORITY of a wrong size",
    BUDGET.RESETS_CAUSED,
    [],
    (i) => [...headers(id(i)), ...frame(FRAME.PRIORITY, 0, id(i), uint32(0))],
  ],
  [
    "MadeYouReset by content beyond its length",
    BUDGET.RESETS_CAUSED,
    [],
    (i) => [...headers(id(i), [...POST, ["content-length", "1"]], OPEN), ...data(id(i), "xx")],
  ],
  ["malformed requests", BUDGET.RESETS_CAUSED, [], (i) => headers(id(i), [...REQUEST, ["connection", "close"]])],
  [
    "streams above the limit",
    BUDGET.REFUSED_STREAMS,
    Array.from({ length: 100 }, (_, i) => headers(id(i), POST, OPEN)),
    (i) => headers(id(i + 100)),
  ],
  ["SETTINGS", BUDGET.SETTINGS, [], () => settings()],
  ["GOAWAY", BUDGET.SETTINGS, [], () => goAway(0)],
  ["PING", BUDGET.PINGS, [], () => ping()],
  ["answers to pings that were not sent", BUDGET.PINGS, [], () => ping(undefined, FLAG.ACK)],
  ["DATA without content", BUDGET.EMPTY_DATA, [headers(1, POST, OPEN)], () => data(1, "", 0)],
  [
    "DATA of padding alone",
    BUDGET.EMPTY_DATA,
    [headers(1, POST, OPEN)],
    () => frame(FRAME.DATA, FLAG.PADDED, 1, [3, 0, 0, 0]),
  ],
  ["WINDOW_UPDATE", BUDGET.WINDOW_UPDATES, [], () => windowUpdate(0, 1)],
  ["WINDOW_UPDATE on closed streams", BUDGET.WINDOW_UPDATES, [headers(1), reset(1)], () => windowUpdate(1, 1)],
  ["PRIORITY", BUDGET.IGNORED_FRAMES, [], (i) => priority(id(i))],
  ["frames of unknown types", BUDGET.IGNORED_FRAMES, [], () => frame(0x99, 0, 0)],
  ["resets of closed streams", BUDGET.IGNORED_FRAMES, [headers(1), reset(1)], () => reset(1)],
];

describe("a flood of", () => {
  for (const [name, budget, before, round] of FLOODS) {
    test(`${name} ends the connection when its budget is used up`, () => {
      const peer = new Http2Peer().start();
      for (const bytes of before) peer.feed(bytes);
      const row = BUDGETS[budget]!;
      // A head or content in a round gives something back; those that could go on for ever have budgets that take more.
      const rounds = flood(peer, row.burst * 2 + 10, round);
      expect(rounds).toBeLessThanOrEqual(row.burst * 2);
      expect(peer.events.at(-1)).toBe(`error ${CALM} ${row.name}`);
      expect(peer.written.at(-1)).toMatchObject({ type: FRAME.GOAWAY });
      expect(peer.written.at(-1)!.payload.slice(4)).toEqual(uint32(ERROR_CODE.ENHANCE_YOUR_CALM));
    });
    test(`${name} at the rate of its budget goes on`, () => {
      const peer = new Http2Peer().start();
      for (const bytes of before) peer.feed(bytes);
      const row = BUDGETS[budget]!;
      const stepMs = 1000 / row.perSecond;
      const rounds = flood(peer, row.burst * 2 + 10, (i) => {
        peer.nowMs += stepMs;
        return round(i);
      });
      expect(rounds).toBe(row.burst * 2 + 10);
    });
  }
});

describe("header bombs", () => {
  test("CONTINUATION without end is cut off by number", () => {
    const peer = new Http2Peer().start().feed(frame(FRAME.HEADERS, FLAG.END_STREAM, 1, block(REQUEST)));
    const rounds = flood(peer, 100, () => continuation(1, text("x"), 0));
    expect([rounds, peer.events.at(-1)]).toEqual([CONTINUATIONS_MAX + 1, `error ${CALM} continuations`]);
  });
  test("and by bytes", () => {
    const peer = new Http2Peer().start().feed(frame(FRAME.HEADERS, FLAG.END_STREAM, 1, block(REQUEST)));
    const rounds = flood(peer, 100, () => continuation(1, new Array<number>(16_384).fill(0), 0));
    expect([rounds, peer.events.at(-1)]).toEqual([3, `error ${CALM} header-block-bytes`]);
  });
  test("empty fragments are counted", () => {
    const peer = new Http2Peer().start();
    const rounds = flood(peer, 100, (i) => [
      ...frame(FRAME.HEADERS, FLAG.END_STREAM, id(i)),
      ...continuation(id(i), block(REQUEST)),
    ]);
    expect([rounds, peer.events.at(-1)]).toEqual([17, `error ${CALM} empty-headers`]);
  });
  test("lists above the limit get 431, and are a budget", () => {
    const peer = new Http2Peer().start();
    const fields = [...REQUEST, ...Array.from({ length: 300 }, (_, i) => [`x${i}`, "v"] as const)];
    peer.feed(headers(1, fields));
    expect(peer.events).toEqual(["refused 1 head-too-large"]);
    expect(peer.frames()).toEqual(["HEADERS 1"]);
    const rounds = flood(peer, 100, (i) => headers(id(i + 1), fields));
    expect([rounds, peer.events.at(-1)]).toEqual([16, `error ${CALM} oversized-heads`]);
  });
  test("references to one entry again and again are a list above the limit, however small the block is", () => {
    const peer = new Http2Peer().start();
    const entry = [0x40, 1, 120, 0x7f, 0xa1, 0x1e, ...new Array<number>(4000).fill(118)];
    peer.feed(frame(FRAME.HEADERS, OPEN | FLAG.END_STREAM, 1, [...block(REQUEST), ...entry]));
    expect(peer.events).toEqual(["head 1 GET / end"]);
    const bomb = (i: number) =>
      frame(FRAME.HEADERS, OPEN | FLAG.END_STREAM, id(i + 1), [
        ...block(REQUEST),
        ...new Array<number>(200).fill(0xbe),
      ]);
    expect(flood(peer, 100, bomb)).toBe(17);
  });
});

describe("a peer that does not read", () => {
  test("is let go when the answers to what it sends have nowhere to go", () => {
    const peer = new Http2Peer().start();
    let rounds = 0;
    // Content gives back what pings cost, so that only the output can end it.
    peer.feed(headers(1, POST, OPEN));
    while (peer.connection.phase < 3 && rounds < 100_000) {
      rounds++;
      const bytes = Uint8Array.from([...ping(), ...data(1, "x", 0)]);
      peer.connection.feed(bytes, 0, bytes.length, peer.nowMs);
      while (peer.connection.next() !== 0)
        if (peer.connection.stream !== undefined) peer.connection.credit(peer.connection.stream, 1);
    }
    expect(peer.connection.reason).toBe("replies-not-read");
    expect(peer.connection.output.length).toBeLessThanOrEqual(OUTPUT_BYTES_MAX);
  });
});

test("honest use is not a flood: a thousand requests a second with pings, windows and some cancels", () => {
  const peer = new Http2Peer().start();
  const rounds = flood(peer, 5000, (i) => {
    peer.nowMs += 1;
    const answered = peer.streams.get(id(i - 1));
    if (answered !== undefined && !answered.isDead) {
      peer.answer(id(i - 1), "HTTP/1.1 200 OK\r\n\r\n", false);
      peer.connection.sendData(answered, Uint8Array.of(120), 0, 1, true);
      peer.flush();
    }
    return [
      ...headers(id(i), POST, OPEN),
      ...data(id(i), "content"),
      ...(i % 5 === 0 ? ping() : []),
      ...windowUpdate(0, 7),
      ...windowUpdate(id(i), 7),
      ...(i % 40 === 0 ? reset(id(i)) : []),
    ];
  });
  expect(rounds).toBe(5000);
});
