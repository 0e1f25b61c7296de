import { expect, test } from "bun:test";
import fc from "fast-check";
import { Connection } from "../../src/wire/http2/connection.ts";
import { PHASE } from "../../src/wire/http2/connection-state.ts";
import { EVENT } from "../../src/wire/http2/event.ts";
import { OUTPUT_BYTES_MAX } from "../../src/wire/http2/limits.ts";
import { OutputBuffer } from "../../src/wire/http2/output-buffer.ts";
import {
  block,
  continuation,
  data,
  FLAG,
  FRAME,
  frame,
  goAway,
  headers,
  POST,
  PREFACE,
  ping,
  priority,
  REQUEST,
  reset,
  SETTING,
  settings,
  settingsAck,
  text,
  windowUpdate,
} from "../support/http2-frames.ts";
import { Http2Peer } from "../support/http2-peer.ts";
import { headScratch, SERVER_OPTIONS } from "../support/http2-scratch.ts";

/** How many sessions each property tries; more for a long run. */
const RUNS = Number(process.env["FUZZ_RUNS"] ?? 600);
const TIMEOUT_MS = 60_000 + RUNS * 50;

const id = fc.constantFrom(1, 3, 5, 7, 9, 11, 2, 0);
const flags = fc.constantFrom(0, 1, 4, 5, 8, 0x20, 0x2d, 0xff);
const OPEN = FLAG.END_HEADERS;

/** Frames that make sense in many orders, and some that do not. */
const sensible: fc.Arbitrary<number[]> = fc.oneof(
  fc.tuple(id, fc.constantFrom(OPEN, OPEN | FLAG.END_STREAM)).map(([id, flags]) => headers(id, POST, flags)),
  fc
    .tuple(id, fc.string({ unit: "binary-ascii", maxLength: 30 }), fc.constantFrom(0, 1))
    .map(([id, content, flags]) => data(id, content, flags)),
  id.map((id) => headers(id, [["grpc-status", "0"]])),
  id.map((id) => [
    ...frame(FRAME.HEADERS, 1, id, block(REQUEST).slice(0, 12)),
    ...continuation(id, block(REQUEST).slice(12)),
  ]),
  id.map((id) =>
    frame(FRAME.HEADERS, OPEN | FLAG.END_STREAM, id, [...block(REQUEST), 0x40, 1, 120, 1, 49, 0xbe, 0xbe, 0xbe]),
  ),
  id.map((id) => frame(FRAME.DATA, FLAG.PADDED, id, [2, 120, 0, 0])),
  id.map((id) => reset(id)),
  fc.tuple(id, fc.constantFrom(1, 1000, 2 ** 31 - 1)).map(([id, by]) => windowUpdate(id, by)),
  id.map((id) => priority(id)),
  fc.constantFrom(
    ping(),
    settings(),
    settings([SETTING.INITIAL_WINDOW_SIZE, 5]),
    settings([SETTING.HEADER_TABLE_SIZE, 0]),
    settingsAck(),
    goAway(3),
    frame(0x44, 3, 9, [1, 2]),
  ),
  fc
    .tuple(id, flags, fc.integer({ min: 0, max: 12 }), fc.uint8Array({ maxLength: 24 }))
    .map(([id, flags, type, payload]) => frame(type, flags, id, [...payload])),
);
const session = fc.array(sensible, { minLength: 1, maxLength: 25 }).map((frames) => frames.flat());
const opening = [...text(PREFACE), ...settings(), ...settingsAck()];

/** Events and frames of a whole session; content joined, because pieces may be cut. */
function told(peer: Http2Peer): unknown {
  const events: string[] = [];
  for (const event of peer.events) {
    const [, id] = event.split(" ");
    const isPiece = event.startsWith("data");
    const last = events.at(-1);
    if (isPiece && last?.startsWith(`data ${id}`) === true && !last.endsWith("end")) events.pop();
    events.push(isPiece ? `data ${id}${event.endsWith("end") ? " end" : ""}` : event);
  }
  return {
    events,
    content: [...peer.content],
    frames: peer.written.filter((frame) => frame.type !== FRAME.WINDOW_UPDATE),
    verdict: peer.verdict(),
  };
}

test(
  "however a session is cut, it tells and writes the same",
  () => {
    fc.assert(
      fc.property(
        session,
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 50 }),
        (bytes, cuts) => {
          const whole = new Http2Peer();
          whole.flushOpening();
          whole.feed([...opening, ...bytes]);
          const cut = new Http2Peer();
          cut.flushOpening();
          const all = Uint8Array.from([...opening, ...bytes]);
          for (let at = 0, i = 0; at < all.length; i++) {
            const size = cuts[i % cuts.length]!;
            cut.feedBytes(all.slice(at, at + size));
            at += size;
          }
          expect(told(cut)).toEqual(told(whole));
        },
      ),
      { numRuns: RUNS },
    );
  },
  TIMEOUT_MS,
);

const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.nat(5),
  insert: fc.uint8Array({ maxLength: 4 }),
});

test(
  "whatever bytes come, nothing is thrown, streams and output stay within their bounds, and the end is an error of the protocol",
  () => {
    fc.assert(
      fc.property(session, fc.array(mutation, { maxLength: 6 }), fc.boolean(), (bytes, mutations, isServer) => {
        const mutated = [...opening.slice(isServer ? 0 : PREFACE.length), ...bytes];
        for (const { at, remove, insert } of mutations)
          mutated.splice(Math.floor(at * mutated.length), remove, ...insert);
        const output = new OutputBuffer();
        const connection = new Connection<undefined>(
          { ...SERVER_OPTIONS, role: isServer ? 1 : 0, streamsMax: 4 },
          headScratch(),
          output,
          0,
        );
        if (!isServer) for (let i = 0; i < 3; i++) connection.openStream(1, false, undefined);
        // As if the requests had been sent.
        for (const stream of connection.streams.all()) stream.hasSentHead = true;
        for (let at = 0; at < mutated.length; at += 50) {
          const piece = Uint8Array.from(mutated.slice(at, at + 50));
          connection.feed(piece, 0, piece.length, at);
          let events = 0;
          for (let event = connection.next(); event !== EVENT.NONE; event = connection.next()) {
            expect(++events).toBeLessThan(100);
            if (event === EVENT.ERROR)
              expect([connection.phase, connection.reason === ""]).toEqual([PHASE.OVER, false]);
          }
          expect(connection.streams.size).toBeLessThanOrEqual(4);
          expect(output.length).toBeLessThan(OUTPUT_BYTES_MAX);
        }
      }),
      { numRuns: RUNS },
    );
  },
  TIMEOUT_MS,
);

test("noise behind a good opening is an error at once", () => {
  const peer = new Http2Peer().start();
  peer.feed(Array.from({ length: 4096 }, (_, i) => (i * 167 + 13) & 0xff));
  expect(peer.verdict()).toStartWith("connection");
});
