/** A disk that is full while machines join, are banned and renew: nothing is promised that is not kept, and nobody is let in. */
import { expect, setDefaultTimeout } from "bun:test";
import { runSelvedge } from "../support/mesh-process.ts";
import { testWith } from "../support/needs.ts";
import { auditLines, connected, listNodes, SiteOfNodes } from "../support/site-of-nodes.ts";
import { SmallDisk, smallDiskNeeds } from "../support/small-disk.ts";

setDefaultTimeout(60_000);
const diskTest = testWith(smallDiskNeeds());

diskTest("a machine whose disk is full shows no token, and joins with it when there is room", async () => {
  await using site = new SiteOfNodes();
  const first = await site.start(1);
  const token = await site.invite(2);
  using disk = new SmallDisk();
  disk.fill();
  const refused = await runSelvedge(["node", "join", token, "--state", disk.path]);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/ENOSPC|No space/i)]);
  expect(await auditLines(first, "node-joined")).toEqual([]);
  disk.makeRoom();
  const joined = await runSelvedge(["node", "join", token, "--state", disk.path]);
  expect([joined.code, joined.stderr]).toEqual([0, ""]);
  expect((await listNodes(first))["till-2"]?.state).toBe("joined");
});

diskTest("a root's node whose disk is full invites nobody, lets nobody in, and says that it cannot ban", async () => {
  await using site = new SiteOfNodes();
  using disk = new SmallDisk(site.node(1).state);
  const first = await site.start(1);
  await site.add(2);
  const token = await site.invite(3);
  disk.fill();
  const invited = await first.cli("node", "invite", "till-4");
  expect([invited.code, invited.stdout]).toEqual([1, ""]);
  const refused = await site.join(site.node(3), token);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("till-1 refused")]);
  const banned = await first.cli("node", "ban", "till-2", "--reason", "stolen");
  expect([banned.code, banned.stderr]).toEqual([1, expect.stringMatching(/ENOSPC|No space/i)]);
  disk.makeRoom();
  expect((await first.cli("node", "ban", "till-2", "--reason", "stolen")).code).toBe(0);
  const again = await site.join(site.node(3), await site.invite(3));
  expect([again.code, again.stderr]).toEqual([0, ""]);
});

diskTest("a node whose disk is full cuts off who is banned, goes on, and does not claim to remember it", async () => {
  await using site = new SiteOfNodes();
  const first = await site.start(1);
  const second = site.node(2);
  using disk = new SmallDisk(second.state);
  await site.add(2);
  await site.add(3);
  await connected(second, "till-3");
  disk.fill();
  const from = second.events.length;
  const report = await first.cli("node", "ban", "till-3", "--reason", "stolen", "-o", "json");
  expect(JSON.parse(report.stdout)).toMatchObject({ acknowledged: [], waitingFor: ["till-2"] });
  await second.event("node", from, ({ what, node }) => what === "disconnected" && node === "till-3");
  expect((await listNodes(second))["till-3"]?.state).toBe("banned");
  disk.makeRoom();
  await second.stop();
  await second.start("--node", "till-2");
  await second.event("node", from, ({ what, detail }) => what === "trust_adopted" && detail === "");
  expect((await listNodes(second))["till-3"]?.state).toBe("banned");
});
