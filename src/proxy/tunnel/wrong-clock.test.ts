/** The machine's clock is wrong, and TLS goes by no other: nodes judge by the keeper's time and find each other all the same. */
import { expect, test } from "bun:test";
import { TunnelIdentities } from "../../../test/support/tunnel-identities.ts";
import { twoNodes } from "../../../test/support/tunnel-node.ts";
import { AnsweringStreams, ask } from "../../../test/support/tunnel-requests.ts";
import { until } from "../../../test/support/until.ts";

const WEB = "workload/prod/web";
const DAY_MS = 86_400_000;

/** As two nodes whose machines' clocks are `-aheadMs` off the time that their keepers know. */
async function nodesAt(aheadMs: number) {
  const identities = await TunnelIdentities.make("store.example", ["till-1", "till-2"], Date.now() + aheadMs);
  const [one, two] = await twoNodes(identities, { "till-1": [WEB] }, new AnsweringStreams(), aheadMs);
  return { identities, one, two };
}

for (const [what, aheadMs] of [
  ["years behind, as one that lost its battery", 20 * 365 * DAY_MS],
  ["a week behind", 7 * DAY_MS],
  ["a week ahead", -7 * DAY_MS],
] as const) {
  test(`two nodes whose clocks are ${what} talk to each other`, async () => {
    const { one, two } = await nodesAt(aheadMs);
    using _one = one;
    using _two = two;
    expect(await ask(one, "till-2", WEB)).toBe("200");
    expect([...one.refused, ...two.refused]).toEqual([]);
  });
}

test("a clock that is wrong on one machine only keeps nobody out", async () => {
  const { identities, one, two } = await nodesAt(0);
  using _one = one;
  using _two = two;
  // The certificates are of the true time; only what one machine takes for the time is years off.
  one.wallSkewMs = -20 * 365 * DAY_MS;
  one.trust();
  await one.issue([WEB]);
  const before = one.tunnels.link("till-2");
  await until(() => one.tunnels.link("till-2") !== before || undefined, "a link with the new certificates");
  expect(await ask(one, "till-2", WEB)).toBe("200");
  expect(identities.nowMs - Date.now()).toBeLessThan(1_000);
});

test("what is over by the judged time is refused, whatever the machine's clock would still let pass", async () => {
  const { identities, one, two } = await nodesAt(0);
  using _one = one;
  using _two = two;
  two.skewMs = 2 * DAY_MS;
  two.trust();
  expect(two.tunnels.accepted.size).toBe(0);
  await until(
    () => two.refused.some(({ reason }) => reason === "expired") || undefined,
    "the expired one to be refused",
  );
  expect(two.tunnels.accepted.size).toBe(0);
  // New ones of that time are let in again, although the machine's clock says that their time is to come.
  identities.aheadMs = 2 * DAY_MS;
  for (const node of [one, two]) {
    node.skewMs = 2 * DAY_MS;
    node.trust();
    await node.issue([WEB]);
  }
  await one.up("till-2");
  expect(await ask(one, "till-2", WEB)).toBe("200");
});
