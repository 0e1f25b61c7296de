import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  BAN_REASON_LENGTH_MAX,
  BANS_MAX,
  BANS_RESERVE_BYTES,
  BANS_TEXT_BYTES_MAX,
  type Ban,
  type BanList,
  banSequence,
  isKeyBanned,
  mergeBans,
  NO_BANS,
  parseBans,
  printBans,
  reasonLength,
  withBan,
  withBans,
} from "./bans.ts";
import { TRUST_MESSAGE_BYTES_MAX } from "./trust-message.ts";

const keyOf = (index: number) => index.toString(16).padStart(64, "0");
const word = (index: number, state: Ban["state"]) => ({
  keyHash: keyOf(index),
  node: "till-1",
  state,
  reason: "stolen",
  atMs: 5,
});

test("a ban holds until it is lifted, and a lifted key can be banned again", () => {
  const banned = withBan(NO_BANS, word(1, "banned"));
  expect(isKeyBanned(banned, keyOf(1))).toBe(true);
  expect(isKeyBanned(banned, keyOf(2))).toBe(false);
  const lifted = withBan(banned, word(1, "lifted"));
  expect(isKeyBanned(lifted, keyOf(1))).toBe(false);
  expect(isKeyBanned(withBan(lifted, word(1, "banned")), keyOf(1))).toBe(true);
  expect(banSequence(lifted)).toBe(2);
});

test("an old backup lifts no ban and lowers no sequence", () => {
  const old = withBan(NO_BANS, word(1, "banned"));
  const now = withBan(withBan(old, word(1, "lifted")), word(2, "banned"));
  expect(printBans(mergeBans(now, old))).toBe(printBans(now));
  expect(printBans(mergeBans(old, now))).toBe(printBans(now));
  expect(isKeyBanned(mergeBans(now, NO_BANS), keyOf(2))).toBe(true);
});

const anyList: fc.Arbitrary<BanList> = fc
  .array(fc.record({ index: fc.nat(6), isBanned: fc.boolean(), sequence: fc.integer({ min: 1, max: 4 }) }), {
    maxLength: 12,
  })
  .map((entries) => {
    let list = NO_BANS;
    for (const { index, isBanned, sequence } of entries)
      list = mergeBans(list, new Map([[keyOf(index), { ...word(index, isBanned ? "banned" : "lifted"), sequence }]]));
    return list;
  });

test("lists merge in any order and any grouping to the same, and once is as good as twice", () => {
  fc.assert(
    fc.property(anyList, anyList, anyList, (a, b, c) => {
      const left = printBans(mergeBans(mergeBans(a, b), c));
      expect(printBans(mergeBans(c, mergeBans(b, a)))).toBe(left);
      expect(printBans(mergeBans(mergeBans(a, b), mergeBans(c, a)))).toBe(left);
    }),
    { numRuns: 300 },
  );
});

test("of two equally late words the ban holds", () => {
  const ban = new Map([[keyOf(1), { ...word(1, "banned"), sequence: 3 }]]);
  const lift = new Map([[keyOf(1), { ...word(1, "lifted"), sequence: 3 }]]);
  expect(isKeyBanned(mergeBans(ban, lift), keyOf(1))).toBe(true);
  expect(isKeyBanned(mergeBans(lift, ban), keyOf(1))).toBe(true);
});

test("the text comes back, and nothing but that text", () => {
  const list = withBan(withBan(NO_BANS, word(2, "banned")), word(1, "lifted"));
  const text = printBans(list);
  expect(printBans(parseBans(text) ?? NO_BANS)).toBe(text);
  for (const wrong of [
    "",
    "{}",
    "[]",
    "null",
    '{"version":1}',
    text.trimEnd(),
    ` ${text}`,
    text.replace('"version":1', '"version":2'),
    text.replace('"banned"', '"maybe"'),
    text.replace('"sequence":1', '"sequence":0'),
    text.replace('"sequence":1', '"sequence":1.5'),
    text.replace('"sequence":1', '"sequence":1,"x":1'),
    text.replace('"atMs":5', '"atMs":"5"'),
    text.replace(/"keyHash":"0/, '"keyHash":"A'),
    text.replace(/"node":"[^"]*",/, ""),
    text.replace(/"reason":"stolen"/, `"reason":"${"x".repeat(257)}"`),
    text.replace('{"version":1,', '{"version":1,"version":1,'),
  ])
    expect([wrong, parseBans(wrong)]).toEqual([wrong, undefined]);
});

test("a full list refuses a further key instead of forgetting one", () => {
  const full = new Map(
    Array.from({ length: BANS_MAX }, (_, index) => [keyOf(index), { ...word(index, "banned"), sequence: index + 1 }]),
  );
  expect(() => withBan(full, word(BANS_MAX, "banned"))).toThrow(RangeError);
  expect(isKeyBanned(withBan(full, word(3, "lifted")), keyOf(3))).toBe(false);
});

/** As long as a word can be. */
const longest = (index: number): Omit<Ban, "sequence"> => ({
  keyHash: keyOf(index),
  node: "n".repeat(63),
  state: "banned",
  reason: '"'.repeat(BAN_REASON_LENGTH_MAX / 2),
  atMs: Number.MAX_SAFE_INTEGER,
});

test("a full list has 390 keys at least, whatever is said of them, and fits the root's message with its reserve", () => {
  expect(reasonLength(longest(0).reason)).toBe(BAN_REASON_LENGTH_MAX);
  const full = withBans(
    NO_BANS,
    Array.from({ length: 390 }, (_, index) => longest(index)),
  );
  const more = Array.from({ length: 24 }, (_, index) => longest(1000 + index));
  expect(() => withBans(full, more)).toThrow("the list of banned keys is full: 390 keys take");
  // Nothing of it was taken.
  expect(full.size).toBe(390);
  const reserved = withBans(full, more, BANS_TEXT_BYTES_MAX + BANS_RESERVE_BYTES);
  expect(printBans(reserved).length + 8 * 1024).toBeLessThan(TRUST_MESSAGE_BYTES_MAX);
  // What makes it no longer always fits, also where it is longer than allowed.
  const lifted = withBans(reserved, [{ ...longest(3), state: "lifted", reason: "" }]);
  expect(isKeyBanned(lifted, keyOf(3))).toBe(false);
});

test("a reason that an earlier version wrote is read", () => {
  const old = withBan(NO_BANS, { ...word(1, "banned"), reason: "x".repeat(256) });
  expect(printBans(parseBans(printBans(old)) ?? NO_BANS)).toBe(printBans(old));
  expect(parseBans(printBans(withBan(NO_BANS, { ...word(1, "banned"), reason: "x".repeat(257) })))).toBeUndefined();
});
