import { describe, expect, test } from "bun:test";
import { SLOT_MS, Timer, TimerWheel } from "./timer-wheel.ts";

class FakeHost {
  now = 1_000_000;
  wakeups = 0;
  #at = Number.POSITIVE_INFINITY;
  #wake: (() => void) | null = null;
  nowMs(): number {
    return this.now;
  }
  wakeAfter(ms: number, wake: () => void): void {
    this.#at = this.now + ms;
    this.#wake = wake;
  }
  advance(ms: number): void {
    const end = this.now + ms;
    while (this.#wake && this.#at <= end) {
      this.now = this.#at;
      const wake = this.#wake;
      this.#wake = null;
      this.#at = Number.POSITIVE_INFINITY;
      this.wakeups++;
      wake();
    }
    this.now = end;
  }
}

describe("TimerWheel", () => {
  test("fires once, not before its deadline and at most one slot after it", () => {
    const host = new FakeHost();
    const wheel = new TimerWheel(host);
    const fired: number[] = [];
    const timer = new Timer(() => fired.push(host.now));
    wheel.arm(timer, host.now, 500);
    host.advance(499);
    expect(fired).toEqual([]);
    host.advance(2 * SLOT_MS);
    expect(fired.length).toBe(1);
    expect(fired[0]! - 1_000_500).toBeLessThanOrEqual(SLOT_MS);
    host.advance(100_000);
    expect(fired.length).toBe(1);
  });

  test("renewing to a later time moves the deadline without waking in between", () => {
    const host = new FakeHost();
    const wheel = new TimerWheel(host);
    let fired = 0;
    const timer = new Timer(() => fired++);
    for (let i = 0; i < 10; i++) {
      wheel.arm(timer, host.now, 1000);
      host.advance(900);
    }
    expect(fired).toBe(0);
    expect(host.wakeups).toBeLessThanOrEqual(10);
    host.advance(1100);
    expect(fired).toBe(1);
  });

  test("arming for an earlier time fires at the earlier time", () => {
    const host = new FakeHost();
    const wheel = new TimerWheel(host);
    let fired = 0;
    const timer = new Timer(() => fired++);
    wheel.arm(timer, host.now, 20_000);
    wheel.arm(timer, host.now, 100);
    host.advance(100 + SLOT_MS);
    expect(fired).toBe(1);
  });

  test("a deadline further away than the wheel is wide still fires on time", () => {
    const host = new FakeHost();
    const wheel = new TimerWheel(host);
    let firedAt = 0;
    const timer = new Timer(() => {
      firedAt = host.now;
    });
    const start = host.now;
    wheel.arm(timer, host.now, 3_600_000);
    host.advance(3_599_000);
    expect(firedAt).toBe(0);
    host.advance(2000);
    expect(firedAt - start - 3_600_000).toBeLessThanOrEqual(SLOT_MS);
  });

  test("a cancelled timer never fires and leaves the wheel", () => {
    const host = new FakeHost();
    const wheel = new TimerWheel(host);
    let fired = 0;
    const timer = new Timer(() => fired++);
    wheel.arm(timer, host.now, 100);
    wheel.cancel(timer);
    host.advance(1000);
    expect(fired).toBe(0);
    expect(wheel.size).toBe(0);
    wheel.arm(timer, host.now, 100);
    host.advance(200);
    expect(fired).toBe(1);
  });

  test("agrees with a plain sorted list over random arms, renewals and cancellations", () => {
    const host = new FakeHost();
    const wheel = new TimerWheel(host);
    let seed = 7;
    const random = (n: number): number => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      return seed % n;
    };
    const due = new Array<number>(50).fill(0);
    const late: number[] = [];
    const timers = due.map(
      (_, i) =>
        new Timer(() => {
          late.push(host.now - due[i]!);
          due[i] = 0;
        }),
    );
    for (let step = 0; step < 5000; step++) {
      const i = random(50);
      if (random(5) === 0) {
        wheel.cancel(timers[i]!);
        due[i] = 0;
      } else {
        const after = 1 + random(60_000);
        wheel.arm(timers[i]!, host.now, after);
        due[i] = host.now + after;
      }
      host.advance(random(400));
      for (const deadline of due) if (deadline !== 0) expect(host.now - deadline).toBeLessThanOrEqual(2 * SLOT_MS);
    }
    expect(late.length).toBeGreaterThan(100);
    for (const ms of late) {
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(ms).toBeLessThanOrEqual(2 * SLOT_MS);
    }
  });

  test("a timer that is removed leaves at once, also by the hand of one that fires in the same slot", () => {
    const host = new FakeHost();
    const wheel = new TimerWheel(host);
    const fired: string[] = [];
    const victims = [1, 2].map((i) => new Timer(() => fired.push(`victim ${i}`)));
    const last = new Timer(() => fired.push("last"));
    const killer = new Timer(() => {
      fired.push("killer");
      for (const victim of victims) wheel.remove(victim);
    });
    for (const timer of [last, victims[0]!, killer, victims[1]!]) wheel.arm(timer, host.now, 100);
    wheel.remove(victims[1]!);
    expect(wheel.size).toBe(3);
    host.advance(200);
    expect(fired.toSorted()).toEqual(["killer", "last"]);
    expect(wheel.size).toBe(0);
  });
});
