import { describe, expect } from "bun:test";
import { testWith } from "../../support/needs.ts";
import { MACHINES_NEEDS } from "../../support/two-machines.ts";
import { TwoNodeShop } from "../../support/two-node-shop.ts";

/** The root's node signs 30 issuers an hour for another node, no more. */
const ISSUER_ROUNDS_MAX = 20;

/** For a longer run than continuous integration has time for. */
const ROUNDS = Number(process.env["SELVEDGE_TEST_ROTATIONS"] ?? 4);

describe("under load across two machines", () => {
  testWith(MACHINES_NEEDS)(
    "the root is replaced, and certificates and issuers again and again meanwhile, and no call fails",
    async () => {
      await using shop = await TwoNodeShop.start({ weights: [1, 1], timeout: "5s" });
      await using callers = await shop.load("till-1", "web", { host: "orders", connections: 8, gapMs: 2 });
      const rotate = async (node: string, ...what: readonly string[]) => {
        const done = await shop.node(node).cli("identity", "rotate", ...what);
        expect([node, what, done.code, done.stderr]).toEqual([node, what, 0, ""]);
      };
      const took: Record<string, number> = {};
      let startMs = performance.now();
      const beginMs = startMs;
      const root = rotate("till-1", "--root", "--wait");
      const note = (what: string) => {
        took[what] = Math.round(performance.now() - startMs);
        startMs = performance.now();
      };
      for (let round = 0; round < ROUNDS; round++)
        for (const node of ["till-1", "till-2"]) await rotate(node, "--svids");
      note("svids");
      for (let round = 0; round < Math.min(ROUNDS, ISSUER_ROUNDS_MAX); round++)
        for (const node of ["till-1", "till-2"]) await rotate(node, "--issuer");
      note("issuers");
      await root;
      took["root"] = Math.round(performance.now() - beginMs);
      await shop.until(
        ({ body }) => body.startsWith("orders-v2"),
        () => shop.call("till-1", "web", "orders"),
        5_000,
        "orders v2",
      );
      const report = await callers.stop();
      expect([report.failures, report.statuses]).toEqual([[], { 200: report.sent }]);
      expect(report.names["orders-v2"] ?? 0).toBeGreaterThan(100);
      console.log(
        `${ROUNDS} rounds under ${report.sent} calls, p99 ${Math.round(report.p99)} ms, ms: ${JSON.stringify(took)}`,
      );
    },
  );
});
