import { expect, test } from "bun:test";
import { type Measurements, mergeCases } from "./merge-cases.ts";

const of = (at: string, ...cases: string[]): Measurements => ({
  at,
  seconds: 3,
  rounds: 10,
  rows: [["case"], ...cases.map((one) => [one, at])],
});

test("mergeCases() keeps what was not measured again, and says how old it is", () => {
  const merged = mergeCases(of("new", "a"), of("old", "a", "b"));
  expect(merged.rows).toEqual([["case"], ["a", "new"], ["b", "old"]]);
  expect(merged.older).toEqual({ at: "old", seconds: 3, rounds: 10, rows: 1 });
});

test("mergeCases() keeps nothing where everything was measured again", () => {
  expect(mergeCases(of("new", "a", "b"), of("old", "b"))).toEqual(of("new", "a", "b"));
  expect(mergeCases(of("new", "a"), undefined)).toEqual(of("new", "a"));
});
