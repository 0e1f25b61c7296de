import { describe, expect } from "bun:test";
import { testWith } from "../../support/needs.ts";
import { MACHINES_NEEDS } from "../../support/two-machines.ts";
import { KIOSK, TwoNodeShop } from "../../support/two-node-shop.ts";

const labTest = testWith(MACHINES_NEEDS);

/** A ban must have cut everything within this. */
const BAN_MAX_MS = 1_000;
const RECOVERY_MAX_MS = 5_000;
const ONLY_V2 = { weights: [0, 1] } as const;

const isServed = ({ status }: { status: number }) => status === 200;
const untilServed = (shop: TwoNodeShop) =>
  shop.until(isServed, () => shop.call("till-1", "web", "orders"), RECOVERY_MAX_MS, "orders v2");

async function stateOf(shop: TwoNodeShop, name: string): Promise<string> {
  const listed = await shop.node("till-1").cli("node", "ls", "-o", "json");
  expect(listed.code).toBe(0);
  const nodes = JSON.parse(listed.stdout) as readonly { name: string; state: string }[];
  return nodes.find((node) => node.name === name)?.state ?? "unknown";
}

describe("a banned node", () => {
  labTest(
    "is cut off within a second, calls in flight included, in both directions, until it is unbanned",
    async () => {
      await using shop = await TwoNodeShop.start({ ...ONLY_V2, allow: { orders: ["web", "payments"] } });
      await untilServed(shop);
      const inFlight = shop.call("till-1", "orders", "payments", "/slow/20000");
      while ((await shop.origins.get("payments")?.served()) === 0) await Bun.sleep(5);

      const banned = await shop.node("till-1").cli("node", "ban", "till-2", "--reason", "stolen");
      const bannedMs = performance.now();
      expect([banned.code, banned.stderr]).toEqual([0, ""]);
      const told = await inFlight;
      const cutMs = performance.now() - bannedMs;
      expect(told.status).toBe(503);
      expect(cutMs).toBeLessThan(BAN_MAX_MS);
      await Bun.sleep(Math.max(0, BAN_MAX_MS - cutMs));
      for (let call = 0; call < 5; call++) expect((await shop.call("till-1", "web", "orders")).status).toBe(503);
      await shop.apply({ weights: [1, 0], allow: { orders: ["web", "payments"] } });
      const served = await shop.origins.get("orders-v1")?.served();
      expect((await shop.call("till-2", "payments", "orders")).status).toBe(503);
      expect(await shop.origins.get("orders-v1")?.served()).toBe(served as number);
      expect(await stateOf(shop, "till-2")).toContain("banned");
      expect((await shop.call("till-1", "web", "orders")).body).toStartWith("orders-v1");

      await shop.apply(ONLY_V2);
      expect((await shop.node("till-1").cli("node", "unban", "till-2")).code).toBe(0);
      const backMs = await untilServed(shop);
      console.log(
        `ban: a call in flight ended after ${Math.round(cutMs)} ms; unban: back after ${Math.round(backMs)} ms`,
      );
    },
  );

  labTest(
    "is cut off by every other node within a second, and by one that was out of reach as soon as it is back",
    async () => {
      const documents = { ...ONLY_V2, services: [KIOSK], allow: { orders: ["web", "kiosk"] } };
      await using shop = await TwoNodeShop.start(documents, { names: ["till-1", "till-2", "till-3"] });
      await untilServed(shop);
      const kiosk = () => shop.call("till-3", "kiosk", "orders.prod", "/", { timeoutMs: 1_000 });
      await shop.until(isServed, kiosk, RECOVERY_MAX_MS, "orders v2 for the kiosk");
      const isRefused = ({ status }: { status: number }) => status === 503;
      expect((await shop.node("till-1").cli("node", "ban", "till-2", "--reason", "stolen")).code).toBe(0);
      const cutMs = await shop.until(isRefused, kiosk, BAN_MAX_MS, "the kiosk's machine to hear of the ban");
      expect((await shop.node("till-1").cli("node", "unban", "till-2")).code).toBe(0);
      await shop.until(isServed, kiosk, RECOVERY_MAX_MS, "the kiosk's machine to hear of the end of the ban");

      await shop.lab.part("till-1", "till-3");
      const banned = await shop.node("till-1").cli("node", "ban", "till-2", "--reason", "stolen");
      expect(banned.stdout).toContain("till-3");
      expect((await kiosk()).status).toBe(200);
      await shop.lab.join("till-1", "till-3");
      const lateMs = await shop.until(
        isRefused,
        kiosk,
        15_000,
        "the kiosk's machine to hear of the ban when it is back",
      );
      console.log(
        `a third node cut it off after ${Math.round(cutMs)} ms, and ${Math.round(lateMs)} ms after it was back`,
      );
    },
  );

  labTest("does not come back under the same name by its old keys, and a new box under that name does", async () => {
    await using shop = await TwoNodeShop.start(ONLY_V2);
    await untilServed(shop);
    expect((await shop.node("till-1").cli("node", "ban", "till-2", "--reason", "stolen")).code).toBe(0);
    await shop.node("till-2").stop();
    await shop.startNode("till-2");
    await Bun.sleep(500);
    expect((await shop.call("till-1", "web", "orders")).status).toBe(503);
    await shop.lose("till-2");
    await shop.join("till-2", "--replace");
    await shop.startNode("till-2");
    const backMs = await untilServed(shop);
    console.log(`a new box under the name of a banned one served after ${Math.round(backMs)} ms`);
  });
});

describe("a box that burnt down", () => {
  labTest("is replaced under its name by one invitation", async () => {
    await using shop = await TwoNodeShop.start(ONLY_V2);
    await untilServed(shop);
    await shop.lose("till-2");
    expect((await shop.call("till-1", "web", "orders")).status).toBe(503);
    const token = await shop.join("till-2", "--replace");
    await shop.startNode("till-2");
    const backMs = await untilServed(shop);
    const again = await shop.tryJoin(token, "till-2");
    expect(again.code).toBe(1);
    expect(again.stderr).not.toBe("");
    console.log(`replaced box: served after ${Math.round(backMs)} ms`);
  });
});
