import { expect, test } from "bun:test";
import type { CallerIdentity } from "../caller.ts";
import { CANCELLATION_SHARE, CANCELLATIONS_AT_ONCE, CANCELLATIONS_PER_SECOND, CANCELLERS_MAX } from "../limits.ts";
import { Cancellations } from "./cancellations.ts";

function caller(uid: number, node = "", workload: string | undefined = undefined, ip = "127.0.0.1"): CallerIdentity {
  return { uid, node, facts: { workload, ip } } as CallerIdentity;
}

/** One that this caller has used up at time 0. */
function usedUpBy(one: CallerIdentity): Cancellations {
  const cancellations = new Cancellations();
  for (let i = 0; i < CANCELLATIONS_AT_ONCE; i++) {
    expect(cancellations.allows(one, 0)).toBe(true);
    cancellations.note(one, true, 0);
  }
  return cancellations;
}

test("who has cancelled all that it may begins nothing until time has passed", () => {
  const cancellations = usedUpBy(caller(7));
  expect(cancellations.allows(caller(7), 0)).toBe(false);
  const oneMs = 1000 / CANCELLATIONS_PER_SECOND;
  expect(cancellations.allows(caller(7), oneMs - 0.5)).toBe(false);
  expect(cancellations.allows(caller(7), oneMs + 0.5)).toBe(true);
  cancellations.note(caller(7), true, oneMs + 0.5);
  expect(cancellations.allows(caller(7), oneMs + 0.5)).toBe(false);
});

test("nobody pays for another: another user, another node's workload of that name, another address", () => {
  const cancellations = usedUpBy(caller(-1, "till-2", "workload/prod/web"));
  expect(cancellations.allows(caller(-1, "till-2", "workload/prod/web"), 0)).toBe(false);
  expect(cancellations.allows(caller(-1, "till-2", "workload/prod/shop"), 0)).toBe(true);
  expect(cancellations.allows(caller(-1, "till-3", "workload/prod/web"), 0)).toBe(true);
  expect(cancellations.allows(caller(0), 0)).toBe(true);
  expect(usedUpBy(caller(-1, "", undefined, "10.0.0.1")).allows(caller(-1, "", undefined, "10.0.0.2"), 0)).toBe(true);
});

test("only so many are remembered, who cancelled last the longest", () => {
  const cancellations = usedUpBy(caller(7));
  for (let i = 1; i < CANCELLERS_MAX; i++) cancellations.note(caller(1000 + i), true, 0);
  expect(cancellations.allows(caller(7), 0)).toBe(false);
  cancellations.note(caller(5), true, 0);
  expect(cancellations.allows(caller(7), 0)).toBe(true);
});

test("who costs no connection may cancel ten times as much", () => {
  const cancellations = new Cancellations();
  const share = Math.round(1 / CANCELLATION_SHARE);
  for (let i = 0; i < CANCELLATIONS_AT_ONCE * share - 2 * share; i++) cancellations.note(caller(7), false, 0);
  expect(cancellations.allows(caller(7), 0)).toBe(true);
  for (let i = 0; i < 3 * share; i++) cancellations.note(caller(7), false, 0);
  expect(cancellations.allows(caller(7), 0)).toBe(false);
});
