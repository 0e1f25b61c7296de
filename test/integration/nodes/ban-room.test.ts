/** How much may be banned: said when it is typed, and never found out by other nodes. */

import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { BAN_REASON_LENGTH_MAX, BANS_TEXT_BYTES_MAX, bansBytes } from "../../../src/identity/bans.ts";
import { IdentityStore } from "../../../src/keeper/identity/identity-store.ts";
import { openSite } from "../../../src/keeper/identity/open-site.ts";
import { type MeshProcess, Metrics } from "../../support/mesh-process.ts";
import { connected, listNodes, SiteOfNodes } from "../../support/site-of-nodes.ts";

/** Bans keys of nobody in the state of a node that is not running, until no other fits. Answers how many. */
async function fill(mesh: MeshProcess, trustDomain: string): Promise<number> {
  const host = {
    store: new IdentityStore(mesh.state, {}),
    clocks: () => ({ wallMs: Date.now(), monotonicMs: performance.now() }),
    issue: async () => ({ kind: "failed" as const, reason: "nothing is issued here" }),
  };
  const site = await openSite(host, { trustDomain, node: "till-1", hasTunnel: true, subjects: [] }, () => undefined);
  const longest = "n".repeat(63);
  const reason = "r".repeat(BAN_REASON_LENGTH_MAX);
  const keys = (count: number) => Array.from({ length: count }, () => randomBytes(32).toString("hex"));
  await site.banKeys(longest, keys(370), reason);
  for (;;) {
    try {
      await site.banKeys("n", keys(1), "");
    } catch (error) {
      expect((error as Error).name).toBe("BansFullError");
      break;
    }
  }
  const { bans } = site.trust();
  expect(bansBytes(bans)).toBeLessThanOrEqual(BANS_TEXT_BYTES_MAX);
  site.close();
  return bans.size;
}

describe("a list of banned keys", () => {
  test("takes no reason that is longer than what fits, and says so", async () => {
    await using site = new SiteOfNodes();
    const first = await site.start(1);
    await site.add(2);
    const ban = (reason: string) => first.cli("node", "ban", "till-2", "--reason", reason);
    const long = await ban("x".repeat(BAN_REASON_LENGTH_MAX + 1));
    expect(long.code).toBe(1);
    expect(long.stderr).toContain("a reason has up to 100 characters: this one has 101");
    expect((await ban('"'.repeat(BAN_REASON_LENGTH_MAX / 2 + 1))).stderr).toContain("this one has 102");
    expect((await ban("naïve")).stderr).toContain("a reason is printable ASCII");
    expect((await listNodes(first))["till-2"]?.state).toBe("connected");
    expect((await ban("x".repeat(BAN_REASON_LENGTH_MAX))).code).toBe(0);
    expect((await listNodes(first))["till-2"]).toMatchObject({ state: "banned", problem: "x".repeat(100) });
  }, 40_000);

  test("that is full is taken over by other nodes whole; another ban is refused when it is typed, and counted", async () => {
    await using site = new SiteOfNodes();
    let first = await site.start(1);
    const second = await site.add(2);
    await first.stop();
    const banned = await fill(first, site.trustDomain);
    expect(banned).toBeGreaterThanOrEqual(370);
    const from = second.events.length;
    first = await site.start(1);
    await connected(second, "till-1", from);
    const identity = async (mesh: MeshProcess) =>
      JSON.parse((await mesh.cli("identity", "list", "-o", "json")).stdout) as Readonly<Record<string, unknown>>;
    const taken = async () => ((await identity(second))["banned"] as readonly unknown[]).length;
    for (const endMs = Date.now() + 15_000; Date.now() < endMs && (await taken()) < banned; );
    expect(await taken()).toBe(banned);
    expect((await first.cli("identity", "list")).stdout).toContain(`banned keys ${banned} (the list is 100 % full)`);
    const refused = await first.cli("node", "ban", "till-2", "--reason", "stolen");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`the list of banned keys is full: ${banned} keys take `);
    expect(refused.stderr).toContain("lifted bans included");
    expect((await listNodes(first))["till-2"]?.state).toBe("connected");
    // A token whose machine could not take the other one's place is not given out.
    const replaced = await first.cli("node", "invite", "till-2", "--replace");
    expect(replaced.code).toBe(1);
    expect(replaced.stderr).toContain("the list of banned keys is full");
    const metrics = new Metrics(await (await fetch(`http://${first.ready.metrics}/metrics`)).text());
    expect(metrics.sum("selvedge_limit_exceeded_total", { limit: "banned_keys" })).toBe(2);
    // A node's own ban has room of its own, and lifting always has.
    expect((await second.cli("node", "ban", "till-1", "--reason", "for now")).code).toBe(0);
    expect((await first.cli("node", "unban", "n".repeat(63))).code).toBe(0);
    expect((await first.cli("node", "ban", "till-2", "--reason", "stolen")).code).toBe(0);
  }, 60_000);
});
