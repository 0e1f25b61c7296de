import { describe, expect, test } from "bun:test";
import { HEAD_TIMEOUT_MS } from "../../../src/proxy/limits.ts";
import { answerText, ask, getText, headerOf, readRequest, readResponse } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer } from "../../support/raw-peer.ts";
import { backendDocs, meshText, routeDoc, serviceDoc } from "../../support/test-mesh.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

async function withTimeouts(
  timeouts: Readonly<Record<string, string>>,
  script: (peer: RawPeer, index: number) => Promise<void>,
  body: (caller: RawPeer, worker: WorkerHarness) => Promise<void>,
): Promise<void> {
  using upstream = listenRaw(script);
  const rule = { timeouts, backendRefs: [{ name: "v1", port: 80 }] };
  const documents = [serviceDoc("orders"), ...backendDocs("v1", upstream.port), routeDoc("orders", "orders", [rule])];
  await using worker = await startWorker(meshText({ documents }));
  const caller = await connectRaw({ port: worker.outbound });
  try {
    await body(caller, worker);
  } finally {
    caller.destroy();
  }
}

describe("a request that takes too long", () => {
  test("for its route is 504 UT, and the endpoint sees the connection break", async () => {
    const broken = Promise.withResolvers<void>();
    await withTimeouts(
      { request: "200ms" },
      async (peer) => {
        await readRequest(peer);
        await peer.closed();
        broken.resolve();
      },
      async (caller) => {
        const startedMs = Date.now();
        const answer = await ask(caller, getText("/", "orders"));
        expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([504, "UT"]);
        expect(Date.now() - startedMs).toBeWithin(150, 700);
        await broken.promise;
        // The caller's connection goes on.
        expect((await ask(caller, getText("/", "nowhere"))).status).toBe(404);
      },
    );
  });

  test("in its head at the endpoint is 504 UT by backendRequest, however long the whole may take", async () => {
    await withTimeouts(
      { request: "5s", backendRequest: "150ms" },
      async (peer) => {
        await readRequest(peer);
        peer.send("HTTP/1.1 200 OK\r\nContent-");
        await peer.closed();
      },
      async (caller) => {
        const answer = await ask(caller, getText("/", "orders"));
        expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([504, "UT"]);
      },
    );
  });

  test("after its answer began breaks off visibly", async () => {
    await withTimeouts(
      { request: "200ms", backendRequest: "100ms" },
      async (peer) => {
        await readRequest(peer);
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        await peer.closed();
      },
      async (caller) => {
        caller.send(getText("/", "orders"));
        const all = await caller.readAll();
        expect(all).toContain("hello");
        expect(all).not.toContain("\r\n0\r\n");
        expect(caller.isClosed).toBe(true);
      },
    );
  });

  test("only in its body is not the backend's time-out", async () => {
    await withTimeouts(
      { backendRequest: "100ms" },
      async (peer) => {
        await readRequest(peer);
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        await Bun.sleep(300);
        peer.send("world");
      },
      async (caller) => {
        expect((await ask(caller, getText("/", "orders"))).body.toString()).toBe("helloworld");
      },
    );
  });

  test("to be sent does not count against the backend", async () => {
    await withTimeouts(
      { backendRequest: "150ms" },
      async (peer) => {
        const request = await readRequest(peer);
        peer.send(answerText(request.body.toString()));
      },
      async (caller) => {
        caller.send("POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 6\r\n\r\n");
        for (const byte of "slowly") {
          await Bun.sleep(60);
          caller.send(byte);
        }
        expect((await readResponse(caller)).body.toString()).toBe("slowly");
      },
    );
  });

  test("waiting for a connection is 504 UT", async () => {
    await withTimeouts(
      { request: "300ms" },
      async (peer) => {
        await peer.closed();
      },
      async (caller, worker) => {
        const others = await Promise.all([1, 2, 3].map(() => connectRaw({ port: worker.outbound })));
        const answers = await Promise.all([caller, ...others].map((peer) => ask(peer, getText("/", "orders"))));
        expect(answers.map((answer) => answer.status)).toEqual([504, 504, 504, 504]);
        for (const other of others) other.destroy();
      },
    );
  });
});

describe("a head", () => {
  test(
    "that arrives a byte a second, or not at all behind its first byte, is 408; a connection without a request is left alone",
    async () => {
      await withTimeouts(
        {},
        async () => undefined,
        async (caller, worker) => {
          const [dripping, quiet] = await Promise.all([1, 2].map(() => connectRaw({ port: worker.outbound })));
          const startedMs = Date.now();
          const text = getText("/", "orders", `X-Long: ${"y".repeat(500)}`);
          caller.send("GET / HTTP/1.1\r\n");
          const drip = (async () => {
            for (const byte of text) {
              if (dripping!.hasEnded) return;
              dripping!.send(byte);
              await Bun.sleep(250);
            }
          })();
          for (const peer of [caller, dripping!]) {
            const answer = await readResponse(peer);
            expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([408, "DPE"]);
            expect(Date.now() - startedMs).toBeWithin(HEAD_TIMEOUT_MS - 200, HEAD_TIMEOUT_MS + 1_000);
            await peer.ended();
          }
          expect(quiet!.hasEnded).toBe(false);
          quiet!.destroy();
          dripping!.destroy();
          await drip;
        },
      );
    },
    HEAD_TIMEOUT_MS + 3_000,
  );
});
