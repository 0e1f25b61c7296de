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
  settings,
  settingsAck,
  text,
  windowUpdate,
} from "../support/http2-frames.ts";
import { RawH2 } from "../support/raw-h2.ts";
import { listenRaw } from "../support/raw-peer.ts";
import { backendDocs, meshText } from "../support/test-mesh.ts";
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
