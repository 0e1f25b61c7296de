import { expect, test } from "bun:test";
import { GAUGE, UPSTREAM_GAUGE } from "../../../src/telemetry/fixed-metrics.ts";
import { getText, readRequest, readResponse } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer } from "../../support/raw-peer.ts";
import { backendDocs, meshText } from "../../support/test-mesh.ts";
import { until } from "../../support/until.ts";
import { startWorker } from "../../support/worker-harness.ts";

const CONNECTIONS = 200;
const REQUESTS = 20_000;

/** The same storm every time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Answers each request with its own token, and misbehaves every now and then in a way that an honest reader can tell. */
async function serve(peer: RawPeer, random: () => number): Promise<void> {
  for (;;) {
    const { line, body } = await readRequest(peer);
    const token = `${line.split(" ")[1]}${body.length > 0 ? body.toString() : ""}`;
    const whole = `HTTP/1.1 200 OK\r\nContent-Length: ${token.length}\r\n\r\n${token}`;
    const dice = random();
    if (dice < 0.005) return peer.destroy();
    if (dice < 0.01) {
      peer.send(whole.slice(0, -3));
      return peer.destroy();
    }
    if (dice < 0.015) {
      // Surplus at once: nobody may ever see it.
      peer.send(`${whole}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong`);
    } else if (dice < 0.02) {
      peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${token.length}\r\nConnection: close\r\n\r\n${token}`);
      peer.finish();
      return;
    } else if (dice < 0.03) {
      peer.send(whole.slice(0, 20));
      await Bun.sleep(1);
      peer.send(whole.slice(20));
    } else if (dice < 0.1) {
      peer.send(
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${token.length.toString(16)}\r\n${token}\r\n0\r\n\r\n`,
      );
    } else if (dice < 0.11) {
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\n");
      return peer.closed();
    } else peer.send(whole);
  }
}

interface Tally {
  asked: number;
  right: number;
  failed: number;
  broken: number;
  aborted: number;
  mixedUp: string[];
}

async function visit(port: number, name: number, random: () => number, tally: Tally): Promise<void> {
  let peer = await connectRaw({ port });
  let asked = 0;
  while (tally.asked < REQUESTS) {
    tally.asked++;
    asked++;
    const token = `/${name}-${asked}`;
    const isPost = random() < 0.3;
    peer.send(
      isPost
        ? `POST ${token} HTTP/1.1\r\nHost: orders\r\nContent-Length: 3\r\n\r\n+${name % 10}!`
        : getText(token, "orders"),
    );
    const wanted = isPost ? `${token}+${name % 10}!` : token;
    if (random() < 0.01) {
      tally.aborted++;
      peer.destroy();
      peer = await connectRaw({ port });
      continue;
    }
    try {
      const answer = await readResponse(peer);
      if (answer.status === 200 && answer.body.toString() === wanted) tally.right++;
      else if (answer.status === 502 || answer.status === 503) tally.failed++;
      else tally.mixedUp.push(`${wanted}: ${answer.status} ${answer.body.toString().slice(0, 80)}`);
      if (peer.received.length > 0) tally.mixedUp.push(`${wanted}: surplus ${peer.received.toString()}`);
      if (answer.lines.includes("connection: close")) throw new Error("go on with another connection");
    } catch {
      if (peer.isClosed) tally.broken++;
      peer.destroy();
      peer = await connectRaw({ port });
    }
  }
  peer.destroy();
}

test("in a storm of 20,000 requests over 200 connections, nobody gets an answer that is not theirs, and nothing stays behind", async () => {
  const random = seeded(20_261);
  using upstream = listenRaw((peer) => serve(peer, random));
  await using worker = await startWorker(
    meshText({ site: { accessLogSamplePercent: 0 }, documents: backendDocs("orders", upstream.port) }),
  );
  const tally: Tally = { asked: 0, right: 0, failed: 0, broken: 0, aborted: 0, mixedUp: [] };
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, i) => visit(worker.outbound, i, random, tally)));
  expect(tally.mixedUp).toEqual([]);
  expect(tally.right).toBeGreaterThan(REQUESTS * 0.95);
  expect(tally.failed).toBeGreaterThan(100);
  expect(tally.broken).toBeGreaterThan(20);
  const { stats } = worker;
  await until(() => stats.gauge(GAUGE.downstreamConnections) === 0, "no connection of a caller");
  await until(() => stats.gauge(UPSTREAM_GAUGE.active) === 0, "no request under way");
  expect(stats.gauge(GAUGE.pendingRequests)).toBe(0);
  expect(stats.gauge(UPSTREAM_GAUGE.connecting)).toBe(0);
  stats.refresh();
  const counts = new Map<string, number>();
  for (const series of stats.series) {
    const key = `${series.code} ${series.flag}`;
    counts.set(key, (counts.get(key) ?? 0) + stats.seriesCount(series));
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  // A request whose caller was gone before its head was read is none.
  expect(total).toBeWithin(tally.asked - tally.aborted, tally.asked + 1);
  expect((counts.get("200 -") ?? 0) + (counts.get("200 DC") ?? 0)).toBeGreaterThanOrEqual(tally.right);
}, 30_000);
