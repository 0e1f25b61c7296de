/** Addresses that swallow packets: the kernel would go on for two minutes with each connection that nobody waits for any more. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { blackHole } from "../../../src/kernel/raw-tcp.fixture.ts";
import { LIMIT_COUNTER } from "../../../src/telemetry/fixed-metrics.ts";
import { ask, getText } from "../../support/raw-http.ts";
import { connectRaw } from "../../support/raw-peer.ts";
import { backendDocs, meshText } from "../../support/test-mesh.ts";
import { TunnelIdentities } from "../../support/tunnel-identities.ts";
import { TunnelNode } from "../../support/tunnel-node.ts";
import { until } from "../../support/until.ts";
import { startWorker } from "../../support/worker-harness.ts";

setDefaultTimeout(20_000);

const SYN_SENT = "02";

/** Connections to a port of this machine that are being established. */
function underWay(port: number): number {
  const to = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = readFileSync("/proc/net/tcp", "utf8").split("\n");
  return lines.filter((line) => {
    const [, , remote = "", state] = line.trim().split(/\s+/);
    return remote.endsWith(to) && state === SYN_SENT;
  }).length;
}

test("a request to an endpoint that swallows packets fails in time, and leaves no socket that goes on trying", async () => {
  using hole = blackHole();
  await using worker = await startWorker(meshText({ documents: backendDocs("shop", hole.port) }));
  const callers = await Promise.all(Array.from({ length: 5 }, () => connectRaw({ port: worker.outbound })));
  const answers = Promise.all(callers.map((caller) => ask(caller, getText("/", "shop.prod"))));
  await until(() => underWay(hole.port) === callers.length, "the connections");
  expect((await answers).map(({ status }) => status)).toEqual(callers.map(() => 503));
  await until(() => underWay(hole.port) === 0, "the connections to be given up", 500);
  expect(worker.stats.counter(LIMIT_COUNTER.connect_timeout)).toBeGreaterThan(0);
  for (const caller of callers) caller.destroy();
});

test("a node whose address swallows packets is dialed with one socket at a time", async () => {
  using hole = blackHole();
  const identities = await TunnelIdentities.make("store-042.fleet.example", ["till-1", "till-2"]);
  using node = new TunnelNode(identities, "till-1");
  // The next dial comes late enough to be told from this one.
  node.random = () => 0.9;
  node.trust();
  await node.issue();
  node.serve([{ name: "till-1" }, { name: "till-2", hostname: "127.0.0.1", port: hole.port }]);
  await until(() => underWay(hole.port) === 1, "the dial");
  const failed = new Promise<boolean>((resolve) => node.tunnels.whenUp("till-2", resolve));
  expect(await failed).toBe(false);
  await until(() => underWay(hole.port) === 0, "the socket to be given up, before the next dial", 500);
  await until(() => underWay(hole.port) === 1, "the next dial");
});
