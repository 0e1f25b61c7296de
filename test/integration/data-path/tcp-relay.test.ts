import { afterEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { connectRaw, listenRaw, type RawPeer } from "../../support/raw-peer.ts";
import { meshText, policyDoc, tcpDocs } from "../../support/test-mesh.ts";
import { until } from "../../support/until.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

const CLUSTER_IP = "127.77.9.1";
let port = 15_432;

/** Every test has a port of its own, because the listeners are shared with the whole machine. */
afterEach(() => {
  port++;
});

async function withDatabase(
  script: (peer: RawPeer) => Promise<void>,
  body: (caller: RawPeer, worker: WorkerHarness) => Promise<void>,
  policies: readonly Readonly<Record<string, unknown>>[] = [],
): Promise<void> {
  using upstream = listenRaw(script);
  const documents = [...tcpDocs("db", upstream.port, { clusterIP: CLUSTER_IP }, port), ...policies];
  await using worker = await startWorker(meshText({ documents }));
  const caller = await connectRaw({ hostname: CLUSTER_IP, port });
  try {
    await body(caller, worker);
  } finally {
    caller.destroy();
  }
}

describe("TCP through a loopback clusterIP", () => {
  test("lets the server speak first", async () => {
    await withDatabase(
      async (peer) => {
        peer.send("220 ready\n");
        peer.send((await peer.readThrough("\n")).toUpperCase());
      },
      async (caller) => {
        expect(await caller.readThrough("\n")).toBe("220 ready\n");
        caller.send("select\n");
        expect(await caller.readThrough("\n")).toBe("SELECT\n");
      },
    );
  });

  test("passes the caller's half-close on, and what the server still says", async () => {
    await withDatabase(
      async (peer) => {
        const all = await peer.readAll();
        peer.send(`all ${all.length}`);
        peer.finish();
      },
      async (caller) => {
        caller.send("x".repeat(1_000_000));
        caller.finish();
        expect(await caller.readAll()).toBe("all 1000000");
      },
    );
  });

  test("passes the server's half-close on, and what the caller still says", async () => {
    const seen = Promise.withResolvers<string>();
    await withDatabase(
      async (peer) => {
        peer.send("over");
        peer.finish();
        seen.resolve(await peer.readAll());
      },
      async (caller) => {
        expect(await caller.readAll()).toBe("over");
        caller.send("still here");
        caller.finish();
        expect(await seen.promise).toBe("still here");
      },
    );
  });

  test("passes a reset on", async () => {
    await withDatabase(
      async (peer) => {
        await peer.read(1);
        peer.destroy();
      },
      async (caller) => {
        caller.send("x");
        await caller.closed();
        expect(caller.isClosed).toBe(true);
      },
    );
  });

  test("carries 50 MiB each way at once, unchanged", async () => {
    const chunk = crypto.getRandomValues(new Uint8Array(65_536));
    const total = 50 * 2 ** 20;
    const pour = async (peer: RawPeer): Promise<void> => {
      for (let sent = 0; sent < total; sent += chunk.length) {
        peer.send(chunk);
        if (!peer.isFlushed) await peer.until(() => peer.isFlushed);
      }
      peer.finish();
    };
    const digest = async (peer: RawPeer): Promise<string> => {
      const hash = createHash("sha256");
      for (;;) {
        await peer.until(() => peer.received.length > 0 || peer.hasEnded);
        if (peer.received.length === 0) return hash.digest("hex");
        hash.update(await peer.read(peer.received.length));
      }
    };
    const wanted = createHash("sha256");
    for (let i = 0; i < total; i += chunk.length) wanted.update(chunk);
    const expected = wanted.digest("hex");
    const atServer = Promise.withResolvers<string>();
    await withDatabase(
      async (peer) => {
        const [seen] = await Promise.all([digest(peer), pour(peer)]);
        atServer.resolve(seen);
      },
      async (caller, worker) => {
        const [atCaller] = await Promise.all([digest(caller), pour(caller)]);
        expect(atCaller).toBe(expected);
        expect(await atServer.promise).toBe(expected);
        const record = await until(() => worker.records().find((one) => one.protocol === "TCP"), "the record");
        expect([record.bytesReceived, record.bytesSent]).toEqual([total, total]);
      },
    );
  }, 10_000);

  test("closes the connection of somebody whom policy refuses, before the server sees one", async () => {
    let connections = 0;
    await withDatabase(
      async () => {
        connections++;
      },
      async (caller, worker) => {
        await caller.closed();
        expect(connections).toBe(0);
        expect(caller.totalBytes).toBe(0);
        const record = await until(() => worker.records()[0], "the record");
        expect([record.flag, record.verdict]).toEqual(["RBAC", "denied"]);
      },
      [policyDoc("nobody", "db", "ALLOW", [])],
    );
  });
});
