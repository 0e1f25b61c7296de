import { afterAll, beforeAll, describe, expect } from "bun:test";
import { type Origin, startOrigin } from "../../support/mesh-load.ts";
import { missing, testWith } from "../../support/needs.ts";
import { MACHINES_NEEDS } from "../../support/two-machines.ts";
import { TwoNodeShop, UIDS } from "../../support/two-node-shop.ts";

const labTest = testWith(MACHINES_NEEDS);
const PORT = 9004;
const NODES = ["till-1", "till-2"] as const;

let shop: TwoNodeShop;
const origins: Origin[] = [];
beforeAll(async () => {
  if (missing(MACHINES_NEEDS).length > 0) return;
  shop = await TwoNodeShop.start({
    weights: [0, 1],
    webCalls: ["orders", "price"],
    allow: { orders: ["web", "price"] },
    services: [`price: { namespace: prod, node: all, run: "unix:uid:${UIDS.kiosk}", port: ${PORT}, allow: [web] }`],
  });
  for (const node of NODES) {
    const place = { port: PORT, wrapper: shop.lab.machine(node).enter };
    origins.push(await startOrigin(`price on ${node}`, UIDS.kiosk, place));
  }
});
afterAll(async () => {
  for (const origin of origins) await origin[Symbol.asyncDispose]();
  await shop?.[Symbol.asyncDispose]();
});

describe("a workload that runs on all machines", () => {
  labTest("is reached on each of them, here and there", async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 40; i++) {
      const answer = await shop.call("till-1", "web", "price", "/any");
      expect(answer.status).toBe(200);
      seen.add(answer.body.trim());
    }
    expect([...seen].sort()).toEqual(["price on till-1", "price on till-2"]);
  });

  labTest("is counted where it was reached, at both ends", async () => {
    const from = { source_workload: "web", destination_workload: "price" };
    const near = await shop.metrics("till-1");
    const far = await shop.metrics("till-2");
    const sent = near.sum("istio_requests_total", { ...from, reporter: "source", destination_cluster: "till-2" });
    expect(sent).toBeGreaterThan(0);
    expect(far.sum("istio_requests_total", { ...from, reporter: "destination", source_cluster: "till-1" })).toBe(sent);
    expect(near.sum("istio_requests_total", { ...from, destination_cluster: "till-1" })).toBeGreaterThan(0);
  });

  labTest("calls others from each of them under its one identity", async () => {
    for (const node of NODES) {
      const answer = await shop.call(node, "kiosk", "orders", "/headers");
      expect([node, answer.status]).toEqual([node, 200]);
      expect(JSON.parse(answer.body)["x-forwarded-client-cert"]).toEndWith("URI=spiffe://shop.mesh/ns/prod/sa/price");
    }
    await shop.apply({ weights: [1, 0] });
    expect((await shop.call("till-2", "kiosk", "orders", "/headers")).status).toBe(200);
  });
});
