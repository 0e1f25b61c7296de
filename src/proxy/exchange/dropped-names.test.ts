import { describe, expect, test } from "bun:test";
import { DroppedNames, droppedBy } from "./dropped-names.ts";

const has = (names: string[], name: string) => {
  const bytes = Buffer.from(`--${name}--`, "latin1");
  return new DroppedNames(names).has(bytes, 2, 2 + name.length);
};

describe("DroppedNames", () => {
  test("finds a name in any case", () => {
    expect(has(["x-shop", "x-backend"], "X-Shop")).toBe(true);
    expect(has(["x-shop", "x-backend"], "x-BACKEND")).toBe(true);
  });
  test("tells names of equal length, and of lengths that share a bit, apart", () => {
    expect(has(["x-shop"], "x-shoq")).toBe(false);
    expect(has(["a".repeat(33)], "b")).toBe(false);
    expect(has(["a"], "a".repeat(33))).toBe(false);
  });
  test("does not take @ for a backquote, nor a bracket for a brace", () => {
    expect(has(["a`b"], "a@b")).toBe(false);
    expect(has(["a{b"], "a[b")).toBe(false);
  });
});

test("droppedBy() answers null where edits only add", () => {
  expect(droppedBy(null)).toBeNull();
  expect(droppedBy({ dropped: new Set(), lines: [{ name: "a", value: "b" }] })).toBeNull();
  expect(droppedBy({ dropped: new Set(["a"]), lines: [] })).not.toBeNull();
});
