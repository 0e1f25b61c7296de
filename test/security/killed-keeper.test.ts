/** The root's node is killed at any moment of a ban, an invitation or a renewal: what was said to be done stays done. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { seededRandom } from "../support/seeded-random.ts";
import { listNodes, SiteOfNodes } from "../support/site-of-nodes.ts";

setDefaultTimeout(120_000);

/** Longest wait until a kill. Reason: a command takes about as long, most of which is the start of its own process. */
const KILL_WITHIN_MS = 220;

test("a ban that was said to be in force is, an invitation that was printed lets in, and the root is the same", async () => {
  const random = seededRandom(20_261_122);
  await using site = new SiteOfNodes();
  const first = await site.start(1);
  await (await site.add(2)).stop();
  const { key } = (await listNodes(first))["till-1"]!;
  const kills = { afterYes: 0, beforeYes: 0 };
  for (let round = 0; round < 10; round++) {
    const isBan = round % 2 === 0;
    const words = isBan ? ["ban", "till-2", "--reason", `round ${round}`] : ["invite", "till-3"];
    const asked = first.cli("node", ...words);
    await Bun.sleep(random() * KILL_WITHIN_MS);
    const { pid, exited } = first;
    process.kill(pid, "SIGKILL");
    const { code, stdout } = await asked;
    await exited;
    kills[code === 0 ? "afterYes" : "beforeYes"]++;
    await site.start(1);
    const rows = await listNodes(first);
    expect(rows["till-1"]).toMatchObject({ holdsRoot: true, state: "this" });
    if (isBan && code === 0) expect(rows["till-2"]?.state).toBe("banned");
    if (isBan && rows["till-2"]?.state === "banned") await first.cli("node", "unban", "till-2");
    if (!isBan && code === 0) {
      expect(rows["till-3"]?.state).toBe("invited");
      const box = site.node(3, String(round));
      const joined = await site.join(box, stdout.trim());
      expect([joined.code, joined.stderr]).toEqual([0, ""]);
      expect((await first.cli("node", "ban", "till-3", "--reason", "next round")).code).toBe(0);
    }
  }
  console.log(`killed ${kills.beforeYes} times before the answer and ${kills.afterYes} times after it`);
  expect((await listNodes(first))["till-1"]?.key).toBe(key);
});
