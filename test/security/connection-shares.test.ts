/** One caller, or whoever reaches an open port, cannot take all connections from everybody else. */
import { expect, test } from "bun:test";
import { ConnectionShares, NO_SHARE, shareOf } from "../../src/proxy/downstream/connection-shares.ts";
import { METRICS_CONNECTIONS_MAX } from "../../src/proxy/limits.ts";
import { answering, answerText, ask, getText } from "../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer } from "../support/raw-peer.ts";
import { backendDocs, meshText } from "../support/test-mesh.ts";
import { startWorker } from "../support/worker-harness.ts";

test("a user, and the Gateways together, leave an eighth to the others", () => {
  const shares = new ConnectionShares(80);
  for (const share of [shareOf("outbound", 1000), shareOf("gateway", -1), shareOf("outbound", -1)]) {
    for (let i = 0; i < 70; i++) expect(shares.take(share)).toBe(true);
    expect(shares.take(share)).toBe(false);
  }
  expect(shares.take(shareOf("service", 1001))).toBe(true);
  // The listeners of services are the same user's too.
  expect(shares.take(shareOf("service", 1000))).toBe(false);
});

test("what was given back can be taken again, and nothing is given back twice", () => {
  const shares = new ConnectionShares(8);
  for (let i = 0; i < 7; i++) shares.take(5);
  shares.give(5);
  shares.give(NO_SHARE);
  expect([shares.take(5), shares.take(5)]).toEqual([true, false]);
});

test("idle connections to /metrics are bounded, end, and leave calls alone", async () => {
  using orders = listenRaw(answering(() => answerText("reached")));
  await using worker = await startWorker(meshText({ documents: backendDocs("orders", orders.port) }));
  const metrics = worker.port("listener/metrics/127.0.0.1:0");
  const peers: RawPeer[] = [];
  for (let i = 0; i < METRICS_CONNECTIONS_MAX + 5; i++) peers.push(await connectRaw({ port: metrics }));
  const late = peers.slice(METRICS_CONNECTIONS_MAX);
  for (const peer of late)
    expect(
      await ask(peer, getText("/metrics", "x")).then(
        () => "answered",
        () => "cut",
      ),
    ).toBe("cut");
  const caller = await connectRaw({ port: worker.outbound });
  expect((await ask(caller, getText("/", "orders"))).body.toString()).toBe("reached");
  for (const peer of [...peers, caller]) peer.destroy();
});
