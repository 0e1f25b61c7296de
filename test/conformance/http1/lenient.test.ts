import { describe, expect, test } from "bun:test";
import { lenientRequests, lenientResponse } from "./lenient.ts";
import { CLASSES, type VectorClass } from "./vector.ts";
import { HONEST_REQUESTS, HOSTILE_RESPONSES, REQUEST_VECTORS } from "./vectors/all.ts";
import { requestDifference, responseDifference } from "./verdict.ts";

/** Share of the hostile vectors that a careless reader must get wrong. */
const FAILED_SHARE_MIN = 0.9;

interface Outcome {
  readonly id: string;
  readonly class: VectorClass;
  readonly isFailed: boolean;
}

const outcomes: readonly Outcome[] = [
  ...REQUEST_VECTORS.map((vector) => ({
    id: vector.id,
    class: vector.class,
    isFailed: requestDifference(vector.verdict, lenientRequests(vector.bytes)) !== "",
  })),
  ...HOSTILE_RESPONSES.map((vector) => ({
    id: vector.id,
    class: vector.class,
    isFailed: responseDifference(vector.verdict, lenientResponse(vector.bytes)) !== "",
  })),
];

describe("a lenient reader", () => {
  test("gets most honest requests right, so that it is a reader at all", () => {
    const wrong = HONEST_REQUESTS.filter((v) => requestDifference(v.verdict, lenientRequests(v.bytes)) !== "");
    expect(wrong.length / HONEST_REQUESTS.length).toBeLessThan(0.35);
  });

  test(`fails at least ${FAILED_SHARE_MIN * 100} % of the hostile vectors`, () => {
    const passed = outcomes.filter((outcome) => !outcome.isFailed).map((outcome) => outcome.id);
    expect(passed.length, `passed: ${passed.join(" ")}`).toBeLessThanOrEqual(outcomes.length * (1 - FAILED_SHARE_MIN));
  });

  for (const number of Object.keys(CLASSES).map(Number) as VectorClass[]) {
    test(`fails most of class ${number}, ${CLASSES[number]}`, () => {
      const ofClass = outcomes.filter((outcome) => outcome.class === number);
      expect(ofClass.filter((outcome) => outcome.isFailed).length).toBeGreaterThan(ofClass.length / 2);
    });
  }
});
