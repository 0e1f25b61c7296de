/** Two worker processes, each sandboxed as its keeper would start it, and the tunnels between them. */
import { expect, test } from "bun:test";
import { TO_KEEPER, TO_WORKER } from "../../../src/wire/channel/frames.ts";
import type { ToKeeperFrame } from "../../../src/wire/channel/to-keeper-frame.ts";
import { TunnelIdentities } from "../../support/tunnel-identities.ts";
import { until } from "../../support/until.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

const TD = "store-042.fleet.example";

const site = (node: string, tunnel: string, others: Readonly<Record<string, string>>): string => `
apiVersion: selvedge/v1
kind: Site
metadata: { name: store-042 }
spec: { trustDomain: ${TD}, node: ${node}, outbound: "127.0.0.1:0", metrics: "127.0.0.1:0", tunnel: "${tunnel}" }
${Object.entries(others)
  .map(
    ([name, address]) => `---
apiVersion: selvedge/v1
kind: Node
metadata: { name: ${name} }
spec: { address: "${address}" }
`,
  )
  .join("")}`;

const framesOf = <T extends ToKeeperFrame["type"]>(worker: WorkerHarness, type: T) =>
  worker.frames.filter((frame): frame is Extract<ToKeeperFrame, { type: T }> => frame.type === type);

async function identify(worker: WorkerHarness, identities: TunnelIdentities, node: string): Promise<void> {
  worker.send(identities.trustFrame());
  for (const frame of await identities.keyFrames(node, [])) worker.send(frame);
}

function tunnelPort(worker: WorkerHarness): Promise<number> {
  const opened = () =>
    framesOf(worker, TO_KEEPER.LISTENING).find(({ listener }) => listener.startsWith("listener/tunnel/"))?.port;
  return until(opened, "the tunnel's listener");
}

test("workers open the tunnel once they have an identity, reach each other, and acknowledge trust", async () => {
  const identities = await TunnelIdentities.make(TD, ["till-1", "till-2"]);
  const nobody = { "till-1": "127.0.0.1:1", "till-2": "127.0.0.2:1" };
  await using one = await startWorker(site("till-1", "127.0.0.1:0", nobody), undefined, "till-1");
  await using two = await startWorker(site("till-2", "127.0.0.2:0", nobody), undefined, "till-2");
  expect(framesOf(one, TO_KEEPER.LISTENING).some(({ listener }) => listener.includes("tunnel"))).toBe(false);
  await Promise.all([identify(one, identities, "till-1"), identify(two, identities, "till-2")]);
  const places = {
    "till-1": `127.0.0.1:${await tunnelPort(one)}`,
    "till-2": `127.0.0.2:${await tunnelPort(two)}`,
  };
  await one.apply(site("till-1", "127.0.0.1:0", places));
  await two.apply(site("till-2", "127.0.0.2:0", places));
  for (const worker of [one, two]) {
    await until(
      () => new Set(framesOf(worker, TO_KEEPER.TUNNEL).flatMap((f) => (f.isUp ? [f.direction] : []))).size === 2,
      "both tunnels",
    );
    expect(framesOf(worker, TO_KEEPER.TRUST_TAKEN).length).toBe(1);
  }
  one.send({ type: TO_WORKER.PEER_SEND, requestId: 5, node: "till-2", kind: 3, bytes: Buffer.from("hello") });
  const request = await until(() => framesOf(two, TO_KEEPER.PEER_REQUEST)[0], "the message");
  expect([request.door, request.node, request.kind, Buffer.from(request.bytes).toString()]).toEqual([
    "tunnel",
    "till-1",
    3,
    "hello",
  ]);
  two.send({ type: TO_WORKER.PEER_ANSWER, requestId: request.requestId, status: 200, bytes: Buffer.from("hi") });
  const reply = await until(() => framesOf(one, TO_KEEPER.PEER_REPLY)[0], "the answer");
  expect([reply.requestId, reply.status, Buffer.from(reply.bytes).toString()]).toEqual([5, 200, "hi"]);
});
