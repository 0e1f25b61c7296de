import { expect, test } from "bun:test";
import { copyOf } from "./copy-bytes.ts";

test("copyOf() of a Buffer does not change with it", () => {
  const original = Buffer.from("abcdef");
  const copy = copyOf(original, 1, 4);
  original.fill(0);
  expect(Buffer.from(copy).toString()).toBe("bcd");
});
