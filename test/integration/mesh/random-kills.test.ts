import { describe, expect } from "bun:test";
import { findLeftWorkers, nodeMark } from "../../../src/keeper/workers/left-workers.ts";
import { WORKER_USER_DEFAULT } from "../../../src/kernel/spawn-worker.ts";
import { listListening } from "../../../src/kernel/tcp-listeners.ts";
import { startCallers, startOrigin } from "../../support/mesh-load.ts";
import { MeshProcess } from "../../support/mesh-process.ts";
import { testWith } from "../../support/needs.ts";
import { seededRandom } from "../../support/seeded-random.ts";

const WEB = 61201;
const ORDERS = 61202;
const KILLS = 20;
const CONNECTIONS = 8;
const needs = { root: true, programs: ["setpriv"] };

const mesh = (ports: readonly number[], weight: number): string => `
mesh: store
namespace: prod
outbound: 127.0.0.1:0
metrics: 127.0.0.1:0
services:
  web: { run: "unix:uid:${WEB}" }
  orders:
    run: "unix:uid:${ORDERS}"
    allow: [web]
    versions: { v1: { port: ${ports[0]}, weight: ${weight} }, v2: { port: ${ports[1]}, weight: 1 } }
`;

describe("processes that are killed at random moments under load, with the configuration changing", () => {
  testWith(needs)(
    "leave nothing hanging, no wrong answer, no lost count and a state directory that starts",
    async () => {
      const random = seededRandom(20261122);
      await using v1 = await startOrigin("v1", ORDERS);
      await using v2 = await startOrigin("v2", ORDERS);
      const ports = [v1.port, v2.port];
      await using node = new MeshProcess(mesh(ports, 1));
      await node.start();
      const target = { port: node.outboundPort, host: "orders.prod", connections: CONNECTIONS, gapMs: 4 };
      await using kept = await startCallers(target, WEB);
      await using fresh = await startCallers({ ...target, requestsPerConnection: 1 }, WEB);
      let workerKills = 0;
      let lastKillMs = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        node.write(mesh(ports, 1 + (kill % 9)));
        if (random() < 0.3) node.signal("SIGHUP");
        await Bun.sleep(random() * 250);
        const choice = random();
        if (choice < 0.4) {
          const from = node.events.length;
          const pid = node.events.findLast((event) => event.event === "worker_started")?.["pid"] as number;
          process.kill(pid, "SIGKILL");
          workerKills++;
          await node.event("worker_died", from, (event) => event["pid"] === pid);
          await node.event("worker_started", from);
          lastKillMs = Date.now();
          continue;
        }
        await node.killKeeper();
        if (choice < 0.6) {
          node.launch("-f", node.file);
          await Bun.sleep(random() * 400);
          await node.killKeeper();
        }
        await node.start();
      }
      const pids = await node.workers();
      while ((await node.status()).draining.length > 0) await node.event("orphan_gone", node.events.length);
      const quietFromMs = Date.now();
      await Bun.sleep(500);
      const reports = [await kept.stop(), await fresh.stop()];
      const failures = reports.flatMap((report) => report.failures);
      const answered = reports.flatMap((report) => Object.entries(report.statuses));
      const metrics = await node.metrics();
      const counted = metrics.sum("istio_requests_total", { reporter: "source" });
      const sent = reports.reduce((sum, report) => sum + report.sent, 0);
      const lost = failures.filter((one) => one.kind === "lost").length;
      console.log(
        `${KILLS} kills (${workerKills} of workers): ${sent} requests, ${lost} lost, ${failures.length - lost} refused, ${counted} counted`,
      );
      expect(failures.filter((one) => one.kind === "timeout" || one.kind === "wrong answer")).toEqual([]);
      expect(new Set(answered.map(([status]) => status))).toEqual(new Set(["200"]));
      // Only a worker's death loses requests, at most one of each connection.
      expect(lost).toBeLessThanOrEqual(workerKills * 2 * CONNECTIONS);
      expect(failures.filter((one) => one.atMs >= quietFromMs && one.atMs > lastKillMs + 500)).toEqual([]);
      expect(Math.abs(counted - (sent - lost))).toBeLessThanOrEqual((workerKills + 1) * 2 * CONNECTIONS);
      const generations = node.events
        .filter(({ event }) => ["ready", "config_applied", "crash_loop"].includes(event))
        .map((event) => event["generation"] as number);
      expect(generations).toEqual([...generations].sort((a, b) => a - b));
      expect(await node.workers()).toEqual(pids);
      const listening = listListening().listeners.filter((one) => one.port === node.outboundPort);
      expect(listening).toHaveLength(1);
      // No worker is left over that no keeper knows of.
      const running = findLeftWorkers(nodeMark(node.state), WORKER_USER_DEFAULT.uid);
      expect(running.map((worker) => worker.pid)).toEqual(pids);
      expect(await node.stop()).toBe(0);
    },
    180_000,
  );
});
