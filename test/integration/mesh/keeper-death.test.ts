import { describe, expect } from "bun:test";
import { startCallers, startOrigin } from "../../support/mesh-load.ts";
import { MeshProcess } from "../../support/mesh-process.ts";
import { testWith } from "../../support/needs.ts";

const WEB = 61201;
const ORDERS = 61202;
const needs = { root: true, programs: ["setpriv"] };

const mesh = (port: number): string => `
mesh: store
namespace: prod
outbound: 127.0.0.1:0
metrics: 127.0.0.1:0
services:
  web: { run: "unix:uid:${WEB}" }
  orders: { run: "unix:uid:${ORDERS}", port: ${port}, allow: [web] }
`;

describe("a keeper that is killed under load", () => {
  testWith(needs)("fails no request, and neither does the next one that takes its workers over", async () => {
    await using orders = await startOrigin("orders", ORDERS);
    await using node = new MeshProcess(mesh(orders.port));
    const first = await node.start();
    const target = { port: node.outboundPort, host: "orders.prod", gapMs: 2 };
    await using kept = await startCallers({ ...target, connections: 8 }, WEB);
    await using fresh = await startCallers({ ...target, connections: 8, requestsPerConnection: 1 }, WEB);
    // Always under way, also when the orphan is told to go: it may not be ended before they are answered.
    await using slow = await startCallers({ ...target, connections: 4, path: "/slow/700" }, WEB);
    await Bun.sleep(500);
    const before = await node.metrics();
    await node.killKeeper();
    await Bun.sleep(500);
    const second = await node.start();
    await node.event("orphan_gone", node.events.indexOf(second));
    await Bun.sleep(500);
    const reports = [await kept.stop(), await fresh.stop(), await slow.stop()];
    const after = await node.metrics();
    console.log(reports.map(({ sent, failed, failures }) => ({ sent, failed, failures: failures.slice(0, 5) })));
    expect(second).toMatchObject({ outbound: first.outbound, takenOver: 1, generation: first.generation });
    expect(second.workers).not.toEqual(first.workers);
    for (const report of reports) {
      expect(report.failures).toEqual([]);
      expect(Object.keys(report.statuses)).toEqual(["200"]);
    }
    const count = (metrics: typeof before) =>
      metrics.sum("istio_requests_total", { reporter: "source", response_code: "200" });
    const sent = reports.reduce((sum, report) => sum + report.sent, 0);
    expect(count(after)).toBeGreaterThan(count(before));
    expect(Math.abs(count(after) - sent)).toBeLessThanOrEqual(20);
    expect(node.leftWorkers()).toEqual([...second.workers]);
  });
});
