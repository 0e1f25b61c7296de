import { describe, expect, test } from "bun:test";
import type { BanReport } from "../../../src/keeper/nodes/live-nodes.ts";
import type { MeshProcess } from "../../support/mesh-process.ts";
import { auditLines, connected, listNodes, SiteOfNodes } from "../../support/site-of-nodes.ts";

async function ban(mesh: MeshProcess, verb: "ban" | "unban", node: string): Promise<BanReport> {
  const reason = verb === "ban" ? ["--reason", "it was stolen"] : [];
  const { code, stdout, stderr } = await mesh.cli("node", verb, node, ...reason, "-o", "json");
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as BanReport;
}

const gone = (mesh: MeshProcess, node: string, from: number) =>
  mesh.event("node", from, (event) => event["what"] === "disconnected" && event["node"] === node);

describe("a ban", () => {
  test("cuts a node off everywhere that can be told, within a second, and names who has heard", async () => {
    await using site = new SiteOfNodes();
    const first = await site.start(1);
    const second = await site.add(2);
    const third = await site.add(3);
    await Promise.all([connected(second, "till-3"), connected(third, "till-2"), connected(third, "till-1")]);
    const from = [first, second, third].map((mesh) => mesh.events.length) as [number, number, number];
    const startedAtMs = performance.now();
    const asked = ban(first, "ban", "till-2");
    await Promise.all([
      gone(first, "till-2", from[0]),
      gone(third, "till-2", from[2]),
      gone(second, "till-1", from[1]),
    ]);
    const tookMs = performance.now() - startedAtMs;
    const report = await asked;
    console.log(`ban typed, and in force on two nodes after ${Math.round(tookMs)} ms`);
    expect(tookMs).toBeLessThan(1_000);
    expect(report).toMatchObject({ isInForce: true, acknowledged: ["till-3"], waitingFor: [] });
    expect(report.keys).toHaveLength(1);
    const refused = await third.event("node", from[2], (event) => event["what"] === "refused");
    expect(String(refused["detail"])).toContain("key_banned");
    for (const mesh of [first, third]) {
      const row = (await listNodes(mesh))["till-2"];
      expect(row).toMatchObject({ state: "banned", problem: "it was stolen", key: report.keys[0] });
    }
    expect(await auditLines(first, "node-ban")).toMatchObject([
      { node: "till-2", reason: "it was stolen", outcome: "done" },
    ]);
  }, 40_000);

  test("is lifted again, and the node is back by itself", async () => {
    await using site = new SiteOfNodes();
    const first = await site.start(1);
    const second = await site.add(2);
    await connected(second, "till-1");
    let from = first.events.length;
    await ban(first, "ban", "till-2");
    await gone(first, "till-2", from);
    from = first.events.length;
    await ban(first, "unban", "till-2");
    await connected(first, "till-2", from);
    expect((await listNodes(first))["till-2"]?.state).toBe("connected");
    const twice = await first.cli("node", "unban", "till-2");
    expect(twice.code).toBe(1);
  }, 40_000);

  test("reaches a node that was off when it comes back, also from another node than the root's", async () => {
    await using site = new SiteOfNodes();
    const first = await site.start(1);
    await site.add(2);
    const third = await site.add(3);
    const fourth = await site.add(4);
    await connected(third, "till-4");
    await fourth.stop();
    const { code, stdout } = await first.cli("node", "ban", "till-2", "--reason", "it was stolen");
    expect([code, stdout]).toEqual([
      0,
      "till-2 is banned here, by its key\nin force on: till-3\nnot yet on: till-4; they hear of it when they connect\n",
    ]);
    await first.stop();
    await site.start(4);
    await fourth.event("node", 0, (event) => event["what"] === "trust_adopted" && event["node"] === "till-3");
    expect((await listNodes(fourth))["till-2"]?.state).toBe("banned");
  }, 60_000);

  test("outlives a restart, and holds for a box that was given another name", async () => {
    await using site = new SiteOfNodes();
    const first = await site.start(1);
    const second = await site.add(2);
    await ban(first, "ban", "till-2");
    await first.stop();
    const from = first.events.length;
    await site.start(1);
    await first.event("node", from, (event) => String(event["detail"]).includes("key_banned"));
    // The thief edits the documents: the key is the same.
    await second.stop();
    await second.start("--node", "till-3");
    expect((await listNodes(first))["till-2"]?.state).toBe("banned");
    expect((await listNodes(first))["till-3"]?.state).toBe("unknown");
  }, 60_000);

  test("of a name comes with the machine that takes it over, and the new one is let in", async () => {
    await using site = new SiteOfNodes();
    const first = await site.start(1);
    const old = await site.add(2);
    const oldKey = (await listNodes(first))["till-2"]?.key;
    await old.stop();
    const refused = await first.cli("node", "invite", "till-2");
    expect(refused.stderr).toContain("--replace");
    await site.add(2, "new", "--replace");
    const row = (await listNodes(first))["till-2"];
    expect(row?.state).toBe("connected");
    expect(row?.key).not.toBe(oldKey);
    const back = await first.cli("node", "unban", "till-2");
    expect([back.code, back.stderr]).toEqual([1, expect.stringContaining("a machine that is not banned has the name")]);
    // The old box comes back to life, on another address so that both run.
    await site.node(2, "new").stop();
    const from = first.events.length;
    await old.start("--node", "till-2");
    await first.event("node", from, (event) => String(event["detail"]).includes("key_banned"));
  }, 60_000);

  test("is said for the site by the root's node, with a reason, and about nodes that are known", async () => {
    await using site = new SiteOfNodes();
    const first = await site.start(1);
    const second = await site.add(2);
    await connected(second, "till-1");
    expect((await first.cli("node", "ban", "till-2")).code).toBe(2);
    const unknown = await first.cli("node", "ban", "till-3", "--reason", "never seen");
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining("till-3")]);
    const itself = await first.cli("node", "ban", "till-1", "--reason", "by mistake");
    expect(itself.code).toBe(1);
  }, 40_000);
});

describe("a ban on another node than the root's", () => {
  test("holds on that node alone, outlives its restart and the root's words, and is lifted there", async () => {
    await using site = new SiteOfNodes();
    const first = await site.start(1);
    const second = await site.add(2);
    const third = await site.add(3);
    await Promise.all([connected(third, "till-2"), connected(third, "till-1"), connected(second, "till-3")]);
    const from = third.events.length;
    const here = await ban(third, "ban", "till-2");
    await gone(third, "till-2", from);
    const { key } = (await listNodes(first))["till-2"] ?? {};
    expect(here).toMatchObject({ scope: "here", isInForce: true, keys: [key], acknowledged: [], waitingFor: [] });
    expect((await listNodes(first))["till-2"]?.state).toBe("connected");
    await first.stop();
    await third.stop();
    await site.start(3);
    expect((await listNodes(third))["till-2"]?.state).toBe("banned");
    const again = second.events.length;
    expect(await ban(third, "unban", "till-2")).toMatchObject({ scope: "here", keys: [key] });
    await connected(second, "till-3", again);
    const twice = await third.cli("node", "unban", "till-2");
    expect([twice.code, twice.stderr]).toEqual([1, expect.stringContaining("on till-1, for the whole site")]);
  }, 60_000);
});

describe("a renewed issuer", () => {
  test("comes from the root's node over the tunnel, and both keys are banned with the node", async () => {
    await using site = new SiteOfNodes();
    const first = await site.start(1);
    const second = await site.add(2);
    await connected(second, "till-1");
    const before = (await listNodes(first))["till-2"]?.key;
    const rotated = await second.cli("identity", "rotate", "--issuer");
    expect([rotated.code, rotated.stderr]).toEqual([0, ""]);
    const after = (await listNodes(first))["till-2"]?.key;
    expect(after).not.toBe(before);
    expect(await auditLines(first, "node-issuer-signed")).toMatchObject([{ node: "till-2" }]);
    const report = await ban(first, "ban", "till-2");
    expect([...report.keys].sort()).toEqual([String(before), String(after)].sort());
  }, 40_000);
});
