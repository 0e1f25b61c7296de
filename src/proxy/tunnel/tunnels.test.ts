import { beforeAll, expect, test } from "bun:test";
import { TunnelIdentities } from "../../../test/support/tunnel-identities.ts";
import { twoNodes } from "../../../test/support/tunnel-node.ts";
import { until } from "../../../test/support/until.ts";
import { PEER_STATUS } from "../../wire/channel/frames.ts";
import { NO_HANDLE } from "./sent-proofs.ts";

const WEB = "workload/prod/web";
let identities: TunnelIdentities;
beforeAll(async () => {
  identities = await TunnelIdentities.make("store-042.fleet.example", ["till-1", "till-2", "till-3"]);
});

test("two nodes dial each other, and each is told of both tunnels", async () => {
  const [one, two] = await twoNodes(identities);
  using _one = one;
  using _two = two;
  for (const [node, other] of [
    [one, "till-2"],
    [two, "till-1"],
  ] as const) {
    await until(() => node.states.length === 2, "both tunnels");
    expect(node.states.map((state) => `${state.node} ${state.direction} ${state.isUp}`).sort()).toEqual([
      `${other} dialer true`,
      `${other} listener true`,
    ]);
    expect(node.refused).toEqual([]);
  }
});

test("a workload that speaks has proven itself first, once for each connection", async () => {
  const [one, two] = await twoNodes(identities, { "till-1": [WEB] });
  using _one = one;
  using _two = two;
  const link = await one.up("till-2");
  const handle = one.tunnels.handleFor(link, WEB, () => undefined);
  expect(handle).toBeGreaterThan(NO_HANDLE.PENDING);
  expect(one.tunnels.handleFor(link, WEB, () => undefined)).toBe(handle);
  const [tunnel] = two.tunnels.accepted;
  const caller = await until(() => tunnel!.caller(handle), "the proof");
  expect([caller.workload, caller.namespace, caller.serviceAccount]).toEqual([WEB, "prod", "web"]);
  expect(tunnel!.caller(handle + 2)).toBeUndefined();
  expect(one.tunnels.handleFor(link, "workload/prod/other", () => undefined)).toBe(NO_HANDLE.NO_KEYS);
});

test("keepers talk to each other through the tunnel", async () => {
  const [one, two] = await twoNodes(identities);
  using _one = one;
  using _two = two;
  const bytes = Buffer.from("ban till-9");
  const { promise, resolve } = Promise.withResolvers<string>();
  one.tunnels.send("till-2", 7, bytes, (status, answer) => resolve(`${status} ${Buffer.from(answer).toString()}`));
  const { requestId, question } = await until(() => two.questions[0], "the message");
  expect({ ...question, bytes: Buffer.from(question.bytes).toString() }).toEqual({
    door: "tunnel",
    node: "till-1",
    address: "127.0.0.1",
    kind: 7,
    bytes: "ban till-9",
  });
  two.tunnels.answered(requestId, 250, Buffer.from("taken"));
  expect(await promise).toBe("250 taken");
  const absent = Promise.withResolvers<number>();
  one.tunnels.send("till-3", 7, bytes, (status) => absent.resolve(status));
  expect(await absent.promise).toBe(PEER_STATUS.NOT_CONNECTED);
});
