import { describe, expect, test } from "bun:test";
import { type Clock, clockNowMs, floorNowMs, pendingNowMs, readClock, startClock, switchClock } from "./clock.ts";
import { BACKDATE_MS, ISSUER_LIFE_MS, ROOT_LIFE_MS, SVID_LIFE_MS } from "./lifetimes.ts";
import {
  afterRotationStep,
  COMPROMISED_WAIT_MS,
  nextRotationStep,
  type RootRotation,
  type RotationFacts,
} from "./root-rotation.ts";
import {
  canFollowJump,
  dutiesAt,
  type HeldCertificates,
  isValidAt,
  RETRY_MAX_MS,
  ROOT_DUE_BEFORE_MS,
  renewAtMs,
  retryAfterMs,
  stopsAt,
  type Validity,
} from "./rotation.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const T0 = Date.UTC(2026, 10, 22);

const made = (nowMs: number, lifeMs: number, endMs = Number.MAX_SAFE_INTEGER): Validity => ({
  notBeforeMs: nowMs - BACKDATE_MS,
  notAfterMs: Math.min(nowMs + lifeMs, endMs),
});

describe("schedules", () => {
  test("an SVID is due at half its life, a tenth of that earlier or later", () => {
    const svid = made(T0, SVID_LIFE_MS);
    expect(renewAtMs(svid, 0) - T0).toBe(10.8 * HOUR_MS);
    expect(renewAtMs(svid, 0.5) - T0).toBe(12 * HOUR_MS);
    expect(renewAtMs(svid, 1) - T0).toBe(13.2 * HOUR_MS);
  });

  test("one that was cut short by its issuer is due at half of what it has", () => {
    expect(renewAtMs(made(T0, SVID_LIFE_MS, T0 + 2 * HOUR_MS), 0.5) - T0).toBe(HOUR_MS);
    expect(renewAtMs(made(T0, SVID_LIFE_MS, T0 - 1), 0.5)).toBeLessThanOrEqual(T0);
  });

  test("failures are tried again later and later, at least once an hour", () => {
    expect([1, 2, 3].map((failures) => retryAfterMs(failures, 0))).toEqual([60_000, 120_000, 240_000]);
    expect(retryAfterMs(500, 0)).toBe(RETRY_MAX_MS);
    expect(retryAfterMs(500, 1)).toBe(RETRY_MAX_MS / 2);
    expect(retryAfterMs(0, 0)).toBe(60_000);
  });

  const held: HeldCertificates = {
    svids: [
      { key: "old", jitter: 0.5, ...made(T0, SVID_LIFE_MS) },
      { key: "new", jitter: 0.5, ...made(T0 + 6 * HOUR_MS, SVID_LIFE_MS) },
    ],
    issuer: made(T0, ISSUER_LIFE_MS),
    root: made(T0, ROOT_LIFE_MS),
  };

  test.each([
    ["at once", 0, [], false, false],
    ["after 12 hours", 12 * HOUR_MS, ["old"], false, false],
    ["after a day off", 2 * DAY_MS, ["old", "new"], false, false],
    ["after half an issuer's life", 23 * DAY_MS, ["old", "new"], true, false],
    ["after a year on a shelf", 365 * DAY_MS, [], true, true],
  ] as const)("what is due %s", (_, afterMs, svids, isIssuerDue, isIssuerOver) => {
    const duties = dutiesAt(held, T0 + 6 * HOUR_MS + (afterMs === 0 ? 0 : afterMs - 6 * HOUR_MS));
    expect(duties).toEqual({ svids: [...svids], isIssuerDue, isIssuerOver, isRootDue: false });
  });

  test("what is not valid yet is due, because the clock went back", () => {
    expect(dutiesAt(held, T0 + HOUR_MS).svids).toEqual(["new"]);
  });

  test("a root is due a year before its end", () => {
    expect(dutiesAt(held, T0 + ROOT_LIFE_MS - ROOT_DUE_BEFORE_MS - 1).isRootDue).toBe(false);
    expect(dutiesAt(held, T0 + ROOT_LIFE_MS - ROOT_DUE_BEFORE_MS).isRootDue).toBe(true);
  });

  test("what stops when nobody is met: calls between nodes with the issuer, joins with the root", () => {
    const end = T0 + ISSUER_LIFE_MS;
    expect(stopsAt(held, T0)).toEqual({ issuingMs: end, callsBetweenNodesMs: end, joiningMs: T0 + ROOT_LIFE_MS });
    expect(stopsAt(held, end + 1).callsBetweenNodesMs).toBe(T0 + 30 * HOUR_MS);
    expect(stopsAt({ ...held, svids: [] }, end + 1).callsBetweenNodesMs).toBe(end);
  });

  test("a jump is followed where certificates for it can be made", () => {
    expect(canFollowJump(held, T0 + 20 * DAY_MS, false)).toBe(true);
    expect(canFollowJump(held, T0 + 60 * DAY_MS, false)).toBe(false);
    expect(canFollowJump(held, T0 + 60 * DAY_MS, true)).toBe(true);
    expect(canFollowJump(held, T0 + 2 * ROOT_LIFE_MS, true)).toBe(false);
    expect(canFollowJump(held, Number.NaN, true)).toBe(false);
  });
});

/** A node as a keeper would run it, in values: reads its clock every step, follows jumps as told, renews what is due. */
class VirtualNode {
  clock: Clock;
  held: HeldCertificates;
  issues = 0;
  switches = 0;
  private draws = 0;

  constructor(wallMs: number, monotonicMs: number) {
    const root = made(wallMs, ROOT_LIFE_MS);
    const issuer = made(wallMs, ISSUER_LIFE_MS);
    this.held = { root, issuer, svids: [] };
    this.clock = startClock({ wallMs, monotonicMs, floorMs: wallMs, latestMs: root.notAfterMs });
    this.issue(wallMs);
  }

  /** Power off and on again: monotonic time begins anew, what was persisted is there. */
  restart(wallMs: number, beforeMs: number, monotonicMs: number): void {
    const floorMs = floorNowMs(this.clock, beforeMs);
    this.clock = startClock({ wallMs, monotonicMs, floorMs, latestMs: this.held.root.notAfterMs });
  }

  step(wallMs: number, monotonicMs: number): void {
    this.clock = readClock(this.clock, { wallMs, monotonicMs });
    const pendingMs = pendingNowMs(this.clock, monotonicMs);
    if (pendingMs !== null && canFollowJump(this.held, pendingMs, false)) {
      this.issue(pendingMs);
      this.clock = switchClock(this.clock);
      this.switches++;
    }
    const nowMs = clockNowMs(this.clock, monotonicMs);
    if (dutiesAt(this.held, nowMs).svids.length > 0) this.issue(nowMs);
  }

  /** Whether calls to a peer on the same time work now. */
  works(monotonicMs: number): boolean {
    const nowMs = clockNowMs(this.clock, monotonicMs);
    return [...this.held.svids, this.held.issuer, this.held.root].every((one) => isValidAt(one, nowMs));
  }

  private issue(nowMs: number): void {
    this.issues++;
    const jitter = (this.draws++ * 0.618) % 1;
    const validity = made(nowMs, SVID_LIFE_MS, this.held.issuer.notAfterMs);
    this.held = { ...this.held, svids: [{ key: "web", jitter, ...validity }] };
  }
}

describe("30 virtual days, a step a minute", () => {
  const STEP_MS = 60_000;

  /** Runs a node; `wall` answers what the wall clock shows at a real time. Answers at how many steps it did not work. */
  function run(node: VirtualNode, days: number, wall: (realMs: number, day: number) => number, startMs = T0): number {
    let broken = 0;
    for (let at = STEP_MS; at <= days * DAY_MS; at += STEP_MS) {
      const realMs = startMs + at;
      node.step(wall(realMs, at / DAY_MS), at);
      if (!node.works(at)) broken++;
    }
    return broken;
  }

  test("a node alone renews its SVIDs twice a day and never stands without one", () => {
    const node = new VirtualNode(T0, 0);
    expect(run(node, 30, (realMs) => realMs)).toBe(0);
    expect(node.issues).toBeGreaterThan(54);
    expect(node.issues).toBeLessThan(68);
    expect(node.switches).toBe(0);
  });

  test("a wall clock in 1970 or 2040 for days changes nothing", () => {
    const node = new VirtualNode(T0, 0);
    const wall = (realMs: number, day: number) =>
      day > 5 && day < 9 ? 0 : day > 14 && day < 17 ? Date.UTC(2040, 0, 1) + day * DAY_MS : realMs;
    expect(run(node, 30, wall)).toBe(0);
    expect(node.switches).toBe(0);
    expect(clockNowMs(node.clock, 30 * DAY_MS)).toBe(T0 + 30 * DAY_MS);
  });

  test("jumps that can be right are followed after the certificates are there", () => {
    const node = new VirtualNode(T0, 0);
    const wall = (realMs: number, day: number) =>
      day > 3 && day < 6 ? realMs + 2 * HOUR_MS : day > 10 && day < 12 ? realMs + 8 * DAY_MS : realMs;
    expect(run(node, 30, wall)).toBe(0);
    expect(node.switches).toBe(4);
    expect(clockNowMs(node.clock, 30 * DAY_MS)).toBe(T0 + 30 * DAY_MS);
  });

  test("a jump beyond the issuer, with no root's node in reach, is not followed", () => {
    const node = new VirtualNode(T0, 0);
    const wall = (realMs: number, day: number) => (day > 3 && day < 6 ? Date.UTC(2030, 0, 1) : realMs);
    expect(run(node, 30, wall)).toBe(0);
    expect(node.switches).toBe(0);
  });

  test("a box that is switched off each night and wakes in 1970 keeps its certificates", () => {
    const node = new VirtualNode(T0, 0);
    let broken = 0;
    for (let day = 0; day < 30; day++) {
      for (let at = STEP_MS; at <= 10 * HOUR_MS; at += STEP_MS) {
        node.step(at, at);
        if (!node.works(at)) broken++;
      }
      node.restart(0, 10 * HOUR_MS, 0);
      if (!node.works(0)) broken++;
    }
    expect(broken).toBe(0);
    expect(clockNowMs(node.clock, 0)).toBe(T0 + 30 * 10 * HOUR_MS);
  });

  test("the 46th day alone is when calls between nodes stop, as was said on the first", () => {
    const node = new VirtualNode(T0, 0);
    const said = stopsAt(node.held, T0).callsBetweenNodesMs;
    expect(run(node, 45, (realMs) => realMs)).toBe(0);
    node.step(said + STEP_MS, said + STEP_MS - T0);
    expect(node.works(said + STEP_MS - T0)).toBe(false);
    expect(dutiesAt(node.held, said + STEP_MS).isIssuerOver).toBe(true);
  });
});

describe("the change of a root", () => {
  const facts: RotationFacts = { nowMs: T0, nodes: 3, nodesTrusting: 1, nodesRenewed: 0, isCompromised: false };
  const announced: RootRotation = { phase: "announced", sinceMs: T0 };
  const signing: RootRotation = { phase: "signing", sinceMs: T0 };

  test("the new root signs when everybody trusts it, and the old one goes when everybody has a new issuer", () => {
    expect(nextRotationStep(announced, facts)).toBe("wait");
    expect(nextRotationStep(announced, { ...facts, nodesTrusting: 3 })).toBe("sign_with_new");
    expect(afterRotationStep(announced, "sign_with_new", T0 + 5)).toEqual({ phase: "signing", sinceMs: T0 + 5 });
    expect(nextRotationStep(signing, { ...facts, nodesTrusting: 3, nodesRenewed: 2 })).toBe("wait");
    expect(nextRotationStep(signing, { ...facts, nodesRenewed: 3 })).toBe("drop_old");
    expect(afterRotationStep(signing, "drop_old", T0 + 9)).toEqual({ phase: "steady", sinceMs: T0 + 9 });
  });

  test("a node that is away is waited for as long as its issuer lives", () => {
    const late = { ...facts, nowMs: T0 + ISSUER_LIFE_MS };
    expect(nextRotationStep(announced, { ...late, nowMs: late.nowMs - 1 })).toBe("wait");
    expect(nextRotationStep(announced, late)).toBe("sign_with_new");
    expect(nextRotationStep(signing, late)).toBe("drop_old");
  });

  test("a root in other hands is dropped after a minute for each step, and a steady one is left alone", () => {
    const compromised = { ...facts, isCompromised: true };
    expect(nextRotationStep(announced, { ...compromised, nowMs: T0 + COMPROMISED_WAIT_MS - 1 })).toBe("wait");
    expect(nextRotationStep(announced, { ...compromised, nodesTrusting: 3 })).toBe("sign_with_new");
    expect(nextRotationStep(announced, { ...compromised, nowMs: T0 + COMPROMISED_WAIT_MS })).toBe("sign_with_new");
    expect(nextRotationStep(signing, { ...compromised, nowMs: T0 + COMPROMISED_WAIT_MS })).toBe("drop_old");
    const steady: RootRotation = { phase: "steady", sinceMs: T0 };
    expect(nextRotationStep(steady, { ...facts, isCompromised: true })).toBe("wait");
    expect(afterRotationStep(steady, "wait", T0 + 1)).toBe(steady);
  });
});
