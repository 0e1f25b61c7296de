/** The file was changed on one node and not brought to the other: what callers get, and whether anybody can find out why. */
import { expect, test } from "bun:test";
import { startOrigin } from "../../support/mesh-load.ts";
import { shopOnNodes } from "../../support/shop-on-nodes.ts";
import { connected, SiteOfNodes } from "../../support/site-of-nodes.ts";

test("an endpoint that one node knows and the other does not is 503 UH, and why asks on both whether the files are the same", async () => {
  await using origin = await startOrigin("orders");
  await using site = new SiteOfNodes();
  for (const number of [1, 2])
    site.node(number).write(site.documents(number, shopOnNodes("node: till-1", origin.port)));
  const first = await site.start(1);
  const second = await site.add(2);
  await connected(second, "till-1");
  expect((await first.get("orders.prod")).status).toBe(200);
  const from = second.events.length;
  second.write(site.documents(2, shopOnNodes("node: till-1", 1)));
  second.signal("SIGHUP");
  await second.event("config_applied", from);
  const refused = await first.get("orders.prod");
  expect([refused.status, refused.headers.get("x-selvedge-reason")]).toEqual([503, "UH"]);
  const id = refused.headers.get("x-selvedge-id") ?? "";
  expect((await first.cli("why", id)).stdout).toContain("the documents of till-2 are not the same as here");
  const there = (await second.cli("why", id)).stdout;
  expect(there).toContain(
    "node till-1 asked for an endpoint that is drained here, or that the documents of this one do not have",
  );
}, 40_000);
