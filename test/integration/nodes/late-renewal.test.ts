/** A machine that was let in lay on a shelf for a year: it comes back by itself, unless it was banned meanwhile. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { startOrigin } from "../../support/mesh-load.ts";
import { foundLongAgo } from "../../support/site-of-long-ago.ts";
import { auditLines, connected, listNodes, SiteOfNodes } from "../../support/site-of-nodes.ts";

setDefaultTimeout(60_000);
const DAY_MS = 86_400_000;
const OWN_UID = process.getuid?.() ?? 0;

const shop = (port: number): string => `---
apiVersion: selvedge/v1
kind: Workload
metadata: { name: orders, namespace: prod, labels: { app: orders } }
spec: { node: till-2, address: 127.0.0.1, ports: { http: ${port} } }
---
apiVersion: selvedge/v1
kind: Workload
metadata: { name: web, namespace: prod }
spec: { nodes: all, selectors: [["unix:uid:${OWN_UID}"]] }
---
apiVersion: v1
kind: Service
metadata: { name: orders, namespace: prod }
spec: { selector: { app: orders }, ports: [{ port: 80, targetPort: http }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: orders, namespace: prod }
spec: { selector: { matchLabels: { app: orders } }, rules: [{ from: [{ source: { serviceAccounts: [web] } }] }] }
`;

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
  await first.event("node", 0, ({ what }) => what === "late_refused");
  expect(await auditLines(first, "node-late-refused")).toMatchObject([{ node: "till-2", detail: "late_banned" }]);
  const { stdout } = await second.cli("status");
  expect(stdout).toContain("the node was banned");
  expect((await listNodes(first))["till-2"]).toMatchObject({ state: "banned", key });
});
