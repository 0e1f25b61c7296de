import { describe, expect, test } from "bun:test";
import { normalisePath } from "./normalise-path.ts";

const kept: readonly (readonly [raw: string, path: string])[] = [
  ["", "/"],
  ["/", "/"],
  ["/a/b/", "/a/b/"],
  ["/a;v=1/b", "/a;v=1/b"],
  ["//", "/"],
  ["//a///b", "/a/b"],
  ["/./a", "/a"],
  ["/a/.", "/a/"],
  ["/a/..", "/"],
  ["/a/../b", "/b"],
  ["/a/b/..", "/a/"],
  ["/a/%2e%2E/b", "/b"],
  ["/a/.%2e/b", "/b"],
  ["/a//../b", "/b"],
  ["/%61%7E%2d%5F", "/a~-_"],
  ["/%c3%a9%20", "/%C3%A9%20"],
  ["/%252e%252e/a", "/%252e%252e/a"],
  ["/.well-known/x", "/.well-known/x"],
  ["/...", "/..."],
  ["/a..b/..c", "/a..b/..c"],
  ["/%3b%3F", "/%3B%3F"],
];

const refused = [
  "a",
  "*",
  "/..",
  "/a/../..",
  "/%2e%2e",
  "/a%2Fb",
  "/a%2fb",
  "/a%5Cb",
  "/a\\b",
  "/%00",
  "/a%0d%0aX:1",
  "/%0A",
  "/a%",
  "/a%4",
  "/a%4g",
  "/%%41",
  "/a#b",
  "/a?b",
  "/a b",
  '/a"b',
  "/a<b",
  "/a[b",
  "/\u00e9",
  "/\u0141",
  "/\x01",
  "/a/..;/b",
  "/a/..;x=y/b",
  "/a/.;/b",
  "/%2e%2e;/b",
  "/%c0%ae%c0%ae/",
  "/%c1%9c",
  "/%e0%80%af",
  "/%f0%80%80%af",
];

describe("a path that is kept", () => {
  for (const [raw, path] of kept) test(`${raw || "(empty)"} is ${path}`, () => expect(normalisePath(raw)).toBe(path));
  test("is the same the second time", () => {
    for (const [, path] of kept) expect(normalisePath(path)).toBe(path);
  });
});

describe("a path that is refused", () => {
  for (const raw of refused) test(JSON.stringify(raw), () => expect(normalisePath(raw)).toBeNull());
});

test("an encoded slash stays encoded where it is allowed, and hides no dot segment", () => {
  const options = { allowEncodedSlash: true };
  expect(normalisePath("/a%2fb/../c%2Fd", options)).toBe("/c%2Fd");
  for (const raw of ["/a%2f..", "/a%2f../b", "/..%2fb", "/%2e%2e%2fb", "/a%2F.%2Fb", "/a%5Cb", "/a%2f..;x/b"]) {
    expect(normalisePath(raw, options)).toBeNull();
  }
});
