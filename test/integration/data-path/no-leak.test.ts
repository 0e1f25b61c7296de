import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { COUNTER, GAUGE, UPSTREAM_GAUGE } from "../../../src/telemetry/fixed-metrics.ts";
import { ownBytesOf } from "../../support/own-bytes.ts";
import { answering, answerText, getText, readResponse } from "../../support/raw-http.ts";
import { connectRaw, listenRaw } from "../../support/raw-peer.ts";
import { backendDocs, meshText } from "../../support/test-mesh.ts";
import { until } from "../../support/until.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

const CONNECTIONS = 2_000;
const AT_ONCE = 50;
const PER_CONNECTION = 5;
const GROWTH_BYTES_MAX = 24 * 2 ** 20;

function counted(worker: WorkerHarness): Map<number, number> {
  const counts = new Map<number, number>();
  worker.stats.refresh();
  for (const series of worker.stats.series) {
    if (series.kind !== "http") continue;
    counts.set(series.code, (counts.get(series.code) ?? 0) + worker.stats.seriesCount(series));
  }
  return counts;
}

interface Seen {
  /** Answers by status. */
  readonly statuses: Map<number, number>;
  aborted: number;
}

/** One connection: some requests, of which the last may be abandoned in its head, in its body, or behind it. */
async function visit(port: number, index: number, seen: Seen): Promise<void> {
  const peer = await connectRaw({ port });
  for (let i = 0; i < PER_CONNECTION; i++) {
    const way = (index * PER_CONNECTION + i) % 37;
    if (way === 7) {
      peer.send("GET / HTT");
      break;
    }
    if (way === 13) {
      peer.send("POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 100\r\n\r\nsome");
      seen.aborted++;
      break;
    }
    if (way === 23) {
      peer.send(getText("/abandoned", "orders"));
      seen.aborted++;
      break;
    }
    peer.send(
      way % 3 === 0
        ? "POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 4\r\n\r\nbody"
        : getText("/", way % 11 === 0 ? "nowhere" : "orders"),
    );
    const { status } = await readResponse(peer);
    seen.statuses.set(status, (seen.statuses.get(status) ?? 0) + 1);
  }
  peer.destroy();
}

test("10,000 requests over 2,000 connections, many of them abandoned, leave no connection, no request and no memory behind, and are all counted", async () => {
  using upstream = listenRaw(answering(() => answerText("ok")));
  await using worker = await startWorker(
    meshText({ site: { accessLogSamplePercent: 0 }, documents: backendDocs("orders", upstream.port) }),
  );
  const seen: Seen = { statuses: new Map(), aborted: 0 };
  const run = async (count: number): Promise<void> => {
    let next = 0;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (next < count) await visit(worker.outbound, next++, seen);
      }),
    );
    await until(() => worker.stats.gauge(GAUGE.downstreamConnections) === 0, "no connection of a caller");
  };
  await run(CONNECTIONS / 4);
  await run(CONNECTIONS / 4);
  const warm = ownBytesOf(worker.pid);
  const openBefore = readdirSync(`/proc/${worker.pid}/fd`).length;
  await run(CONNECTIONS / 2);
  const { stats } = worker;
  await until(() => stats.gauge(UPSTREAM_GAUGE.active) === 0, "no request under way");
  expect([stats.gauge(UPSTREAM_GAUGE.connecting), stats.gauge(GAUGE.pendingRequests)]).toEqual([0, 0]);
  expect(stats.counter(COUNTER.connectionsAccepted)).toBe(CONNECTIONS);
  await until(
    () => stats.gauge(UPSTREAM_GAUGE.idle) === upstream.peers.filter((peer) => !peer.hasEnded).length,
    "as many idle connections as the endpoint has",
  );
  expect(readdirSync(`/proc/${worker.pid}/fd`).length).toBeLessThan(openBefore + AT_ONCE);
  expect(ownBytesOf(worker.pid) - warm).toBeLessThan(GROWTH_BYTES_MAX);
  const counts = counted(worker);
  const answered = [...seen.statuses.values()].reduce((sum, count) => sum + count, 0);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  // Whoever is gone before it is accepted has no identity, and a short name from nobody is 404.
  const notFound = seen.statuses.get(404) ?? 0;
  expect(counts.get(404) ?? 0).toBeWithin(notFound, notFound + seen.aborted + 1);
  // An abandoned request counts, unless its caller was gone before anything of it was read.
  expect(total).toBeWithin(answered, answered + seen.aborted + 1);
  expect((counts.get(200) ?? 0) + (counts.get(0) ?? 0)).toBeGreaterThanOrEqual(seen.statuses.get(200) ?? 0);
}, 15_000);
