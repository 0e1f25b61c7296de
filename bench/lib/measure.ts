/** One measurement of one subject, and whether it counts. */
import { busyBetween, cpuSecondsOf, sampleCore } from "./cpu.ts";
import { CORE_OF_OTHERS, CORE_UNDER_TEST } from "./processes.ts";
import type { Subject } from "./subjects.ts";

/** Above this share the core of generator and origin may have been the limit, unless the subject's own core was full. */
export const OTHERS_BUSY_MAX = 0.85;
/** Above this share it was, whatever the subject did. */
const OTHERS_FULL = 0.97;
/** From this share on the subject's core counts as full. */
const UNDER_TEST_FULL = 0.95;

export interface Measured<Result> {
  readonly result: Result;
  /** CPU seconds of all processes of the subject; NaN for the direct connection. */
  readonly cpuSeconds: number;
  /** How busy the subject's core and the core of generator and origin were, 0 to 1. */
  readonly busyUnderTest: number;
  readonly busyOthers: number;
  /** Why this measurement does not count, or `undefined`. */
  readonly void: string | undefined;
}

/** Runs `load` against a subject and takes down what it cost. */
export async function measure<Result extends { readonly errors: number }>(
  subject: Subject,
  load: () => Promise<Result>,
): Promise<Measured<Result>> {
  const cpuBefore = cpuOf(subject);
  const others = sampleCore(CORE_OF_OTHERS);
  const underTest = sampleCore(CORE_UNDER_TEST);
  const result = await load();
  const busyOthers = busyBetween(others, sampleCore(CORE_OF_OTHERS));
  const busyUnderTest = busyBetween(underTest, sampleCore(CORE_UNDER_TEST));
  const cpuSeconds = cpuOf(subject) - cpuBefore;
  return {
    result,
    cpuSeconds,
    busyUnderTest,
    busyOthers,
    void: voidReason(subject, result.errors, busyOthers, busyUnderTest),
  };
}

function cpuOf({ pid, alsoPid }: Subject): number {
  if (pid === undefined) return Number.NaN;
  return cpuSecondsOf(pid) + (alsoPid === undefined ? 0 : cpuSecondsOf(alsoPid));
}

function voidReason(subject: Subject, errors: number, busyOthers: number, busyUnderTest: number): string | undefined {
  if (errors > 0) return `${errors} errors`;
  // Without anything in between, generator and origin are always the limit.
  if (subject.pid === undefined) return undefined;
  if (busyOthers > OTHERS_FULL || (busyOthers > OTHERS_BUSY_MAX && busyUnderTest < UNDER_TEST_FULL))
    return `generator and origin kept their core ${Math.round(busyOthers * 100)} % busy`;
  return undefined;
}

/**
 * Takes the subjects in turns, forwards and backwards (A B B A), `rounds` times each, so that whatever drifts on the
 * machine hits all of them alike. The n-th measurements of two subjects are a pair.
 */
export async function interleave<Value>(
  subjects: readonly Subject[],
  rounds: number,
  one: (subject: Subject) => Promise<Value>,
): Promise<ReadonlyMap<string, Value[]>> {
  const values = new Map<string, Value[]>(subjects.map((subject) => [subject.name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const subject of round % 2 === 0 ? subjects : [...subjects].reverse())
      (values.get(subject.name) as Value[]).push(await one(subject));
  }
  return values;
}

/** The values of two subjects at the rounds where both count. */
export function validPairs<Result>(
  a: readonly Measured<Result>[],
  b: readonly Measured<Result>[],
  costOf: (measured: Measured<Result>) => number,
): [number[], number[]] {
  const rounds = a
    .map((_, round) => round)
    .filter((round) => a[round]?.void === undefined && b[round]?.void === undefined);
  const pick = (all: readonly Measured<Result>[]) => rounds.map((round) => costOf(all[round] as Measured<Result>));
  return [pick(a), pick(b)];
}
