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

describe("a worker that is killed under load", () => {
  testWith(needs)(
    "is back within 500 ms on the same free port, with its counts, and loses only its own requests",
    async () => {
      await using orders = await startOrigin("orders", ORDERS);
      await using node = new MeshProcess(mesh(orders.port));
      const ready = await node.start();
      const load = { port: node.outboundPort, host: "orders.prod", connections: 16, gapMs: 5 };
      await using callers = await startCallers(load, WEB);
      await Bun.sleep(500);
      const before = await node.metrics();
      const from = node.events.length;
      const killedAtMs = Date.now();
      process.kill(ready.workers[0] as number, "SIGKILL");
      await node.event("worker_started", from);
      await Bun.sleep(1000);
      const during = await node.metrics();
      const report = await callers.stop();
      const after = await node.metrics();
      const requests = [before, during, after].map((one) => one.sum("istio_requests_total", { reporter: "source" }));
      expect(requests[1]).toBeGreaterThanOrEqual(requests[0] as number);
      const lastFailureMs = Math.max(0, ...report.failures.map((one) => one.atMs)) - killedAtMs;
      console.log(`sent ${report.sent}, failed ${report.failed}, last failure ${lastFailureMs} ms after the kill`);
      expect(lastFailureMs).toBeLessThan(500);
      expect(report.failures.filter((one) => one.kind === "lost").length).toBeLessThanOrEqual(16);
      expect(report.failures.filter((one) => one.kind === "wrong answer" || one.kind === "timeout")).toEqual([]);
      expect(report.statuses).toEqual({
        "200": report.sent - report.failures.filter((one) => one.kind === "lost").length,
      });
      expect((await node.status()).workers).toHaveLength(1);
      expect(await node.stop()).toBe(0);
    },
  );
});
