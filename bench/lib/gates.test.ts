import { expect, test } from "bun:test";
import { verdictOf } from "./gates.ts";
import { type Measured, validPairs } from "./measure.ts";
import { renderFigures, replaceFigures } from "./readme.ts";
import { alignTable } from "./table.ts";

test("a figure is judged by the gate in the right direction", () => {
  expect(verdictOf({ gate: "oneHopCpu", value: 0.79, text: "" })).toBe("moonshot");
  expect(verdictOf({ gate: "oneHopCpu", value: 0.99, text: "" })).toBe("met");
  expect(verdictOf({ gate: "oneHopCpu", value: 1.2, text: "" })).toBe("missed by 20 %");
  expect(verdictOf({ gate: "tcpRelay", value: 1.2, text: "" })).toBe("moonshot");
  expect(verdictOf({ gate: "tcpRelay", value: 0.45, text: "" })).toBe("missed by 50 %");
});

test("a void figure never meets a gate", () => {
  expect(verdictOf({ gate: "idle", value: 0, text: "", void: "3 errors" })).toBe("void: 3 errors");
  expect(verdictOf({ gate: "idle", value: Number.NaN, text: "" })).toBe("void: no valid pair");
});

test("a pair counts only where both measurements do", () => {
  const one = (cpuSeconds: number, reason?: string): Measured<null> => ({
    result: null,
    cpuSeconds,
    busyUnderTest: 1,
    busyOthers: 0.5,
    void: reason,
  });
  const pairs = validPairs(
    [one(1), one(2, "x"), one(3), one(4)],
    [one(5), one(6), one(7, "y"), one(8)],
    (m) => m.cpuSeconds,
  );
  expect(pairs).toEqual([
    [1, 4],
    [5, 8],
  ]);
});

test("tables line up, numbers to the right", () => {
  expect(
    alignTable([
      ["a", "bb"],
      ["ccc", "1"],
    ]),
  ).toBe("a    bb\nccc   1");
});

test("the README's figures are replaced between their marks only", () => {
  const text = "before\n<!-- figures: written by npm run bench -- --record -->\nold\n<!-- end of figures -->\nafter";
  const replaced = replaceFigures(text, renderFigures(new Map()));
  expect(replaced).toContain("before");
  expect(replaced).toContain("after");
  expect(replaced).not.toContain("old");
  expect(replaced).toContain("Not measured yet.");
  expect(() => replaceFigures("no marks", "x")).toThrow("lost the marks");
});
