import { expect, test } from "bun:test";
import { RandomPool } from "./random-pool.ts";
import {
  isTraceparent,
  readTraceId,
  TRACEPARENT_BYTES,
  writeRequestId,
  writeSelvedgeId,
  writeTraceparent,
} from "./trace-context.ts";
import { isTracestate } from "./tracestate.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const traceparent = (text: string): boolean => {
  const padded = encoder.encode(`xx${text}yy`);
  return isTraceparent(padded, 2, padded.length - 2);
};
const tracestate = (text: string): boolean => {
  const padded = encoder.encode(`xx${text}yy`);
  return isTracestate(padded, 2, padded.length - 2);
};
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";

test("a traceparent of version 00 is accepted, and one of a later version with more to say", () => {
  expect(traceparent(`00-${TRACE}-${PARENT}-01`)).toBe(true);
  expect(traceparent(`cc-${TRACE}-${PARENT}-01`)).toBe(true);
  expect(traceparent(`cc-${TRACE}-${PARENT}-01-what-the-future-brings`)).toBe(true);
});

test.each([
  ["empty", ""],
  ["upper case", `00-${TRACE.toUpperCase()}-${PARENT}-01`],
  ["version ff", `ff-${TRACE}-${PARENT}-01`],
  ["version 00 with more to say", `00-${TRACE}-${PARENT}-01-x`],
  ["a later version without a dash after the flags", `cc-${TRACE}-${PARENT}-01.x`],
  ["a trace id of zeros", `00-${"0".repeat(32)}-${PARENT}-01`],
  ["a parent id of zeros", `00-${TRACE}-${"0".repeat(16)}-01`],
  ["flags that are no digits", `00-${TRACE}-${PARENT}-0x`],
  ["a space in front", ` 00-${TRACE}-${PARENT}-01`],
  ["a missing dash", `00-${TRACE}0${PARENT}-01`],
  ["too long", `cc-${TRACE}-${PARENT}-01-${"a".repeat(300)}`],
])("a traceparent is refused: %s", (_, text) => {
  expect(traceparent(text)).toBe(false);
});

test("what we start ourselves is valid, and its trace id reads back", () => {
  const pool = new RandomPool((into) => crypto.getRandomValues(into));
  const bytes = new Uint8Array(100);
  const seen = new Set<string>();
  for (let i = 0; i < 500; i++) {
    expect(writeTraceparent(bytes, 3, pool)).toBe(3 + TRACEPARENT_BYTES);
    expect(isTraceparent(bytes, 3, 3 + TRACEPARENT_BYTES)).toBe(true);
    const id = new Uint8Array(16);
    readTraceId(bytes, 3, id);
    expect(decoder.decode(bytes.subarray(6, 38))).toBe(id.toHex());
    seen.add(id.toHex());
  }
  expect(seen.size).toBe(500);
});

test("even a source that gives only zeros makes no id of zeros", () => {
  const pool = new RandomPool((into) => into.fill(0));
  const bytes = new Uint8Array(TRACEPARENT_BYTES);
  writeTraceparent(bytes, 0, pool, false);
  expect(decoder.decode(bytes)).toBe(`00-${"0".repeat(31)}1-${"0".repeat(15)}1-02`);
});

test("a request id is a random UUID of version 4", () => {
  const pool = new RandomPool((into) => crypto.getRandomValues(into));
  const bytes = new Uint8Array(40);
  const end = writeRequestId(bytes, 2, pool);
  expect(decoder.decode(bytes.subarray(2, end))).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
});

test("an x-selvedge-id shows its two halves in order", () => {
  const bytes = new Uint8Array(16);
  writeSelvedgeId(bytes, 0, 0x0123_4567, 0x89ab_cdef);
  expect(decoder.decode(bytes)).toBe("0123456789abcdef");
});

test.each([
  ["one member", "congo=t61rcWkgMzE"],
  ["two, with blanks", "rojo=00f067aa0ba902b7 , congo=t61rcWkgMzE"],
  ["a tenant", "fw529a3039@dt=FfGGH"],
  ["an empty member between", "a=1,,b=2"],
  ["32 members", Array.from({ length: 32 }, (_, i) => `k${i}=v`).join(",")],
])("a tracestate is passed on: %s", (_, text) => {
  expect(tracestate(text)).toBe(true);
});

test.each([
  ["nothing", ""],
  ["only commas", ",,"],
  ["no value", "a="],
  ["no key", "=a"],
  ["an upper-case key", "A=1"],
  ["a key that begins with a digit", "1a=1"],
  ["a control character", "a=1\u0001"],
  ["two equals signs", "a=1=2"],
  ["two at signs", "a@b@c=1"],
  ["a system that is too long", `a@${"b".repeat(15)}=1`],
  ["33 members", Array.from({ length: 33 }, (_, i) => `k${i}=v`).join(",")],
  ["a value of 257", `a=${"v".repeat(257)}`],
  ["too much", Array.from({ length: 20 }, (_, i) => `k${i}=${"v".repeat(250)}`).join(",")],
])("a tracestate is dropped: %s", (_, text) => {
  expect(tracestate(text)).toBe(false);
});
