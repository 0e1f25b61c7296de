import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rawClose, rawConnect, rawListen, rawPort } from "../../../src/kernel/raw-tcp.fixture.ts";
import type { SnapshotRecord } from "../../../src/model/snapshot.ts";
import { CONNECT_TIMEOUT_MS } from "../../../src/proxy/limits.ts";
import { answering, answerText, ask, getText, headerOf } from "../../support/raw-http.ts";
import { connectRaw, listenRaw } from "../../support/raw-peer.ts";
import { backendDocs, doc, ISTIO_NETWORKING, meshText, serviceDoc, workloadDoc } from "../../support/test-mesh.ts";
import { compileYaml, startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

/** What `rawListen` asks the kernel for. */
const QUEUE_LENGTH = 16;

async function tally(worker: WorkerHarness, requests: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const caller = await connectRaw({ port: worker.outbound });
  for (let i = 0; i < requests; i++) {
    const answer = await ask(caller, getText("/", "orders"));
    const name =
      answer.status === 200 ? answer.body.toString() : `${answer.status} ${headerOf(answer, "x-selvedge-reason")}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  caller.destroy();
  return counts;
}

const two = (a: number, b: number) => [
  workloadDoc("orders-a", a, { serviceAccount: "orders" }, { app: "orders" }),
  workloadDoc("orders-b", b, { serviceAccount: "orders" }, { app: "orders" }),
  serviceDoc("orders"),
];

/** A port on which nobody listens. */
function deadPort(): number {
  using server = listenRaw();
  return server.port;
}

describe("of two endpoints", () => {
  test("both get about half of the requests", async () => {
    using a = listenRaw(answering(() => answerText("a")));
    using b = listenRaw(answering(() => answerText("b")));
    await using worker = await startWorker(meshText({ documents: two(a.port, b.port) }));
    const counts = await tally(worker, 400);
    expect(counts["a"]).toBeGreaterThan(130);
    expect(counts["b"]).toBeGreaterThan(130);
  });

  test("each gets its turn under ROUND_ROBIN, and both get some under RANDOM", async () => {
    using a = listenRaw(answering(() => answerText("a")));
    using b = listenRaw(answering(() => answerText("b")));
    const balanced = (simple: string) => {
      const host = "orders.prod.svc.cluster.local";
      const rule = doc(ISTIO_NETWORKING, "DestinationRule", "orders", {
        host,
        trafficPolicy: { loadBalancer: { simple } },
      });
      return meshText({ documents: [...two(a.port, b.port), rule] });
    };
    await using worker = await startWorker(balanced("ROUND_ROBIN"));
    expect(await tally(worker, 100)).toEqual({ a: 50, b: 50 });
    await worker.apply(balanced("RANDOM"));
    const counts = await tally(worker, 200);
    expect(Math.min(counts["a"] ?? 0, counts["b"] ?? 0)).toBeGreaterThan(50);
  });

  test("one that refuses connections costs nobody a request, and is counted as where it was tried", async () => {
    using a = listenRaw(answering(() => answerText("a")));
    await using worker = await startWorker(meshText({ documents: two(a.port, deadPort()) }));
    expect(await tally(worker, 100)).toEqual({ a: 100 });
    worker.stats.refresh();
    const workloads = new Set(
      worker.stats.series.filter(({ kind }) => kind === "http").map(({ edge }) => edge.destination.workload),
    );
    expect(workloads).toEqual(new Set(["orders-a"]));
    const bodies = await connectRaw({ port: worker.outbound });
    for (let i = 0; i < 20; i++) {
      const answer = await ask(bodies, "POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 2\r\n\r\nab");
      expect(answer.status).toBe(200);
    }
    bodies.destroy();
  });

  test("one that comes back is used again", async () => {
    using a = listenRaw(answering(() => answerText("a")));
    const port = deadPort();
    await using worker = await startWorker(meshText({ documents: two(a.port, port) }));
    expect(await tally(worker, 20)).toEqual({ a: 20 });
    using _b = listenRaw(
      answering(() => answerText("b")),
      { port },
    );
    const endsAtMs = Date.now() + 3_000;
    let counts: Record<string, number> = {};
    while (counts["b"] === undefined && Date.now() < endsAtMs) {
      counts = await tally(worker, 20);
      await Bun.sleep(50);
    }
    expect(counts["b"]).toBeGreaterThan(0);
  });

  test("a drained one gets nothing new, and where both are drained nobody is there", async () => {
    using a = listenRaw(answering(() => answerText("a")));
    using b = listenRaw(answering(() => answerText("b")));
    const records = compileYaml(meshText({ documents: two(a.port, b.port) }));
    const drained = (isDrained: (workload: string) => boolean): SnapshotRecord[] =>
      records.map((record) =>
        record.kind === "service"
          ? {
              ...record,
              ports: record.ports.map((port) => ({
                ...port,
                endpoints: port.endpoints.map((one) => ({ ...one, drained: isDrained(one.workload ?? "") })),
              })),
            }
          : record,
      );
    await using worker = await startWorker(meshText({ documents: two(a.port, b.port) }));
    await worker.applyRecords(drained((workload) => workload.endsWith("-b")));
    expect(await tally(worker, 50)).toEqual({ a: 50 });
    await worker.applyRecords(drained(() => true));
    expect(await tally(worker, 3)).toEqual({ "503 UH": 3 });
  });
});

describe("an endpoint", () => {
  test("that refuses connections is 503 UF where it is the only one", async () => {
    await using worker = await startWorker(meshText({ documents: backendDocs("orders", deadPort()) }));
    expect(await tally(worker, 3)).toEqual({ "503 UF": 3 });
  });

  test("that does not exist is 503 UH", async () => {
    await using worker = await startWorker(meshText({ documents: [serviceDoc("orders")] }));
    expect(await tally(worker, 2)).toEqual({ "503 UH": 2 });
  });

  test("on a unix socket serves like any other", async () => {
    const folder = mkdtempSync(join(tmpdir(), "selvedge-unix-"));
    const path = join(folder, "orders.sock");
    using _server = listenRaw(
      answering((request) => answerText(request.body.toString() || "u")),
      { unix: path },
    );
    const workload = workloadDoc("orders", 1, { address: `unix:${path}`, ports: {} });
    await using worker = await startWorker(meshText({ documents: [workload, serviceDoc("orders")] }));
    expect(await tally(worker, 20)).toEqual({ u: 20 });
    const caller = await connectRaw({ port: worker.outbound });
    const body = "x".repeat(300_000);
    const answer = await ask(
      caller,
      `POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(answer.body.length).toBe(body.length);
    caller.destroy();
    rmSync(folder, { recursive: true });
  });

  test("whose connections nobody accepts in time is 503 UF", async () => {
    const listener = rawListen();
    const port = rawPort(listener);
    // The queue of the listener is full: what comes now gets no answer at all.
    const waiting = Array.from({ length: QUEUE_LENGTH + 1 }, () => rawConnect(port));
    await using worker = await startWorker(meshText({ documents: backendDocs("orders", port) }));
    const startedMs = Date.now();
    expect(await tally(worker, 1)).toEqual({ "503 UF": 1 });
    expect(Date.now() - startedMs).toBeGreaterThanOrEqual(CONNECT_TIMEOUT_MS - 50);
    for (const fd of [...waiting, listener]) rawClose(fd);
  });

  test("on which somebody else listens is never sent a byte, and beside a right one costs nobody a request", async () => {
    // This process is the squatter: the workload runs as another user.
    using squatter = listenRaw();
    const selectors = [["unix:uid:65533"]];
    const alone = workloadDoc("orders", squatter.port, { selectors });
    await using worker = await startWorker(meshText({ documents: [alone, serviceDoc("orders")] }));
    expect(await tally(worker, 3)).toEqual({ "503 LISTENER_MISMATCH": 3 });
    using right = listenRaw(answering(() => answerText("right")));
    const both = [
      workloadDoc("orders-a", squatter.port, { serviceAccount: "orders", selectors }, { app: "orders" }),
      workloadDoc("orders-b", right.port, { serviceAccount: "orders" }, { app: "orders" }),
      serviceDoc("orders"),
    ];
    await worker.apply(meshText({ documents: both }));
    expect(await tally(worker, 40)).toEqual({ right: 40 });
    expect(squatter.peers.length).toBeGreaterThan(0);
    expect(squatter.peers.map((peer) => peer.totalBytes).filter((bytes) => bytes > 0)).toEqual([]);
  });
});
