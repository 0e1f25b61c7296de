/** What hostile callers leave behind when their connection has been ended: nothing. */
import { expect, test } from "bun:test";
import { GAUGE, UPSTREAM_GAUGE } from "../../src/telemetry/fixed-metrics.ts";
import {
  type Bytes,
  FLAG,
  FRAME,
  frame,
  headers,
  POST,
  PREFACE,
  reset,
  SETTING,
  settings,
  settingsAck,
  text,
  windowUpdate,
} from "../support/http2-frames.ts";
import { RawH2 } from "../support/raw-h2.ts";
import { listenRaw } from "../support/raw-peer.ts";
import { backendDocs, meshText, serviceDoc, workloadDoc } from "../support/test-mesh.ts";
import { until } from "../support/until.ts";
import { startWorker } from "../support/worker-harness.ts";

const CALMED: readonly (readonly [name: string, frames: (id: number) => readonly Bytes[]])[] = [
  ["resets", (id) => [headers(id), reset(id)]],
  ["makes us reset", (id) => [headers(id, POST, FLAG.END_HEADERS), windowUpdate(id, 0)]],
];

for (const [name, frames] of CALMED) {
  test(`a caller that ${name} until its connection ends leaves no request under way at an endpoint that never answers`, async () => {
    using upstream = listenRaw();
    await using worker = await startWorker(meshText({ documents: backendDocs("shop", upstream.port) }));
    using caller = await RawH2.open(worker.outbound);
    for (let i = 0; i < 3000 && !caller.peer.isClosed && !caller.peer.hasEnded; i++) {
      caller.send(...frames(i * 2 + 1));
      if (i % 50 === 0) await Bun.sleep(1);
    }
    expect(await caller.goneWith()).toBe("ENHANCE_YOUR_CALM");
    caller.peer.destroy();
    const { stats } = worker;
    await until(() => stats.gauge(GAUGE.downstreamConnections) === 0, "no caller");
    await until(() => stats.gauge(UPSTREAM_GAUGE.active) === 0, "no request under way");
    expect(stats.gauge(GAUGE.pendingRequests)).toBe(0);
  }, 10_000);
}

test("no HTTP/2 is spoken inside a CONNECT inside a CONNECT: each level would cost its caller nine bytes", async () => {
  using upstream = listenRaw();
  await using worker = await startWorker(meshText({ documents: backendDocs("shop", upstream.port) }));
  using caller = await RawH2.open(worker.outbound);
  const connect = [[":method", "CONNECT"] as const, [":authority", "shop:80"] as const];
  const inside = [text(PREFACE), settings(), settingsAck(), headers(1, connect, FLAG.END_HEADERS)].flat();
  caller.send(headers(1, connect, FLAG.END_HEADERS), frame(FRAME.DATA, 0, 1, inside));
  await until(() => worker.records().length > 0, "the record of the second CONNECT");
  expect(worker.records().map(({ status, flag }) => `${status} ${flag}`)).toEqual(["404 NR"]);
}, 10_000);

test("a caller that gives up more requests than are remembered does not end a connection that others share", async () => {
  const given = 700;
  const seen: number[] = [];
  // Answers what was given up long ago: as anybody does whom the reset reaches too late.
  using upstream = listenRaw(async (peer) => {
    await peer.read(PREFACE.length);
    peer.send(Uint8Array.from([...settings([SETTING.MAX_CONCURRENT_STREAMS, 2000]), ...settingsAck()]));
    for (;;) {
      const head = await peer.read(9);
      await peer.read(head.readUIntBE(0, 3));
      if (head[3] !== FRAME.HEADERS) continue;
      seen.push(head.readUInt32BE(5));
      if (seen.length <= given) continue;
      for (const id of [...seen.slice(1), seen[0]!]) peer.send(Uint8Array.from(headers(id, [[":status", "200"]])));
    }
  });
  const documents = [workloadDoc("shop", upstream.port), serviceDoc("shop", {}, 80, "kubernetes.io/h2c")];
  await using worker = await startWorker(meshText({ documents }));
  using victim = await RawH2.open(worker.outbound);
  victim.send(headers(1));
  await until(() => seen.length === 1, "the request that is to be answered");
  for (let n = 0; n < 2; n++) {
    using caller = await RawH2.open(worker.outbound);
    for (let id = 1; id < given; id += 2) caller.send(headers(id), reset(id));
    await until(() => seen.length === 1 + ((n + 1) * given) / 2, "its requests");
  }
  const answer = await victim.until(({ type, streamId }) => streamId === 1 && type === FRAME.HEADERS);
  expect(answer?.payload[0]).toBe(0x88);
  expect(upstream.peers.length).toBe(1);
}, 10_000);
