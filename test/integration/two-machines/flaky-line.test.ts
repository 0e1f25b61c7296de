/** A line that carries one way only, comes and goes, or shuffles what it carries; and both machines down at once. Under load. */
import { describe, expect } from "bun:test";
import type { Callers } from "../../support/mesh-load.ts";
import type { MeshLoadReport } from "../../support/mesh-load-program.ts";
import { testWith } from "../../support/needs.ts";
import { ownBytesOf } from "../../support/own-bytes.ts";
import { MACHINES_NEEDS } from "../../support/two-machines.ts";
import { TwoNodeShop } from "../../support/two-node-shop.ts";

const labTest = testWith(MACHINES_NEEDS);

/** Half of the orders go to the other machine; one that takes longer than this is answered 504. */
const DOCUMENTS = { weights: [1, 1], timeout: "1s" } as const;
const ORDER_TIMEOUT_MS = 1_000;
const RECOVERY_MAX_MS = 6_000;
const LOAD = { host: "orders", connections: 8, gapMs: 2 };
/** The rate is as before where it is this share of it. */
const FULL_RATE = 0.7;
const WINDOW_MS = 200;
const MIB = 2 ** 20;

const v2Of = (report: MeshLoadReport): number => report.names["orders-v2"] ?? 0;

/** Answers of orders v2 per second, in a window. */
async function rate(callers: Callers, windowMs = WINDOW_MS): Promise<number> {
  const [before, startMs] = [v2Of(await callers.report()), performance.now()];
  await Bun.sleep(windowMs);
  return ((v2Of(await callers.report()) - before) / (performance.now() - startMs)) * 1_000;
}

/** Waits until orders v2 answers a call from till-1, and then until the callers get as many of its answers as before. */
async function recovery(shop: TwoNodeShop, callers: Callers, fullRate: number): Promise<string> {
  const startMs = performance.now();
  const firstMs = await shop.until(
    ({ status, body }) => status === 200 && body.startsWith("orders-v2"),
    () => shop.call("till-1", "web", "orders"),
    RECOVERY_MAX_MS,
    "orders v2",
  );
  while ((await rate(callers)) < fullRate * FULL_RATE) {
    if (performance.now() - startMs > 2 * RECOVERY_MAX_MS) throw new Error("the rate stays low");
  }
  return `first ${Math.round(firstMs)} ms, full rate ${Math.round(performance.now() - startMs)} ms`;
}

/** Memory of a node's workers that is theirs alone, in MiB. */
async function workerMiB(shop: TwoNodeShop, name: string): Promise<number> {
  return (await shop.node(name).workers()).reduce((sum, pid) => sum + ownBytesOf(pid) / MIB, 0);
}

function expectOnly(report: MeshLoadReport, statuses: readonly string[]): void {
  expect(report.failures).toEqual([]);
  expect(Object.keys(report.statuses).filter((status) => !statuses.includes(status))).toEqual([]);
}

describe("under load", () => {
  labTest(
    "a line that carries only one way, or comes and goes ten times, holds up no call, and all is well seconds later",
    async () => {
      await using shop = await TwoNodeShop.start(DOCUMENTS);
      await using callers = await shop.load("till-1", "web", LOAD);
      await recovery(shop, callers, 0);
      const fullRate = await rate(callers, 1_000);
      const memory = async () => Promise.all(["till-1", "till-2"].map((name) => workerMiB(shop, name)));
      const before = await memory();
      const took: Record<string, string> = {};
      for (const [from, to] of [
        ["till-1", "till-2"],
        ["till-2", "till-1"],
      ] as const) {
        await shop.lab.part(from, to);
        await Bun.sleep(3_000);
        await shop.lab.join(from, to);
        took[`nothing from ${from} for 3 s`] = await recovery(shop, callers, fullRate);
      }
      for (let flap = 0; flap < 10; flap++) {
        await shop.lab.unplug("till-2");
        await Bun.sleep(100);
        await shop.lab.plug("till-2");
        await Bun.sleep(150);
      }
      took["ten flaps"] = await recovery(shop, callers, fullRate);
      const after = await memory();
      const report = await callers.stop();
      const rounded = (list: readonly number[]) => list.map((mib) => mib.toFixed(1)).join(" and ");
      console.log(
        `${Math.round(fullRate)} answers/s of v2; ${JSON.stringify(took)}; ${JSON.stringify(report.statuses)}, slowest ${Math.round(report.slowest)} ms; memory of workers ${rounded(before)} before, ${rounded(after)} MiB after`,
      );
      expectOnly(report, ["200", "503", "504"]);
      expect(report.slowest).toBeLessThan(ORDER_TIMEOUT_MS + 500);
      for (const [at, mib] of after.entries()) expect(mib).toBeLessThan((before[at] ?? 0) + 12);
    },
    60_000,
  );

  labTest(
    "with 100 ms each way, jitter that shuffles, and 5 % lost, every call is answered and none by another's answer",
    async () => {
      await using shop = await TwoNodeShop.start({ weights: [1, 1], timeout: "10s" });
      await using callers = await shop.load("till-1", "web", { ...LOAD, connections: 16 });
      await recovery(shop, callers, 0);
      const line = await shop.lab.badLine({ delayMs: 100, jitterMs: 40, loss: 0.05, seed: 7 });
      const before = await callers.report();
      await Bun.sleep(4_000);
      const during = await callers.report();
      await line[Symbol.asyncDispose]();
      const took = await recovery(shop, callers, 0);
      const report = await callers.stop();
      expectOnly(report, ["200"]);
      const answered = v2Of(during) - v2Of(before);
      expect(answered).toBeGreaterThan(30);
      console.log(
        `100 to 140 ms, shuffled, 5 % lost: ${answered} answers over the line in 4 s, slowest ${Math.round(report.slowest)} ms; afterwards ${took}`,
      );
    },
    40_000,
  );

  labTest(
    "both nodes may be killed at once, keepers and workers, and no answer is wrong before or after",
    async () => {
      await using shop = await TwoNodeShop.start(DOCUMENTS);
      await using callers = await shop.load("till-1", "web", LOAD);
      await recovery(shop, callers, 0);
      for (const name of ["till-1", "till-2"]) {
        const workers = await shop.node(name).workers();
        await shop.node(name).killKeeper();
        for (const pid of workers) process.kill(pid, "SIGKILL");
      }
      const startMs = performance.now();
      await Promise.all([shop.startNode("till-1"), shop.startNode("till-2")]);
      const upMs = performance.now() - startMs;
      // On a new port: those who called before have nobody to talk to.
      const lost = await callers.stop();
      await using again = await shop.load("till-1", "web", LOAD);
      const took = await recovery(shop, again, 0);
      const report = await again.stop();
      expectOnly(report, ["200", "503", "504"]);
      expect(lost.failures.filter(({ kind }) => kind !== "refused" && kind !== "lost")).toEqual([]);
      console.log(`both killed and started in ${Math.round(upMs)} ms; ${took}; ${JSON.stringify(report.statuses)}`);
    },
    40_000,
  );
});
