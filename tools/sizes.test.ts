import { expect, test } from "bun:test";
import { checkSizes, FILE_LINES_MAX } from "./sizes.ts";

const text = (lines: number) => "x\n".repeat(lines);

test("a file of the allowed length passes, one line more does not", () => {
  const sources = new Map([
    ["src/a.ts", text(FILE_LINES_MAX)],
    ["src/b.ts", text(FILE_LINES_MAX + 1)],
  ]);
  expect(checkSizes(sources, new Map())).toEqual([
    `src/b.ts:${FILE_LINES_MAX}  has ${FILE_LINES_MAX + 1} lines, ${FILE_LINES_MAX} are allowed; split what it knows`,
  ]);
});

test("an allowed file passes, an entry that nothing needs is reported", () => {
  const sources = new Map([
    ["src/long.ts", text(900)],
    ["src/short.ts", text(9)],
  ]);
  const allowed = new Map([
    ["src/long.ts", "a table"],
    ["src/short.ts", "was long"],
    ["src/gone.ts", "was there"],
  ]);
  expect(checkSizes(sources, allowed)).toEqual([
    "src/short.ts:1  is short enough; take it off the list in tools/sizes.ts",
    "src/gone.ts:1  is listed in tools/sizes.ts but is not there",
  ]);
});
