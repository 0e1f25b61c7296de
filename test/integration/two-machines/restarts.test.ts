import { describe, expect } from "bun:test";
import { testWith } from "../../support/needs.ts";
import { MACHINES_NEEDS } from "../../support/two-machines.ts";
import { TwoNodeShop } from "../../support/two-node-shop.ts";
import { until } from "../../support/until.ts";

const labTest = testWith(MACHINES_NEEDS);

const DOCUMENTS = { weights: [1, 1] } as const;
const RECOVERY_MAX_MS = 5_000;
const LOAD = { host: "orders", connections: 8, gapMs: 2 };

const isV2 = ({ status, body }: { status: number; body: string }) => status === 200 && body.startsWith("orders-v2");
const untilV2 = (shop: TwoNodeShop) =>
  shop.until(isV2, () => shop.call("till-1", "web", "orders"), RECOVERY_MAX_MS, "orders v2");

describe("under load", () => {
  labTest(
    "the called node may stop, start, lose its worker and its keeper; callers get answers or 503, never a wrong one",
    async () => {
      await using shop = await TwoNodeShop.start(DOCUMENTS);
      await untilV2(shop);
      await using callers = await shop.load("till-1", "web", LOAD);
      const till2 = shop.node("till-2");
      const took: Record<string, number> = {};
      await till2.stop();
      await shop.startNode("till-2");
      took["stop and start"] = await untilV2(shop);
      for (const pid of await till2.workers()) process.kill(pid, "SIGKILL");
      took["worker killed"] = await untilV2(shop);
      await till2.killKeeper();
      took["keeper killed"] = await untilV2(shop);
      await shop.startNode("till-2");
      took["keeper back"] = await untilV2(shop);
      const report = await callers.stop();
      expect(report.failures).toEqual([]);
      expect(Object.keys(report.statuses).filter((status) => status !== "200" && status !== "503")).toEqual([]);
      expect(report.names["orders-v1"] ?? 0).toBeGreaterThan(100);
      console.log(`till-2: ${JSON.stringify(report.statuses)}, back after ms ${JSON.stringify(took)}`);
    },
  );

  labTest("the calling node may stop and start, and the other one hears of it and takes it back", async () => {
    await using shop = await TwoNodeShop.start(DOCUMENTS);
    await untilV2(shop);
    await using callers = await shop.load("till-1", "web", LOAD);
    await shop.node("till-1").stop();
    await shop.startNode("till-1");
    const backMs = await untilV2(shop);
    for (const pid of await shop.node("till-1").workers()) process.kill(pid, "SIGKILL");
    const againMs = await untilV2(shop);
    const report = await callers.stop();
    // Whoever called while nobody listened on his own machine was refused by the kernel.
    expect(report.failures.filter(({ kind }) => kind !== "refused" && kind !== "lost")).toEqual([]);
    expect(Object.keys(report.statuses).filter((status) => status !== "200" && status !== "503")).toEqual([]);
    console.log(
      `till-1: ${JSON.stringify(report.statuses)}, ${report.failed} lost, back after ${Math.round(backMs)} and ${Math.round(againMs)} ms`,
    );
  });

  labTest("a change of weights reaches both, and no call is lost by it", async () => {
    await using shop = await TwoNodeShop.start(DOCUMENTS);
    await untilV2(shop);
    await using callers = await shop.load("till-1", "web", LOAD);
    for (const v2 of [3, 0, 1]) await shop.apply({ weights: [1, v2] });
    const report = await callers.stop();
    expect([report.failures, report.statuses]).toEqual([[], { 200: report.sent }]);
  });
});

describe("without the other machine", () => {
  /** As a power cut does: everything of the node is gone at once, but for its disk. */
  async function cutPower(shop: TwoNodeShop, name: string): Promise<void> {
    const workers = await shop.node(name).workers();
    await shop.node(name).killKeeper();
    for (const pid of workers) process.kill(pid, "SIGKILL");
    await until(() => shop.node(name).leftWorkers().length === 0, `the workers of ${name} to be gone`);
  }

  labTest(
    "a node starts and serves what is its own, and both find each other again after a power cut at the two of them",
    async () => {
      await using shop = await TwoNodeShop.start(DOCUMENTS);
      await untilV2(shop);
      await cutPower(shop, "till-1");
      await cutPower(shop, "till-2");
      await shop.startNode("till-2");
      const own = await shop.call("till-2", "orders", "payments", "/headers");
      expect([own.status, own.body]).toEqual([
        200,
        expect.stringContaining("URI=spiffe://shop.mesh/ns/prod/sa/orders"),
      ]);
      await shop.startNode("till-1");
      const backMs = await untilV2(shop);
      console.log(`after a power cut at both: v2 back ${Math.round(backMs)} ms after the second node was up`);
    },
  );
});
