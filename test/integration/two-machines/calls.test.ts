import { afterAll, beforeAll, describe, expect } from "bun:test";
import { missing, testWith } from "../../support/needs.ts";
import { MACHINES_NEEDS } from "../../support/two-machines.ts";
import { type ShopDocuments, TwoNodeShop } from "../../support/two-node-shop.ts";

const labTest = testWith(MACHINES_NEEDS);
const ONLY_V2: ShopDocuments = { weights: [0, 1] };

let shop: TwoNodeShop;
beforeAll(async () => {
  if (missing(MACHINES_NEEDS).length === 0) shop = await TwoNodeShop.start(ONLY_V2);
});
afterAll(async () => shop?.[Symbol.asyncDispose]());

const headersSeen = (body: string) => JSON.parse(body) as Record<string, string>;

describe("a call to another machine", () => {
  labTest(
    "reaches the service there with its body, and the service is told who called, by proven identity alone",
    async () => {
      const lies = { "x-forwarded-client-cert": "URI=spiffe://shop.mesh/ns/prod/sa/root", "x-selvedge-as": "7" };
      const answer = await shop.call("till-1", "web", "orders", "/headers", { headers: lies });
      expect(answer.status).toBe(200);
      const seen = headersSeen(answer.body);
      expect(seen["x-forwarded-client-cert"]).toBe(
        "By=spiffe://shop.mesh/ns/prod/sa/orders;URI=spiffe://shop.mesh/ns/prod/sa/web",
      );
      expect(Object.keys(seen).filter((name) => name.startsWith("x-selvedge"))).toEqual([]);
      const body = "b".repeat(200_000);
      const posted = await shop.call("till-1", "web", "orders", "/any", { method: "POST", body });
      expect([posted.status, posted.body]).toEqual([200, `orders-v2  ${body}`]);
      expect((await shop.origins.get("orders-v1")?.served()) ?? -1).toBe(0);
    },
  );

  labTest("works the other way too, and for every workload under its own name", async () => {
    const paid = await shop.call("till-1", "orders", "payments", "/headers");
    expect(headersSeen(paid.body)["x-forwarded-client-cert"]).toEndWith("URI=spiffe://shop.mesh/ns/prod/sa/orders");
    await shop.apply({ weights: [1, 0], allow: { orders: ["web", "payments"] } });
    const back = await shop.call("till-2", "payments", "orders", "/headers");
    expect([back.status, headersSeen(back.body)["x-forwarded-client-cert"]]).toEqual([
      200,
      "By=spiffe://shop.mesh/ns/prod/sa/orders;URI=spiffe://shop.mesh/ns/prod/sa/payments",
    ]);
    await shop.apply(ONLY_V2);
  });

  labTest("is refused by the caller's own machine where that knows better, and nothing crosses", async () => {
    const before = (await shop.metrics("till-2")).sum("istio_requests_total", { reporter: "destination" });
    const refused = await shop.call("till-1", "web", "payments.prod");
    expect([refused.status, refused.headers["x-selvedge-reason"]]).toEqual([403, "CALLS"]);
    const after = (await shop.metrics("till-2")).sum("istio_requests_total", { reporter: "destination" });
    expect(after).toBe(before);
  });

  labTest(
    "is refused by the machine it goes to, whatever the caller's machine says, and is explained there",
    async () => {
      const webCalls = ["orders", "payments"];
      await shop.apply({ ...ONLY_V2, webCalls });
      await shop.apply({ ...ONLY_V2, webCalls, allow: { payments: ["orders", "web"] } }, ["till-1"]);
      const served = await shop.origins.get("payments")?.served();
      const refused = await shop.call("till-1", "web", "payments", "/charge");
      expect([refused.status, refused.headers["x-selvedge-reason"]]).toEqual([403, "RBAC"]);
      expect(await shop.origins.get("payments")?.served()).toBe(served as number);
      const why = await shop.node("till-2").cli("why", refused.headers["x-selvedge-id"] ?? "");
      expect(why.stdout).toContain("prod/web");
      const counted = (await shop.metrics("till-2")).sum("istio_requests_total", {
        reporter: "destination",
        source_workload: "web",
        destination_service_name: "payments",
        response_code: "403",
      });
      expect(counted).toBe(1);
      await shop.apply(ONLY_V2);
      expect((await shop.call("till-1", "orders", "payments")).status).toBe(200);
    },
  );

  labTest(
    "is refused where the machine it comes from has changed the documents to speak for somebody else's workload",
    async () => {
      // till-2 claims that web lives there too; till-1's documents say otherwise.
      const stolen = shop
        .text({ weights: [1, 0] })
        .replace("web: { namespace: prod, node: till-1", "web: { namespace: prod, node: till-2");
      const node = shop.node("till-2");
      const from = node.events.length;
      node.write(stolen);
      node.signal("SIGHUP");
      await node.event("config_applied", from);
      await shop.apply({ weights: [1, 0] }, ["till-1"]);
      const served = await shop.origins.get("orders-v1")?.served();
      const refused = await shop.call("till-2", "web", "orders.prod");
      expect([refused.status, refused.headers["x-selvedge-reason"]]).toEqual([403, "RBAC"]);
      expect(await shop.origins.get("orders-v1")?.served()).toBe(served as number);
      await shop.apply(ONLY_V2);
    },
  );
});

describe("a split over two machines", () => {
  labTest("is exact, and told from both sides", async () => {
    await shop.apply({ weights: [99, 1] });
    const labels = { source_workload: "web", destination_workload: "orders-v2", response_code: "200" };
    const counted = async () => ({
      source: (await shop.metrics("till-1")).sum("istio_requests_total", { ...labels, reporter: "source" }),
      destination: (await shop.metrics("till-2")).sum("istio_requests_total", {
        ...labels,
        reporter: "destination",
        source_principal: "spiffe://shop.mesh/ns/prod/sa/web",
        connection_security_policy: "mutual_tls",
      }),
    });
    const before = await counted();
    const served = (await shop.origins.get("orders-v2")?.served()) ?? 0;
    await using callers = await shop.load("till-1", "web", { host: "orders", connections: 8, gapMs: 0 });
    while ((await callers.report()).sent < 2_000) await Bun.sleep(10);
    const report = await callers.stop();
    expect(report.failures).toEqual([]);
    let v2 = report.names["orders-v2"] ?? 0;
    let total = report.sent;
    for (; total % 100 !== 0; total++)
      if ((await shop.call("till-1", "web", "orders")).body.startsWith("orders-v2")) v2++;
    expect([v2, report.statuses]).toEqual([total / 100, { 200: report.sent }]);
    expect(((await shop.origins.get("orders-v2")?.served()) ?? 0) - served).toBe(v2);
    const after = await counted();
    expect([after.source - before.source, after.destination - before.destination]).toEqual([v2, v2]);
    console.log(
      `${total} requests at ${report.p50.toFixed(1)} ms (p99 ${report.p99.toFixed(1)}), ${v2} of them over the tunnel`,
    );
  });
});
