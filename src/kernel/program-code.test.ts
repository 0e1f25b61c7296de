import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { giveBackCode } from "./program-code.ts";

/** MiB of files that are mapped into this process and present. */
const fileMib = (): number =>
  Number(/^RssFile:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024;

test("code that is not used any more goes back to the system, and what is used goes on", () => {
  const before = fileMib();
  const ranges = giveBackCode();
  const after = fileMib();
  expect(ranges.length).toBeGreaterThan(0);
  expect(after).toBeLessThan(before / 2);
  // From the cache again: parser, compiler, number formatting, regular expressions.
  const made = new Function("n", "return [...Array(n).keys()].map((k) => k.toFixed(2)).join().replace(/0/g, 'o')");
  expect(made(3)).toBe("o.oo,1.oo,2.oo");
  expect(JSON.parse(JSON.stringify({ a: [1, "é"] }))).toEqual({ a: [1, "é"] });
});

test("no range is one that the program can write", () => {
  const maps = readFileSync("/proc/self/maps", "latin1").trim().split("\n");
  const writable = maps.flatMap((line) => {
    const [, start = "", end = "", access = ""] = /^([0-9a-f]+)-([0-9a-f]+) (\S+)/.exec(line) ?? [];
    return access.includes("w") ? [[Number.parseInt(start, 16), Number.parseInt(end, 16)] as const] : [];
  });
  expect(writable.length).toBeGreaterThan(0);
  for (const { start, bytes } of giveBackCode())
    for (const [from, to] of writable) expect(start + bytes <= from || start >= to).toBe(true);
});
