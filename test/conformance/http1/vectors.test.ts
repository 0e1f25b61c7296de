import { describe, expect, test } from "bun:test";
import { cutsOf } from "./cuts.ts";
import { judgeRequests, judgeResponse } from "./judge.ts";
import { CLASSES, type VectorClass } from "./vector.ts";
import { HONEST_REQUESTS, HOSTILE_RESPONSES, REQUEST_VECTORS } from "./vectors/all.ts";
import { requestDifference, responseDifference } from "./verdict.ts";

const HOSTILE_MIN = 200;
const PER_CLASS_MIN = 8;

/** The first difference over all cuts, with the cut that shows it. */
function firstDifference(bytes: string, differenceOf: (pieces: readonly string[]) => string): string {
  for (const pieces of cutsOf(bytes)) {
    const difference = differenceOf(pieces);
    if (difference !== "") return `${difference} (cut into ${pieces.length}, first piece ${pieces[0]!.length} bytes)`;
  }
  return "";
}

describe("hostile and honest requests get their verdict, however they are cut", () => {
  for (const vector of [...REQUEST_VECTORS, ...HONEST_REQUESTS]) {
    test(`${vector.id} (${CLASSES[vector.class]})`, () => {
      expect(firstDifference(vector.bytes, (pieces) => requestDifference(vector.verdict, judgeRequests(pieces)))).toBe(
        "",
      );
    });
  }
});

describe("hostile responses get their verdict, however they are cut", () => {
  for (const vector of HOSTILE_RESPONSES) {
    test(`${vector.id} to ${vector.requestMethod}`, () => {
      const { requestMethod, verdict, bytes } = vector;
      expect(firstDifference(bytes, (p) => responseDifference(verdict, judgeResponse(p, requestMethod)))).toBe("");
    });
  }
});

describe("the set of vectors", () => {
  const hostile = [...REQUEST_VECTORS, ...HOSTILE_RESPONSES];
  test(`has at least ${HOSTILE_MIN} hostile ones, each with an id of its own`, () => {
    expect(hostile.length).toBeGreaterThanOrEqual(HOSTILE_MIN);
    const ids = [...hostile, ...HONEST_REQUESTS].map((vector) => vector.id);
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
  });
  for (const number of Object.keys(CLASSES).map(Number) as VectorClass[]) {
    test(`has at least ${PER_CLASS_MIN} of class ${number}, ${CLASSES[number]}`, () => {
      expect(hostile.filter((vector) => vector.class === number).length).toBeGreaterThanOrEqual(PER_CLASS_MIN);
    });
  }
});
