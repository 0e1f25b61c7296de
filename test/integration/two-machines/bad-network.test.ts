import { describe, expect } from "bun:test";
import type { MeshLoadReport } from "../../support/mesh-load-program.ts";
import { testWith } from "../../support/needs.ts";
import { MACHINES_NEEDS } from "../../support/two-machines.ts";
import { TwoNodeShop } from "../../support/two-node-shop.ts";

const labTest = testWith(MACHINES_NEEDS);

/** Half of the orders go to the other machine; one that takes longer than this is answered 504. */
const DOCUMENTS = { weights: [1, 1], timeout: "1s" } as const;
const ORDER_TIMEOUT_MS = 1_000;
/** Within this, calls must work again. */
const RECOVERY_MAX_MS = 5_000;
const LOAD = { host: "orders", connections: 8, gapMs: 2 };

/** Everything that a caller may see while the other machine is out of reach. */
function expectOnly(report: MeshLoadReport, statuses: readonly string[]): void {
  expect(report.failures).toEqual([]);
  expect(Object.keys(report.statuses).filter((status) => !statuses.includes(status))).toEqual([]);
}

/** Waits until orders v2 answers a call from till-1. */
function untilV2(shop: TwoNodeShop): Promise<number> {
  const isV2 = ({ status, body }: { status: number; body: string }) => status === 200 && body.startsWith("orders-v2");
  return shop.until(isV2, () => shop.call("till-1", "web", "orders"), RECOVERY_MAX_MS, "orders v2");
}

describe("while the network between two machines is bad", () => {
  labTest(
    "and then cut in silence, no call is stuck beyond its time-out, those on one machine go on, and all is well within seconds",
    async () => {
      await using shop = await TwoNodeShop.start(DOCUMENTS);
      await untilV2(shop);
      await using callers = await shop.load("till-1", "web", LOAD);
      await Bun.sleep(300);
      await shop.lab.cut("till-2");
      const atCut = await callers.report();
      await Bun.sleep(2_500);
      const during = await callers.report();
      const local = (during.names["orders-v1"] ?? 0) - (atCut.names["orders-v1"] ?? 0);
      await shop.lab.mend("till-2");
      const backMs = await untilV2(shop);
      const report = await callers.stop();
      expectOnly(report, ["200", "503", "504"]);
      expect(local).toBeGreaterThan(10);
      expect(during.names["orders-v2"] ?? 0).toBeLessThanOrEqual((atCut.names["orders-v2"] ?? 0) + LOAD.connections);
      expect(report.slowest).toBeLessThan(ORDER_TIMEOUT_MS + 500);
      console.log(
        `cut for 2.5 s: ${JSON.stringify(report.statuses)}, slowest ${Math.round(report.slowest)} ms, back after ${Math.round(backMs)} ms`,
      );
    },
  );

  labTest(
    "the dead peer is noticed, waiting calls are told, and nobody waits for the network's own patience",
    async () => {
      await using shop = await TwoNodeShop.start(DOCUMENTS);
      await untilV2(shop);
      // No time-out of its own: only the tunnel can tell that nobody will answer.
      const waiting = shop.call("till-1", "orders", "payments", "/slow/60000", { timeoutMs: 30_000 });
      while ((await shop.origins.get("payments")?.served()) === 0) await Bun.sleep(5);
      await shop.lab.cut("till-2");
      const cutMs = performance.now();
      const told = await waiting;
      const toldMs = performance.now() - cutMs;
      expect(told.status).toBe(503);
      expect(["UC", "UF", "UH"]).toContain(told.headers["x-selvedge-reason"] ?? "");
      expect(toldMs).toBeLessThan(12_000);
      await shop.lab.mend("till-2");
      const backMs = await untilV2(shop);
      console.log(
        `a call in flight was told after ${Math.round(toldMs)} ms, and v2 was back ${Math.round(backMs)} ms after the cut was mended`,
      );
    },
  );

  labTest("with 5 % lost and 50 ms each way, every call is answered and none by another's answer", async () => {
    await using shop = await TwoNodeShop.start({ weights: [1, 1], timeout: "10s" });
    await untilV2(shop);
    await using _ = await shop.lab.badLine({ delayMs: 50, loss: 0.05, seed: 42 });
    await using callers = await shop.load("till-1", "web", { ...LOAD, connections: 16 });
    await Bun.sleep(4_000);
    const report = await callers.stop();
    expectOnly(report, ["200"]);
    expect(report.names["orders-v2"] ?? 0).toBeGreaterThan(100);
    console.log(
      `5 % loss, 50 ms: ${report.sent} calls, p99 ${Math.round(report.p99)} ms, slowest ${Math.round(report.slowest)} ms`,
    );
  });

  labTest("a node that got another address is found there as soon as the documents say so", async () => {
    await using shop = await TwoNodeShop.start(DOCUMENTS);
    await untilV2(shop);
    await using callers = await shop.load("till-1", "web", LOAD);
    await shop.lab.move("till-2", "10.89.7.77");
    await shop.apply({ ...DOCUMENTS, addresses: { "till-2": "10.89.7.77" } });
    const backMs = await untilV2(shop);
    const report = await callers.stop();
    expectOnly(report, ["200", "503", "504"]);
    expect(report.slowest).toBeLessThan(ORDER_TIMEOUT_MS + 500);
    console.log(`new address: ${JSON.stringify(report.statuses)}, back ${Math.round(backMs)} ms after the documents`);
  });
});
