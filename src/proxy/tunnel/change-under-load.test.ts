import { beforeAll, expect, test } from "bun:test";
import { TunnelIdentities } from "../../../test/support/tunnel-identities.ts";
import { banNode, TunnelNode, twoNodes } from "../../../test/support/tunnel-node.ts";
import { AnsweringStreams, ask } from "../../../test/support/tunnel-requests.ts";
import { until } from "../../../test/support/until.ts";
import { readCertificate } from "../../identity/certificate.ts";
import { ADDRESS_MISSING_MS } from "./limits.ts";

const WEB = "workload/prod/web";
const SWAPS = 20;
const ASKERS = 8;

const make = () => TunnelIdentities.make("store-042.fleet.example", ["till-1", "till-2", "till-3"]);
let identities: TunnelIdentities;
beforeAll(async () => {
  identities = await make();
});

async function answering(made = identities): Promise<readonly [TunnelNode, TunnelNode, AnsweringStreams]> {
  const streams = new AnsweringStreams();
  const [one, two] = await twoNodes(made, { "till-1": [WEB] }, streams);
  return [one, two, streams];
}

test(`certificates of both nodes are replaced ${SWAPS} times under requests, and none fails`, async () => {
  const [one, two] = await answering();
  using _one = one;
  using _two = two;
  let isOver = false;
  const answers = new Map<string, number>();
  const asking = Array.from({ length: ASKERS }, async () => {
    while (!isOver) {
      const answer = await ask(one, "till-2", WEB);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  });
  const links = new Set<object>();
  for (let swap = 0; swap < SWAPS; swap++) {
    const before = one.tunnels.link("till-2");
    await two.issue();
    await one.issue([WEB]);
    links.add(
      await until(() => {
        const current = one.tunnels.link("till-2");
        return current !== null && current !== before ? current : undefined;
      }, "a link with the new certificates"),
    );
  }
  isOver = true;
  await Promise.all(asking);
  expect([...answers.keys()]).toEqual(["200"]);
  expect(answers.get("200")).toBeGreaterThan(SWAPS * ASKERS);
  expect(links.size).toBe(SWAPS);
  // What was replaced has drained and is closed: one tunnel each way is left.
  await until(() => two.tunnels.accepted.size === 1, "the old tunnels to close");
  expect([...one.refused, ...two.refused]).toEqual([]);
}, 20_000);

test("a ban closes the open tunnels of that node before it is acknowledged, and no other", async () => {
  const made = await make();
  const [one, two] = await answering(made);
  using _one = one;
  using _two = two;
  const held = ask(one, "till-2", WEB, "/hold");
  await until(() => two.tunnels.accepted.size === 1 && one.tunnels.accepted.size === 1, "both tunnels");
  const { keyHash } = readCertificate(made.issuer("till-1").certificate);
  banNode(made, "till-1", keyHash);
  two.trust();
  // Nothing is awaited in between: when the frame is taken, it is done.
  expect(two.tunnels.accepted.size).toBe(0);
  expect(two.tunnels.link("till-1")).toBeNull();
  expect(two.refused.map(({ node, reason }) => `${node} ${reason}`)).toEqual([
    "till-1 key_banned",
    "till-1 key_banned",
  ]);
  expect(await held).toStartWith("reset");
  await until(() => two.refused.length > 2, "the banned node to be refused again");
  expect(two.tunnels.accepted.size).toBe(0);
});

test("a workload whose key is banned, or that moves to another node, is nobody any more at once", async () => {
  const made = await make();
  const [one, two, streams] = await answering(made);
  using _one = one;
  using _two = two;
  expect(await ask(one, "till-2", WEB)).toBe("200");
  const [tunnel] = two.tunnels.accepted;
  two.serve([
    { name: "till-1", hostname: "127.0.0.1", port: one.tunnels.port },
    { name: "till-2" },
    { name: "till-3", workloads: [WEB] },
  ]);
  expect(streams.over.map(({ callers, reason }) => `${callers[0]?.workload} ${reason}`)).toEqual([
    `${WEB} no_longer_believed`,
  ]);
  expect(await ask(one, "till-2", WEB)).toBe("403");
  expect(two.tunnels.accepted.has(tunnel!)).toBe(true);
});

test("a tunnel ends before its certificates do, on a clock that jumps too, and another one takes its place in time", async () => {
  const [one, two, streams] = await answering();
  using _one = one;
  using _two = two;
  expect(await ask(one, "till-2", WEB)).toBe("200");
  const old = one.tunnels.link("till-2");
  const LIFE_MS = 86_400_000;
  one.skewMs = LIFE_MS * 0.81;
  one.trust();
  one.tunnels.tick();
  await until(() => one.tunnels.link("till-2") !== old, "another connection");
  expect(await ask(one, "till-2", WEB)).toBe("200");
  two.skewMs = LIFE_MS;
  two.trust();
  expect(two.tunnels.accepted.size).toBe(0);
  expect(streams.tunnelsGone).toBeGreaterThan(0);
});

test("a node that is gone from the documents is cut off at once, on both sides", async () => {
  const [one, two] = await answering();
  using _one = one;
  using _two = two;
  two.serve([{ name: "till-2" }], { hostname: "127.0.0.2", port: 0 });
  expect(two.tunnels.accepted.size).toBe(0);
  expect(two.tunnels.link("till-1")).toBeNull();
  await until(() => one.tunnels.link("till-2") === null, "the other side to notice");
});

test("a node whose address changes in the documents is reached there, while what is open goes on", async () => {
  const [one, two] = await answering();
  using _one = one;
  using _two = two;
  using moved = new TunnelNode(identities, "till-2");
  const streams = new AnsweringStreams();
  moved.tunnels.streams = streams;
  moved.trust();
  await moved.issue();
  moved.serve([{ name: "till-1", workloads: [WEB] }, { name: "till-2" }], { hostname: "127.0.0.3", port: 0 });
  const held = ask(one, "till-2", WEB, "/hold");
  const before = one.tunnels.link("till-2");
  one.serve([
    { name: "till-1", workloads: [WEB] },
    { name: "till-2", hostname: "127.0.0.3", port: moved.tunnels.port },
  ]);
  await until(() => one.tunnels.link("till-2") !== before, "the new address");
  expect(await ask(one, "till-2", WEB)).toBe("200");
  expect([...moved.tunnels.accepted].map(({ session }) => session.node)).toEqual(["till-1"]);
  expect(two.tunnels.accepted.size).toBe(1);
  two.tunnels.close("gone");
  expect(await held).toStartWith("reset");
});

test("a connection from an address that the machine has no more is given up, and another one is opened", async () => {
  const [one, two] = await answering();
  using _one = one;
  using _two = two;
  const held = ask(one, "till-2", WEB, "/hold");
  const before = one.tunnels.link("till-2")!;
  await until(() => before.streams === 1, "the request to be under way");
  one.addresses = new Set(["127.0.0.1", "127.0.0.2"]);
  one.tunnels.tick();
  one.addresses = new Set(["10.1.1.1"]);
  one.tunnels.tick();
  await Bun.sleep(ADDRESS_MISSING_MS);
  expect(one.tunnels.link("till-2")).toBe(before);
  one.tunnels.tick();
  expect(one.tunnels.link("till-2")).toBeNull();
  expect(await held).toBe("reset -1");
  await one.up("till-2");
  expect(await ask(one, "till-2", WEB)).toBe("200");
});

test("trust that cannot be read is trust in nobody", async () => {
  const [one, two] = await answering();
  using _one = one;
  using _two = two;
  two.tunnels.takeTrust({ ...identities.trustFrame(), bans: Buffer.from("{}") });
  expect(two.tunnels.accepted.size).toBe(0);
  expect(two.tunnels.link("till-1")).toBeNull();
  expect(two.refused.map(({ reason }) => reason)).toContain("bans_form");
});

test("a node whose identity is taken away has no tunnel left, and its port is shut", async () => {
  const [one, two] = await answering();
  using _one = one;
  using _two = two;
  two.tunnels.takeKeys({ workload: "", chain: [], key: new Uint8Array(0) });
  expect(two.tunnels.accepted.size).toBe(0);
  expect(two.tunnels.link("till-1")).toBeNull();
  expect(two.tunnels.port).toBe(0);
  await until(() => one.states.some(({ reason }) => reason.startsWith("connect_econnrefused")), "a refused dial");
});
