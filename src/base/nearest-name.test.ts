import { expect, test } from "bun:test";
import { editDistance, nearestName } from "./nearest-name.ts";

test("a swap of neighbours is one edit, and so are an insertion, a deletion and a replacement", () => {
  expect(editDistance("pots", "post")).toBe(1);
  expect(editDistance("port", "ports")).toBe(1);
  expect(editDistance("ports", "port")).toBe(1);
  expect(editDistance("port", "part")).toBe(1);
  expect(editDistance("", "abc")).toBe(3);
});

test("the nearest known name is found and far ones are not offered", () => {
  const known = ["selector", "selectors", "serviceAccount", "ports"];
  expect(nearestName("selctors", known)).toBe("selectors");
  expect(nearestName("ServiceAcount", known)).toBe("serviceAccount");
  expect(nearestName("x", known)).toBeUndefined();
  expect(nearestName("retry", known)).toBeUndefined();
});

test("a name of any length is answered at once", () => {
  expect(nearestName("a".repeat(1_000_000), ["a".repeat(1_000_000)])).toBeUndefined();
});
