import { describe, expect } from "bun:test";
import { startCallers, startOrigin } from "../../support/mesh-load.ts";
import { MeshProcess } from "../../support/mesh-process.ts";
import { testWith } from "../../support/needs.ts";

const WEB = 61211;
const ORDERS = 61212;
const RELOADS = 100;
const needs = { root: true, programs: ["setpriv"] };

const mesh = (ports: readonly number[], weight: number): string => `
mesh: store
namespace: prod
outbound: 127.0.0.1:0
metrics: 127.0.0.1:0
services:
  web: { run: "unix:uid:${WEB}" }
  steady:
    run: "unix:uid:${ORDERS}"
    allow: [web]
    versions: { v1: { port: ${ports[0]}, weight: 99 }, v2: { port: ${ports[1]}, weight: 1 } }
  moving:
    allow: [web]
    versions: { v1: { port: ${ports[0]}, weight: ${weight} }, v2: { port: ${ports[1]}, weight: 1 } }
`;

describe("a hundred changes of weights under load", () => {
  testWith(needs)(
    "fail no request, keep a split exact that they do not touch, and number upwards over restarts",
    async () => {
      await using v1 = await startOrigin("v1", ORDERS);
      await using v2 = await startOrigin("v2", ORDERS);
      const ports = [v1.port, v2.port];
      await using node = new MeshProcess(mesh(ports, 1));
      await node.start();
      const target = { port: node.outboundPort, connections: 6, gapMs: 4 };
      await using steady = await startCallers({ ...target, host: "steady.prod" }, WEB);
      await using moving = await startCallers({ ...target, host: "moving.prod" }, WEB);
      const startedAtMs = performance.now();
      for (let reload = 0; reload < RELOADS; reload++) {
        const isBad = reload % 10 === 9;
        node.write(isBad ? `${mesh(ports, 1)}  broken: { prot: 1 }\n` : mesh(ports, 1 + (reload % 2) * 2));
        const answer = await node.admin({ op: "reload" }).catch((error: unknown) => error);
        expect(answer instanceof Error).toBe(isBad);
      }
      const tookMs = performance.now() - startedAtMs;
      const reports = [await steady.stop(), await moving.stop()] as const;
      for (const report of reports) {
        expect(report.failures).toEqual([]);
        expect(report.statuses).toEqual({ "200": report.sent });
        expect(report.connects).toBe(6);
      }
      const share = (report: (typeof reports)[number]): number => (report.names["v2"] ?? 0) / report.sent;
      console.log(
        `${RELOADS} reloads in ${Math.round(tookMs)} ms; ${reports[0].sent} + ${reports[1].sent} requests; ` +
          `v2 of steady ${reports[0].names["v2"]}, of moving ${(100 * share(reports[1])).toFixed(1)} %`,
      );
      // 99 to 1 in blocks of 100: whole blocks exactly, the one under way at most one off.
      expect(Math.abs((reports[0].names["v2"] ?? 0) - reports[0].sent / 100)).toBeLessThanOrEqual(1);
      // Half of the time 1 of 2, the other half 1 of 4.
      expect(share(reports[1])).toBeGreaterThan(0.25);
      expect(share(reports[1])).toBeLessThan(0.5);
      const generations = node.events
        .filter((event) => event.event === "config_applied")
        .map((event) => event["generation"] as number);
      expect(generations).toEqual([...new Set(generations)].sort((a, b) => a - b));
      const last = (await node.status()).generation;
      expect(last).toBeGreaterThan(60);
      expect(await node.stop()).toBe(0);
      node.write(mesh(ports, 7));
      expect((await node.start()).generation).toBeGreaterThan(last);
    },
    180_000,
  );
});
