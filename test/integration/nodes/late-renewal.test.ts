/** A machine that was let in lay on a shelf for a year: it comes back by itself, unless it was banned meanwhile. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { CuttingRelay } from "../../support/cutting-relay.ts";
import { KeeperFixture, OUTBOUND_KEY } from "../../support/keeper-fixture.ts";
import { startOrigin } from "../../support/mesh-load.ts";
import { shopOnNodes } from "../../support/shop-on-nodes.ts";
import { foundLongAgo } from "../../support/site-of-long-ago.ts";
import { auditLines, connected, listNodes, SiteOfNodes } from "../../support/site-of-nodes.ts";
import { until } from "../../support/until.ts";

setDefaultTimeout(60_000);
const DAY_MS = 86_400_000;

const shop = (port: number): string => shopOnNodes("nodes: all", port);

/** A site that was founded more than a year ago, and the key of the issuer of `till-2`, which has ended since. */
async function siteOfLastYear(daysAgo = 366): Promise<{ readonly site: SiteOfNodes; readonly key: string }> {
  const site = new SiteOfNodes();
  const [first, second] = [site.node(1), site.node(2)];
  const key = await foundLongAgo({
    trustDomain: site.trustDomain,
    foundedMs: Date.now() - daysAgo * DAY_MS,
    root: { node: "till-1", state: first.state },
    other: { node: "till-2", state: second.state },
  });
  return { site, key };
}

test("a node that was off for a year is renewed when it is back, and calls to it and from it flow without anybody", async () => {
  await using origin = await startOrigin("orders");
  const { site: made, key } = await siteOfLastYear();
  await using site = made;
  for (const number of [1, 2]) site.node(number).write(site.documents(number, shop(origin.port)));
  const first = await site.start(1);
  expect((await listNodes(first))["till-2"]).toMatchObject({
    key,
    problem: expect.stringContaining("renews by itself when it is back"),
  });
  const second = await site.start(2);
  await Promise.all([connected(first, "till-2"), connected(second, "till-1")]);
  for (const mesh of [first, second]) expect((await mesh.get("orders.prod")).status).toBe(200);
  expect(await auditLines(first, "node-late-renewed")).toMatchObject([{ node: "till-2", detail: "late_renewed" }]);
  const row = (await listNodes(first))["till-2"];
  expect(row).toMatchObject({ state: "connected" });
  expect(row?.key).not.toBe(key);
  expect((await second.status()).degraded).toEqual([]);
});

test("a node whose answer was lost, and that was switched off then, gets it again for the key that it has kept", async () => {
  const { site: made } = await siteOfLastYear();
  await using site = made;
  const first = await site.start(1);
  using relay = new CuttingRelay("127.0.0.1", site.port);
  const second = site.node(2);
  second.write(site.documents(2).replace(`"${site.address(1)}"`, `"127.0.0.1:${relay.port}"`));
  await second.start("--node", "till-2");
  await first.event("node", 0, ({ what }) => what === "late_renewed");
  await second.event("identity", 0, ({ detail }) => String(detail).includes("was not reached"));
  await second.stop();
  await site.start(2);
  await connected(first, "till-2");
  const details = (await auditLines(first, "node-late-renewed")).map(({ detail }) => detail);
  expect(details).toEqual(["late_renewed", "late_repeated"]);
});

test("a box whose clock wakes in 1970 asks too, though by its time nothing has ended, and knows the time then", async () => {
  // Its floor is from when it was let in: its issuer has ended yesterday, and it cannot know that.
  const { site: made } = await siteOfLastYear(47);
  await using site = made;
  const first = await site.start(1);
  const box = new KeeperFixture();
  try {
    const { hostname, port } = { hostname: "127.0.0.1", port: site.port };
    box.write(
      [
        { kind: "site", key: "site", name: "store", trustDomain: site.trustDomain, node: "till-2" },
        { kind: "listener", key: "listener/tunnel/127.0.0.2:0", role: "tunnel", hostname: "127.0.0.2", port: 0 },
        { kind: "listener", key: OUTBOUND_KEY, role: "outbound", hostname: "127.0.0.1", port: 0 },
        { kind: "node", key: "node/till-1", name: "till-1", hostname, port, isLocal: false },
        { kind: "node", key: "node/till-2", name: "till-2", isLocal: true },
      ]
        .map((record) => JSON.stringify(record))
        .join("\n"),
    );
    cpSync(site.node(2).state, box.statePath, { recursive: true });
    const program = (path: string) => ({ bun: process.execPath, program: join(import.meta.dir, "../../../src", path) });
    const keeper = await box.start({
      identity: {
        issueProgram: program("keeper/ca/issue-main.ts"),
        foundProgram: program("keeper/ca/found-main.ts"),
        lateProgram: program("keeper/nodes/late-call-main.ts"),
        env: {},
        clocks: () => ({ wallMs: performance.now(), monotonicMs: performance.now() }),
      },
    });
    await box.event("identity", 0, ({ what }) => what === "svids_renewed");
    expect(keeper.identity.live?.isOver).toBe(false);
    await box.event("identity", 0, ({ what }) => what === "issuer_renewed");
    expect(await auditLines(first, "node-late-renewed")).toMatchObject([{ node: "till-2" }]);
    const live = keeper.identity.live;
    expect(Math.abs((live?.site.nowMs() ?? 0) - Date.now())).toBeLessThan(60_000);
    await until(() => live?.isReady, "certificates of now", 20_000);
    expect(live?.isOver).toBe(false);
  } finally {
    await box.close();
  }
});

test("a node that was banned while it was off is refused, told why, and written down", async () => {
  const { site: made, key } = await siteOfLastYear();
  await using site = made;
  const first = await site.start(1);
  const banned = await first.cli("node", "ban", "till-2", "--reason", "sold", "-o", "json");
  expect([banned.code, banned.stderr]).toEqual([0, ""]);
  expect(JSON.parse(banned.stdout)).toMatchObject({ keys: [key], scope: "site" });
  // Nobody else is late, so that the door is shut but for this invitation.
  const second = site.node(2);
  await first.cli("node", "invite", "till-3");
  await second.start("--node", "till-2");
  await second.event("identity", 0, ({ detail }) => String(detail).includes("till-1 refused: the node was banned"));
  expect(await auditLines(first, "node-late-refused")).toMatchObject([{ node: "till-2", detail: "late_banned" }]);
  const { stdout } = await second.cli("status");
  expect(stdout).toContain("the node was banned");
  expect((await listNodes(first))["till-2"]).toMatchObject({ state: "banned", key });
});
