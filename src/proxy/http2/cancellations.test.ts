import { expect, test } from "bun:test";
import type { CallerIdentity } from "../caller.ts";
import {
  CANCELLATION_SHARE,
  CANCELLATIONS_AT_ONCE,
  CANCELLATIONS_OWED_MAX,
  CANCELLATIONS_PER_SECOND,
  CANCELLER_TOLD_EVERY_MS,
  CANCELLERS_MAX,
  LATE_CANCELLATION_MS,
  LATE_CANCELLATION_SHARE,
} from "../limits.ts";
import { Cancellations, REFUSAL } from "./cancellations.ts";

function caller(uid: number, node = "", workload: string | undefined = undefined, ip = "127.0.0.1"): CallerIdentity {
  return { uid, node, facts: { workload, ip } } as CallerIdentity;
}

/** One that this caller has used up at time 0. */
function usedUpBy(one: CallerIdentity): Cancellations {
  const cancellations = new Cancellations();
  for (let i = 0; i < CANCELLATIONS_AT_ONCE; i++) {
    expect(cancellations.allows(one, 0)).toBe(true);
    cancellations.note(one, true, 0, 0);
  }
  return cancellations;
}

test("who has cancelled all that it may begins nothing until time has passed", () => {
  const cancellations = usedUpBy(caller(7));
  expect(cancellations.allows(caller(7), 0)).toBe(false);
  const oneMs = 1000 / CANCELLATIONS_PER_SECOND;
  expect(cancellations.allows(caller(7), oneMs - 0.5)).toBe(false);
  expect(cancellations.allows(caller(7), oneMs + 0.5)).toBe(true);
  cancellations.note(caller(7), true, 0, oneMs + 0.5);
  expect(cancellations.allows(caller(7), oneMs + 0.5)).toBe(false);
});

test("what was cancelled beyond it has to be waited for as well, up to a bound", () => {
  const owing = usedUpBy(caller(7));
  for (let i = 0; i < 100; i++) owing.note(caller(7), true, 0, 0);
  const oneMs = 1000 / CANCELLATIONS_PER_SECOND;
  expect(owing.allows(caller(7), 100 * oneMs)).toBe(false);
  expect(owing.allows(caller(7), 101.5 * oneMs)).toBe(true);
  const deep = usedUpBy(caller(7));
  for (let i = 0; i < 3 * CANCELLATIONS_OWED_MAX; i++) deep.note(caller(7), true, 0, 0);
  expect(deep.allows(caller(7), CANCELLATIONS_OWED_MAX * oneMs)).toBe(false);
  expect(deep.allows(caller(7), (CANCELLATIONS_OWED_MAX + 1.5) * oneMs)).toBe(true);
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
  for (let i = 1; i < CANCELLERS_MAX; i++) cancellations.note(caller(1000 + i), true, 0, 0);
  expect(cancellations.allows(caller(7), 0)).toBe(false);
  cancellations.note(caller(5), true, 0, 0);
  expect(cancellations.allows(caller(7), 0)).toBe(true);
});

test("who costs no connection may cancel ten times as much", () => {
  const cancellations = new Cancellations();
  const share = Math.round(1 / CANCELLATION_SHARE);
  for (let i = 0; i < CANCELLATIONS_AT_ONCE * share - 2 * share; i++) cancellations.note(caller(7), false, 0, 0);
  expect(cancellations.allows(caller(7), 0)).toBe(true);
  for (let i = 0; i < 3 * share; i++) cancellations.note(caller(7), false, 0, 0);
  expect(cancellations.allows(caller(7), 0)).toBe(false);
});

test("who gives up only after a while may do so four times as often: that is how an endpoint that hangs looks", () => {
  const cancellations = new Cancellations();
  const late = LATE_CANCELLATION_MS;
  for (let i = 1; i < CANCELLATIONS_AT_ONCE / LATE_CANCELLATION_SHARE; i++)
    cancellations.note(caller(7), true, late, 0);
  cancellations.note(caller(7), true, late - 1, 0);
  expect(cancellations.allows(caller(7), 0)).toBe(false);
  const patient = new Cancellations();
  const most = CANCELLATIONS_AT_ONCE / LATE_CANCELLATION_SHARE - 1 / LATE_CANCELLATION_SHARE;
  for (let i = 0; i < most; i++) patient.note(caller(7), true, late, 0);
  expect(patient.allows(caller(7), 0)).toBe(true);
});

test("who has cancelled too much is told so now and then, and otherwise just reset", () => {
  const cancellations = usedUpBy(caller(7));
  for (let i = 0; i < 100; i++) cancellations.note(caller(7), true, 0, 0);
  expect(cancellations.isSilent(caller(7), 0)).toBe(false);
  expect(cancellations.refusalOf(caller(7), 0)).toBe(REFUSAL.TOLD);
  expect(cancellations.isSilent(caller(7), 1)).toBe(true);
  expect(cancellations.refusalOf(caller(7), 1)).toBe(REFUSAL.SILENT);
  expect(cancellations.refusalOf(caller(7), CANCELLER_TOLD_EVERY_MS)).toBe(REFUSAL.TOLD);
  expect(cancellations.refusalOf(caller(7), CANCELLER_TOLD_EVERY_MS)).toBe(REFUSAL.SILENT);
  expect(cancellations.refusalOf(caller(8), CANCELLER_TOLD_EVERY_MS)).toBeUndefined();
  expect(cancellations.isSilent(caller(8), CANCELLER_TOLD_EVERY_MS)).toBe(false);
});
