import { describe, expect, test } from "bun:test";
import { GAUGE, UPSTREAM_GAUGE } from "../../../src/telemetry/fixed-metrics.ts";
import { answering, answerText, ask, getText, headerOf, readRequest, readResponse } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer } from "../../support/raw-peer.ts";
import { backendDocs, meshText, poolDoc } from "../../support/test-mesh.ts";
import { until } from "../../support/until.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

type Json = Readonly<Record<string, unknown>>;

async function withOrders(
  script: (peer: RawPeer, index: number) => Promise<void>,
  body: (worker: WorkerHarness, upstream: ReturnType<typeof listenRaw>) => Promise<void>,
  more: readonly Json[] = [],
): Promise<void> {
  using upstream = listenRaw(script);
  await using worker = await startWorker(meshText({ documents: [...backendDocs("orders", upstream.port), ...more] }));
  await body(worker, upstream);
}

const POST = "POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 2\r\n\r\nab";

describe("connections to an endpoint", () => {
  test("are used again, the one used last first", async () => {
    await withOrders(
      (peer, index) => answering(() => answerText(String(index)))(peer),
      async (worker) => {
        const callers = await Promise.all(Array.from({ length: 4 }, () => connectRaw({ port: worker.outbound })));
        for (const caller of callers) caller.send(getText("/", "orders"));
        const used: string[] = [];
        for (const caller of callers) used.push((await readResponse(caller)).body.toString());
        // One after another from now on: all by the same connection, so that the others can grow old.
        const again = new Set<string>();
        for (let i = 0; i < 12; i++) again.add((await ask(callers[i % 4]!, getText("/", "orders"))).body.toString());
        expect(again.size).toBe(1);
        for (const caller of callers) caller.destroy();
      },
    );
  });

  test("are closed, without a reset, before an endpoint that announces its idle time closes them", async () => {
    await withOrders(
      async (peer) => {
        await readRequest(peer);
        peer.send(answerText("ok", "Keep-Alive: timeout=1"));
        await peer.ended();
      },
      async (worker, upstream) => {
        const caller = await connectRaw({ port: worker.outbound });
        await ask(caller, getText("/", "orders"));
        const startedMs = Date.now();
        await upstream.peers[0]!.ended();
        expect(Date.now() - startedMs).toBeLessThan(900);
        expect(upstream.peers[0]!.isClosed).toBe(false);
        expect((await ask(caller, getText("/", "orders"))).status).toBe(200);
        caller.destroy();
      },
    );
  });

  test("are closed after the idle time-out of a DestinationRule", async () => {
    await withOrders(
      answering(() => answerText("ok")),
      async (worker, upstream) => {
        const caller = await connectRaw({ port: worker.outbound });
        await ask(caller, getText("/", "orders"));
        await upstream.peers[0]!.ended();
        await until(() => worker.stats.gauge(UPSTREAM_GAUGE.idle) === 0, "the idle gauge");
        caller.destroy();
      },
      [poolDoc("orders", { http: { idleTimeout: "200ms" } })],
    );
  });

  test("are bounded by maxConnections, and who waits gets one in turn", async () => {
    let open = 0;
    let most = 0;
    await withOrders(
      async (peer) => {
        await answering(async () => {
          most = Math.max(most, ++open);
          await Bun.sleep(5);
          open--;
          return answerText("ok");
        })(peer);
      },
      async (worker, upstream) => {
        const callers = await Promise.all(Array.from({ length: 20 }, () => connectRaw({ port: worker.outbound })));
        const answers = await Promise.all(callers.map((caller) => ask(caller, getText("/", "orders"))));
        expect(answers.map((answer) => answer.status)).toEqual(new Array(20).fill(200));
        expect(upstream.peers.length).toBe(2);
        expect(most).toBe(2);
        await until(() => worker.stats.gauge(GAUGE.pendingRequests) === 0, "the pending gauge");
        for (const caller of callers) caller.destroy();
      },
      [poolDoc("orders", { tcp: { maxConnections: 2 } })],
    );
  });

  test("that are all taken let so many wait, and refuse the others with 503 UO", async () => {
    const go = Promise.withResolvers<void>();
    await withOrders(
      answering(async () => {
        await go.promise;
        return answerText("ok");
      }),
      async (worker) => {
        const callers = await Promise.all(Array.from({ length: 6 }, () => connectRaw({ port: worker.outbound })));
        callers[0]!.send(getText("/", "orders"));
        await until(() => worker.stats.gauge(UPSTREAM_GAUGE.active) === 1, "the first request");
        for (const caller of callers.slice(1)) caller.send(getText("/", "orders"));
        const outcome = callers.map((caller) => readResponse(caller));
        const refused = await Promise.race(outcome);
        expect([refused.status, headerOf(refused, "x-selvedge-reason")]).toEqual([503, "UO"]);
        await until(() => worker.stats.gauge(GAUGE.pendingRequests) === 2, "two that wait");
        go.resolve();
        const statuses = (await Promise.all(outcome)).map((answer) => answer.status);
        expect(statuses.toSorted()).toEqual([200, 200, 200, 503, 503, 503]);
        for (const caller of callers) caller.destroy();
      },
      [poolDoc("orders", { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 2 } })],
    );
  });

  test("do not stay taken by callers who went away while they waited", async () => {
    const go = Promise.withResolvers<void>();
    await withOrders(
      answering(async (request) => {
        if (request.line.includes("/first")) await go.promise;
        return answerText(request.line);
      }),
      async (worker, upstream) => {
        const [first, gone, last] = await Promise.all([0, 1, 2].map(() => connectRaw({ port: worker.outbound })));
        first!.send(getText("/first", "orders"));
        await until(() => worker.stats.gauge(UPSTREAM_GAUGE.active) === 1, "the first request");
        gone!.send(getText("/gone", "orders"));
        await until(() => worker.stats.gauge(GAUGE.pendingRequests) === 1, "one that waits");
        gone!.destroy();
        await until(() => worker.stats.gauge(GAUGE.pendingRequests) === 0, "nobody that waits");
        last!.send(getText("/last", "orders"));
        go.resolve();
        expect((await readResponse(first!)).body.toString()).toBe("GET /first HTTP/1.1");
        expect((await readResponse(last!)).body.toString()).toBe("GET /last HTTP/1.1");
        expect(upstream.peers.length).toBe(1);
        first!.destroy();
        last!.destroy();
      },
      [poolDoc("orders", { tcp: { maxConnections: 1 } })],
    );
  });
});

describe("a connection that went stale", () => {
  /** The second request on a connection is read and never answered: the connection is closed. */
  const stale =
    (seen: string[]) =>
    async (peer: RawPeer, index: number): Promise<void> => {
      seen.push((await readRequest(peer)).line);
      peer.send(answerText("ok"));
      if (index > 0) return;
      seen.push((await readRequest(peer)).line);
      peer.destroy();
    };

  test("is replaced, and a safe request goes once more", async () => {
    const seen: string[] = [];
    await withOrders(stale(seen), async (worker) => {
      const caller = await connectRaw({ port: worker.outbound });
      await ask(caller, getText("/1", "orders"));
      expect((await ask(caller, getText("/2", "orders"))).status).toBe(200);
      expect(seen).toEqual(["GET /1 HTTP/1.1", "GET /2 HTTP/1.1", "GET /2 HTTP/1.1"]);
      caller.destroy();
    });
  });

  test("fails a POST, which is never sent twice", async () => {
    const seen: string[] = [];
    await withOrders(stale(seen), async (worker) => {
      const caller = await connectRaw({ port: worker.outbound });
      await ask(caller, getText("/1", "orders"));
      const answer = await ask(caller, POST);
      expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([503, "UC"]);
      expect(seen).toEqual(["GET /1 HTTP/1.1", "POST / HTTP/1.1"]);
      caller.destroy();
    });
  });

  test("fails a GET whose answer had begun", async () => {
    let connections = 0;
    await withOrders(
      async (peer) => {
        connections++;
        await readRequest(peer);
        peer.send(answerText("ok"));
        await readRequest(peer);
        peer.send("HTTP/1.1 200 OK\r\nContent-Le");
        peer.finish();
      },
      async (worker) => {
        const caller = await connectRaw({ port: worker.outbound });
        await ask(caller, getText("/1", "orders"));
        const answer = await ask(caller, getText("/2", "orders"));
        expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([503, "UC"]);
        expect(connections).toBe(1);
        caller.destroy();
      },
    );
  });

  test("because the endpoint closed it while it was idle costs nobody a request, POSTs neither", async () => {
    const seen: string[] = [];
    await withOrders(
      async (peer) => {
        seen.push((await readRequest(peer)).line);
        peer.send(answerText("ok"));
        peer.finish();
      },
      async (worker, upstream) => {
        const caller = await connectRaw({ port: worker.outbound });
        for (let i = 0; i < 20; i++) {
          expect((await ask(caller, POST)).status).toBe(200);
          // The endpoint's last byte may be on its way to the worker while the next request is.
          await upstream.peers.at(-1)!.closed();
        }
        expect(seen.length).toBe(20);
        caller.destroy();
      },
    );
  });
});
