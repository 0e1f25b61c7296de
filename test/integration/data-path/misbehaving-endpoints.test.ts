import { describe, expect, test } from "bun:test";
import { answerText, ask, getText, headerOf, readRequest, readResponse } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer } from "../../support/raw-peer.ts";
import { backendDocs, meshText } from "../../support/test-mesh.ts";
import { until } from "../../support/until.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

async function withOrders(
  script: (peer: RawPeer, index: number) => Promise<void>,
  body: (caller: RawPeer, worker: WorkerHarness, upstream: ReturnType<typeof listenRaw>) => Promise<void>,
): Promise<void> {
  using upstream = listenRaw(script);
  await using worker = await startWorker(meshText({ documents: backendDocs("orders", upstream.port) }));
  const caller = await connectRaw({ port: worker.outbound });
  try {
    await body(caller, worker, upstream);
  } finally {
    caller.destroy();
  }
}

/** A script that answers each connection's first request with these bytes, then does as told. */
const saying =
  (text: string, then: (peer: RawPeer) => void = () => undefined) =>
  async (peer: RawPeer): Promise<void> => {
    await readRequest(peer);
    peer.send(text);
    then(peer);
    await peer.closed();
  };

/** The caller must be able to tell that what it got is not all. */
async function expectBroken(caller: RawPeer): Promise<string> {
  caller.send(getText("/", "orders"));
  const all = await caller.readAll();
  await caller.closed();
  const [head = "", body = ""] = all.split("\r\n\r\n", 2);
  const length = /content-length: (\d+)/i.exec(head)?.[1];
  if (length !== undefined) expect(body.length).toBeLessThan(Number(length));
  else expect(all).not.toContain("\r\n0\r\n");
  return all;
}

describe("an endpoint that dies", () => {
  for (const [how, end] of [
    ["with a reset", (peer: RawPeer) => peer.destroy()],
    ["with a last byte", (peer: RawPeer) => peer.finish()],
  ] as const) {
    test(`before its answer, ${how}, is 503 UC`, async () => {
      await withOrders(saying("", end), async (caller) => {
        const answer = await ask(caller, getText("/", "orders"));
        expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([503, "UC"]);
        expect((await ask(caller, getText("/", "nowhere"))).status).toBe(404);
      });
    });

    test(`in its head, ${how}, is 503 UC`, async () => {
      await withOrders(saying("HTTP/1.1 200 OK\r\nConte", end), async (caller) => {
        const answer = await ask(caller, getText("/", "orders"));
        expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([503, "UC"]);
      });
    });

    test(`in a body of known length, ${how}, breaks the caller's connection`, async () => {
      await withOrders(
        async (peer) => {
          await readRequest(peer);
          peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
          await Bun.sleep(20);
          end(peer);
        },
        async (caller) => {
          expect(await expectBroken(caller)).toContain("hello");
        },
      );
    });

    test(`in a chunked body, ${how}, breaks the caller's connection`, async () => {
      await withOrders(
        async (peer) => {
          await readRequest(peer);
          peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
          await Bun.sleep(20);
          end(peer);
        },
        async (caller) => {
          expect(await expectBroken(caller)).toContain("hello");
        },
      );
    });
  }

  test("by a reset in an answer until the close breaks the caller's connection", async () => {
    await withOrders(
      async (peer) => {
        await readRequest(peer);
        peer.send("HTTP/1.1 200 OK\r\n\r\nhello");
        await Bun.sleep(20);
        peer.destroy();
      },
      async (caller) => {
        expect(await expectBroken(caller)).toContain("hello");
      },
    );
  });
});

describe("an endpoint that says too much", () => {
  const surplus: [string, string][] = [
    ["behind a known length", `${answerText("ok")}SURPLUS`],
    ["behind the last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nSURPLUS"],
    ["behind a 204", "HTTP/1.1 204 No Content\r\n\r\nSURPLUS"],
    ["as a second answer", answerText("ok") + answerText("SURPLUS")],
    ["as a body of a 304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\nSURPLUS"],
  ];
  for (const [what, text] of surplus) {
    test(`${what} loses the connection, and nobody gets it`, async () => {
      await withOrders(saying(text), async (caller, _worker, upstream) => {
        for (let i = 0; i < 3; i++) {
          const answer = await ask(caller, getText("/", "orders"));
          expect(answer.status).toBeLessThan(400);
          expect(answer.body.toString()).not.toContain("SURPLUS");
        }
        expect(caller.received.length).toBe(0);
        expect(upstream.peers.length).toBe(3);
      });
    });
  }

  test("to a HEAD loses the connection", async () => {
    await withOrders(saying(answerText("SURPLUS")), async (caller, _worker, upstream) => {
      const request = getText("/", "orders").replace("GET", "HEAD");
      for (let i = 0; i < 2; i++) expect((await ask(caller, request, true)).status).toBe(200);
      expect(caller.received.length).toBe(0);
      expect(upstream.peers.length).toBe(2);
    });
  });

  test("while nobody asks loses the connection", async () => {
    await withOrders(
      saying(answerText("ok"), (peer) => setTimeout(() => peer.send(answerText("SURPLUS")), 30)),
      async (caller, _worker, upstream) => {
        expect((await ask(caller, getText("/", "orders"))).body.toString()).toBe("ok");
        await upstream.peers[0]!.ended();
        expect((await ask(caller, getText("/", "orders"))).body.toString()).toBe("ok");
        expect(upstream.peers.length).toBe(2);
      },
    );
  });
});

describe("an answer that is none", () => {
  const broken: [string, string][] = [
    ["no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n"],
    ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
    ["a status of 600", "HTTP/1.1 600 What\r\nContent-Length: 0\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
    ["a length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["a folded line", "HTTP/1.1 200 OK\r\nX-A: 1\r\n b\r\nContent-Length: 0\r\n\r\n"],
    ["a bare line feed", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"],
    ["a head without end", `HTTP/1.1 200 OK\r\nX-A: ${"a".repeat(40_000)}\r\n\r\n`],
    ["a switch of protocols", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"],
    ["interim answers without end", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(2_000)],
  ];
  for (const [what, text] of broken) {
    test(`because of ${what} is 502 UPE, and the connection is not used again`, async () => {
      await withOrders(saying(text), async (caller, _worker, upstream) => {
        for (let i = 0; i < 2; i++) {
          const answer = await ask(caller, getText("/", "orders"));
          expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([502, "UPE"]);
        }
        expect(upstream.peers.length).toBe(2);
      });
    });
  }

  test("because a chunk in its middle is broken breaks the caller's connection", async () => {
    await withOrders(
      saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nZZ\r\n"),
      async (caller) => {
        expect(await expectBroken(caller)).not.toContain("ZZ");
      },
    );
  });

  test("an unknown status that is one is passed on as it is", async () => {
    await withOrders(saying("HTTP/1.1 299 Whatever\r\nContent-Length: 2\r\n\r\nok"), async (caller) => {
      const answer = await ask(caller, getText("/", "orders"));
      expect([answer.line, answer.body.toString()]).toEqual(["HTTP/1.1 299 Whatever", "ok"]);
    });
  });
});

test("an endpoint that misbehaves after each answer leaves nothing behind", async () => {
  await withOrders(saying(`${answerText("ok")}SURPLUS`), async (caller, worker) => {
    for (let i = 0; i < 30; i++) await ask(caller, getText("/", "orders"));
    const { stats } = worker;
    await until(() => stats.gauge(16) + stats.gauge(17) + stats.gauge(18) === 0, "no connection to the endpoint");
    caller.send(getText("/", "orders"));
    expect((await readResponse(caller)).status).toBe(200);
  });
});
