import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CLOCK_FILE } from "../../../src/keeper/identity/identity-files.ts";
import { IdentityStore } from "../../../src/keeper/identity/identity-store.ts";
import { joinByToken } from "../../../src/keeper/nodes/join.ts";
import { CuttingRelay } from "../../support/cutting-relay.ts";
import { runSelvedge } from "../../support/mesh-process.ts";
import { auditLines, connected, listNodes, SiteOfNodes } from "../../support/site-of-nodes.ts";

describe("a machine with a token", () => {
  test("joins, is reached by the others and reaches them, and both list it", async () => {
    await using site = new SiteOfNodes();
    const first = await site.start(1);
    expect((await listNodes(first))["till-2"]?.state).toBe("unknown");
    const token = await site.invite(2);
    expect(token).toMatch(/^selvedge1\.[-_A-Za-z0-9]+$/);
    expect((await listNodes(first))["till-2"]?.state).toBe("invited");
    const second = site.node(2);
    const joined = await site.join(second, token);
    expect(joined).toMatchObject({ code: 0, stderr: "" });
    expect((await listNodes(first))["till-2"]?.state).toBe("joined");
    const from = first.events.length;
    await site.start(2);
    await Promise.all([connected(first, "till-2", from), connected(second, "till-1")]);
    const [atFirst, atSecond] = [await listNodes(first), await listNodes(second)];
    expect(atFirst["till-1"]).toMatchObject({ state: "this", holdsRoot: true, address: site.address(1) });
    expect(atFirst["till-2"]).toMatchObject({ state: "connected", address: site.address(2) });
    expect(atSecond["till-1"]).toMatchObject({ state: "connected", holdsRoot: true, key: atFirst["till-1"]?.key });
    expect(atSecond["till-2"]).toMatchObject({ state: "this", key: atFirst["till-2"]?.key });
    expect(Date.parse(atFirst["till-2"]?.expiry ?? "") - Date.now()).toBeGreaterThan(44 * 86_400_000);
    // It cannot renew its issuer alone, and says until when it gets along.
    const [, until] = /^calls between nodes +(\S+)$/m.exec((await second.cli("status")).stdout) ?? [];
    expect(Date.parse(until ?? "")).toBe(Math.floor(Date.parse(atSecond["till-2"]?.expiry ?? "") / 1000) * 1000);
    const [audit] = await auditLines(first, "node-joined");
    expect(audit).toMatchObject({ node: "till-2", address: "127.0.0.1", keyHash: atFirst["till-2"]?.key });
  }, 30_000);

  test("is let in once: whoever comes later with the same token is refused, and that is written down", async () => {
    await using site = new SiteOfNodes();
    const first = await site.start(1);
    const token = await site.invite(2);
    expect((await site.join(site.node(2), token)).code).toBe(0);
    const again = await site.join(site.node(2, "thief"), token);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain("the token has been used already");
    expect(existsSync(join(site.node(2, "thief").state, "identity"))).toBe(false);
    const [audit] = await auditLines(first, "node-join-refused");
    expect(audit).toMatchObject({ node: "till-2", address: "127.0.0.1" });
    expect(String(audit?.["detail"])).toContain("token_spent");
    expect((await first.metrics()).sum("selvedge_node_joins_refused_total")).toBe(1);
  }, 30_000);

  test("gets its answer again where the first one was lost on the way", async () => {
    await using site = new SiteOfNodes();
    const first = await site.start(1);
    using relay = new CuttingRelay("127.0.0.1", site.port);
    const token = await site.invite(2, "--address", `127.0.0.1:${relay.port}`);
    const joined = await site.join(site.node(2), token);
    expect([joined.code, joined.stderr, relay.connections]).toEqual([0, "", 2]);
    const details = (await auditLines(first, "node-joined")).map(({ detail }) => detail);
    expect(details).toEqual(["joined", "repeated"]);
    const from = first.events.length;
    await site.start(2);
    await connected(first, "till-2", from);
  }, 30_000);

  test("shares it with others that come at the same moment, and exactly one gets in", async () => {
    await using site = new SiteOfNodes();
    const first = await site.start(1);
    const token = await site.invite(2);
    const boxes = ["a", "b", "c"].map((box) => site.node(2, box));
    const codes = (await Promise.all(boxes.map((box) => site.join(box, token)))).map(({ code }) => code);
    expect(codes.sort()).toEqual([0, 1, 1]);
    expect(await auditLines(first, "node-joined")).toHaveLength(1);
    const refused = (await auditLines(first, "node-join-refused")).map(({ detail }) => String(detail));
    expect(refused.some((detail) => detail.includes("token_spent"))).toBe(true);
  }, 30_000);

  test("is refused with a token whose secret was changed, and the token is void after a few", async () => {
    await using site = new SiteOfNodes();
    await site.start(1);
    const token = await site.invite(2);
    const { parseJoinToken, printJoinToken } = await import("../../../src/identity/join-token.ts");
    const read = parseJoinToken(token);
    if (typeof read === "string") throw new Error(read);
    const wrong = printJoinToken({ ...read, secret: new Uint8Array(32) });
    for (let tries = 0; tries < 5; tries++) {
      const refused = await site.join(site.node(2), wrong);
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("it does not know this token")]);
    }
    expect((await site.join(site.node(2), token)).code).toBe(1);
  }, 40_000);

  test("joins also where the keeper that invited was killed and another one runs", async () => {
    await using site = new SiteOfNodes();
    const first = await site.start(1);
    const token = await site.invite(2);
    process.kill(first.pid, "SIGKILL");
    await first.exited;
    await site.start(1);
    const joined = await site.join(site.node(2), token);
    expect([joined.code, joined.stderr]).toEqual([0, ""]);
  }, 30_000);

  test("that has expired is refused", async () => {
    await using site = new SiteOfNodes();
    await site.start(1);
    const token = await site.invite(2, "--valid", "1s");
    await Bun.sleep(1100);
    const late = await site.join(site.node(2), token);
    expect([late.code, late.stderr]).toEqual([1, expect.stringContaining("the token has expired")]);
    const [audit] = await auditLines(site.node(1), "node-join-refused");
    expect(String(audit?.["detail"])).toContain("token_expired");
    expect(existsSync(join(site.node(2).state, "identity"))).toBe(false);
  }, 30_000);

  test("shows nothing to a node of another site, whatever its name is", async () => {
    await using site = new SiteOfNodes();
    await using other = new SiteOfNodes();
    await site.start(1);
    const stranger = await other.start(1);
    // The other site's door stands open too.
    await other.invite(2);
    const token = await site.invite(2, "--address", other.address(1));
    const refused = await site.join(site.node(2), token);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("it belongs to another site");
    expect(await auditLines(stranger, "node-join-refused")).toEqual([]);
  }, 30_000);

  test("of another site, dressed up as this one's, is refused and written down", async () => {
    await using site = new SiteOfNodes();
    await using other = new SiteOfNodes();
    await site.start(1);
    const stranger = await other.start(1);
    const { parseJoinToken, printJoinToken } = await import("../../../src/identity/join-token.ts");
    const [own, theirs] = [parseJoinToken(await site.invite(2)), parseJoinToken(await other.invite(2))];
    if (typeof own === "string" || typeof theirs === "string") throw new Error("no tokens");
    // Root and address are no secret: whoever has been to the other site knows them.
    const dressed = printJoinToken({ ...theirs, id: own.id, secret: own.secret });
    const refused = await site.join(site.node(2), dressed);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("it does not know this token")]);
    const [audit] = await auditLines(stranger, "node-join-refused");
    expect(audit).toMatchObject({ address: "127.0.0.1", detail: expect.stringContaining("token_unknown") });
    expect(await auditLines(stranger, "node-joined")).toEqual([]);
  }, 30_000);

  test("shows nothing to another node of the same site either", async () => {
    await using site = new SiteOfNodes();
    await site.start(1);
    const second = await site.add(2);
    const token = await site.invite(3, "--address", site.address(2));
    const refused = await site.join(site.node(3), token);
    expect(refused.code).toBe(1);
    expect(await auditLines(second, "node-join-refused")).toEqual([]);
  }, 30_000);

  test("that is bound to other hardware is refused, and one for 14 days has to be bound", async () => {
    await using site = new SiteOfNodes();
    const first = await site.start(1);
    const unbound = await first.cli("node", "invite", "till-2", "--valid", "14d");
    expect([unbound.code, unbound.stdout]).toEqual([1, ""]);
    expect(unbound.stderr).toContain("--bind");
    const token = await site.invite(2, "--valid", "14d", "--bind", "serial:NO-SUCH-MACHINE-1");
    const refused = await site.join(site.node(2), token);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("bound to another machine");
  }, 30_000);
});

describe("joining", () => {
  test("is refused for a name that the documents do not have, for this node, and on a node without the root", async () => {
    await using site = new SiteOfNodes();
    const first = await site.start(1);
    const second = await site.add(2);
    for (const [mesh, name, words] of [
      [first, "till-9", "the documents name no node till-9"],
      [first, "till-1", "till-1 is this node"],
      [first, "till-2", "till-2 has joined already"],
      [second, "till-3", "this node does not hold the site's root"],
    ] as const) {
      const refused = await mesh.cli("node", "invite", name);
      expect([refused.code, refused.stdout]).toEqual([1, ""]);
      expect(refused.stderr).toContain(words);
    }
  }, 30_000);

  test("is refused over a state directory that a running node uses, and over one whose root others depend on", async () => {
    await using site = new SiteOfNodes();
    await using other = new SiteOfNodes();
    const first = await site.start(1);
    await site.add(2);
    await other.start(1);
    const token = await other.invite(2);
    const inUse = await other.join(first, token);
    expect([inUse.code, inUse.stderr]).toEqual([1, expect.stringContaining("in use by process")]);
    await first.stop();
    const needed = await other.join(first, token);
    expect([needed.code, needed.stderr]).toEqual([1, expect.stringContaining("which other nodes depend on")]);
  }, 40_000);

  test("puts a root aside that nobody depends on", async () => {
    await using site = new SiteOfNodes();
    await using lonely = new SiteOfNodes("lonely.example");
    await site.start(1);
    const mesh = await lonely.start(2);
    await mesh.stop();
    const joined = await site.join(mesh, await site.invite(2));
    expect(joined.code).toBe(0);
    expect(joined.stdout).toContain("identity.aside-1");
    expect(readdirSync(mesh.state)).toContain("identity.aside-1");
  }, 40_000);

  test("anew, of the same machine with the same state directory, takes the place of what it had", async () => {
    await using site = new SiteOfNodes();
    const first = await site.start(1);
    const second = await site.add(2);
    await second.stop();
    const before = (await listNodes(first))["till-2"]?.key;
    await site.add(2, "", "--replace");
    const after = (await listNodes(first))["till-2"];
    expect([after?.state, after?.key === before]).toEqual(["connected", false]);
  }, 40_000);

  test("works on a machine that wakes in 1970, which knows the time from then on", async () => {
    await using site = new SiteOfNodes();
    const first = await site.start(1);
    const second = site.node(2);
    const report = await joinByToken(await site.invite(2), {
      statePath: second.state,
      issueProgram: { bun: process.execPath, program: join(import.meta.dir, "../../../src/keeper/ca/issue-main.ts") },
      env: {},
      hardware: () => ({ serial: "", endorsementKey: "" }),
      wallMs: () => 0,
    });
    expect(report).toMatchObject({ node: "till-2", rootNode: "till-1", aside: undefined });
    const floor = new IdentityStore(second.state, {}).read(CLOCK_FILE);
    expect(floor.state === "good" ? Date.now() - floor.value.floorMs : -1).toBeLessThan(20_000);
    const from = first.events.length;
    await site.start(2);
    await connected(first, "till-2", from);
  }, 40_000);

  test("says in a word what a text is that is no token, and asks nobody", async () => {
    for (const [text, words] of [
      ["hello", "this is no token"],
      ["selvedge2.AAAA", "another version"],
      ["selvedge1.AAAA", "not copied whole"],
    ] as const) {
      const refused = await runSelvedge(["node", "join", text, "--state", "/nonexistent/state"]);
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining(words)]);
    }
  });
});
