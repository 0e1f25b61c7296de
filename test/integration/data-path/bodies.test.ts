import { describe, expect, test } from "bun:test";
import { answerText, ask, getText, headerOf, headersOf, readRequest, readResponse } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer } from "../../support/raw-peer.ts";
import { backendDocs, meshText } from "../../support/test-mesh.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

/** A worker in front of one scripted endpoint called orders, and a caller. */
async function withOrders(
  script: (peer: RawPeer, index: number) => Promise<void>,
  body: (caller: RawPeer, worker: WorkerHarness) => Promise<void>,
): Promise<void> {
  using upstream = listenRaw(script);
  await using worker = await startWorker(meshText({ documents: backendDocs("orders", upstream.port) }));
  const caller = await connectRaw({ port: worker.outbound });
  try {
    await body(caller, worker);
  } finally {
    caller.destroy();
  }
}

const CHUNKED_POST = "POST /p HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n";

describe("request bodies", () => {
  test("a chunked body arrives whole, with its trailers, however it is cut", async () => {
    await withOrders(
      async (peer) => {
        const request = await readRequest(peer);
        peer.send(answerText(`${request.body.toString()}|${request.trailers.join(",")}`));
      },
      async (caller) => {
        const text = `${CHUNKED_POST}5\r\nhello\r\n00A\r\n0123456789\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n`;
        for (const byte of text) {
          caller.send(byte);
          await new Promise((resolve) => setImmediate(resolve));
        }
        expect((await readResponse(caller)).body.toString()).toBe("hello0123456789|X-Sum: 1,X-More: 2");
      },
    );
  });

  test("a broken chunk ends request and connection with 400, and the endpoint never sees a whole request", async () => {
    let seen = "";
    await withOrders(
      async (peer) => {
        seen = await peer.readAll();
      },
      async (caller) => {
        const answer = await ask(caller, `${CHUNKED_POST}5\r\nhello\r\nXX\r\n`);
        expect(answer.status).toBe(400);
        expect(headerOf(answer, "x-selvedge-reason")).toBe("DPE");
        await caller.ended();
        expect(seen.endsWith("0\r\n\r\n")).toBe(false);
      },
    );
  });

  test("a caller that breaks off in its body breaks the request at the endpoint", async () => {
    const broken = Promise.withResolvers<string>();
    await withOrders(
      async (peer) => {
        broken.resolve(await peer.readAll());
      },
      async (caller) => {
        caller.send("POST /p HTTP/1.1\r\nHost: orders\r\nContent-Length: 10\r\n\r\nhello");
        await Bun.sleep(50);
        caller.destroy();
        expect((await broken.promise).endsWith("hello")).toBe(true);
      },
    );
  });
});

describe("Expect: 100-continue", () => {
  const EXPECTING = "POST /p HTTP/1.1\r\nHost: orders\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";

  test("is for the endpoint to answer, and the body follows", async () => {
    await withOrders(
      async (peer) => {
        const head = await peer.readThrough("\r\n\r\n");
        expect(head.toLowerCase()).toContain("expect: 100-continue");
        peer.send("HTTP/1.1 100 Continue\r\n\r\n");
        peer.send(answerText((await peer.read(5)).toString()));
      },
      async (caller) => {
        caller.send(EXPECTING);
        expect(await caller.readThrough("\r\n\r\n")).toBe("HTTP/1.1 100 Continue\r\n\r\n");
        caller.send("hello");
        expect((await readResponse(caller)).body.toString()).toBe("hello");
      },
    );
  });

  test("that the endpoint never answers does not hold back a caller that goes on by itself", async () => {
    await withOrders(
      async (peer) => {
        await peer.readThrough("\r\n\r\n");
        peer.send(answerText((await peer.read(5)).toString()));
      },
      async (caller) => {
        caller.send(EXPECTING);
        await Bun.sleep(50);
        expect(caller.totalBytes).toBe(0);
        caller.send("hello");
        const answer = await readResponse(caller);
        expect(answer.interim).toEqual([]);
        expect(answer.body.toString()).toBe("hello");
      },
    );
  });

  test("that the endpoint refuses ends in its final answer, and what the caller sends after all is never a request", async () => {
    let connections = 0;
    await withOrders(
      async (peer) => {
        connections++;
        await peer.readThrough("\r\n\r\n");
        peer.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
        await peer.ended();
        expect(peer.received.toString()).toBe("");
      },
      async (caller) => {
        caller.send(EXPECTING);
        const answer = await readResponse(caller);
        expect(answer.status).toBe(417);
        expect(headerOf(answer, "connection")).toBe("close");
        caller.send(getText("/smuggled", "orders"));
        expect(await caller.readAll()).toBe("");
        expect(connections).toBe(1);
      },
    );
  });

  test("to somebody whom the mesh refuses is answered at once, without the body having been asked for", async () => {
    await withOrders(
      async () => undefined,
      async (caller) => {
        const answer = await ask(caller, EXPECTING.replace("orders", "nowhere"));
        expect(answer.status).toBe(404);
        expect(answer.interim).toEqual([]);
        expect(headerOf(answer, "connection")).toBe("close");
      },
    );
  });

  test("is answered to nobody who did not ask", async () => {
    await withOrders(
      async (peer) => {
        await readRequest(peer);
        peer.send(`HTTP/1.1 100 Continue\r\n\r\n${answerText("done")}`);
      },
      async (caller) => {
        const answer = await ask(caller, getText("/", "orders"));
        expect(answer.interim).toEqual([]);
        expect(answer.body.toString()).toBe("done");
      },
    );
  });
});

describe("answers", () => {
  test("a chunked answer keeps its trailers, however it is cut", async () => {
    await withOrders(
      async (peer) => {
        await readRequest(peer);
        const text =
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n";
        for (const byte of text) {
          peer.send(byte);
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
      async (caller) => {
        const answer = await ask(caller, getText("/", "orders"));
        expect(answer.body.toString()).toBe("abcdefg");
        expect(answer.trailers).toEqual(["X-Sum: 7"]);
        expect(headerOf(answer, "transfer-encoding")).toBe("chunked");
      },
    );
  });

  test("a chunked answer reaches a 1.0 caller bare, delimited by the close", async () => {
    await withOrders(
      async (peer) => {
        await readRequest(peer);
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
      },
      async (caller) => {
        const answer = await ask(caller, "GET / HTTP/1.0\r\nHost: orders\r\nConnection: keep-alive\r\n\r\n");
        expect(headersOf(answer, "transfer-encoding")).toEqual([]);
        expect(headerOf(answer, "connection")).toBe("close");
        expect(answer.body.toString()).toBe("abc");
      },
    );
  });

  test("an answer until the close becomes chunked for 1.1, and the connection stays", async () => {
    await withOrders(
      async (peer) => {
        await readRequest(peer);
        peer.send("HTTP/1.0 200 OK\r\n\r\nuntil ");
        await Bun.sleep(20);
        peer.send("close");
        peer.finish();
      },
      async (caller) => {
        for (let i = 0; i < 2; i++) {
          const answer = await ask(caller, getText("/", "orders"));
          expect(answer.chunks.length).toBeGreaterThan(0);
          expect(answer.body.toString()).toBe("until close");
        }
      },
    );
  });

  test("an answer until the close stays one for 1.0", async () => {
    await withOrders(
      async (peer) => {
        await readRequest(peer);
        peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil close");
        peer.finish();
      },
      async (caller) => {
        const answer = await ask(caller, "GET / HTTP/1.0\r\nHost: orders\r\n\r\n");
        expect(headersOf(answer, "transfer-encoding")).toEqual([]);
        expect(answer.body.toString()).toBe("until close");
      },
    );
  });

  test("HEAD, 204 and 304 have no body, and what they say about one is passed on", async () => {
    await withOrders(
      async (peer) => {
        for (;;) {
          const { line } = await readRequest(peer);
          if (line.startsWith("HEAD")) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nETag: x\r\n\r\n");
          else if (line.includes("204")) peer.send("HTTP/1.1 204 No Content\r\n\r\n");
          else peer.send('HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: "y"\r\n\r\n');
        }
      },
      async (caller) => {
        const head = await ask(caller, getText("/", "orders").replace("GET", "HEAD"), true);
        expect(headerOf(head, "content-length")).toBe("1234");
        const none = await ask(caller, getText("/204", "orders"));
        expect([none.status, ...headersOf(none, "content-length"), ...headersOf(none, "transfer-encoding")]).toEqual([
          204,
        ]);
        const same = await ask(caller, getText("/304", "orders"));
        expect([same.status, headerOf(same, "content-length"), headerOf(same, "etag")]).toEqual([304, "99", '"y"']);
      },
    );
  });

  test("a chunked answer to HEAD says so and has no body", async () => {
    await withOrders(
      async (peer) => {
        for (;;) {
          await readRequest(peer);
          peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        }
      },
      async (caller) => {
        for (let i = 0; i < 3; i++) {
          expect((await ask(caller, getText("/", "orders").replace("GET", "HEAD"), true)).status).toBe(200);
        }
      },
    );
  });

  test("103 reaches a 1.1 caller with its headers, and a 1.0 caller not at all", async () => {
    const script = async (peer: RawPeer) => {
      await readRequest(peer);
      peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
      await Bun.sleep(20);
      peer.send(answerText("done"));
    };
    await withOrders(script, async (caller) => {
      caller.send(getText("/", "orders"));
      expect(await caller.readThrough("\r\n\r\n")).toBe("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
      expect((await readResponse(caller)).body.toString()).toBe("done");
    });
    await withOrders(script, async (caller) => {
      const answer = await ask(caller, "GET / HTTP/1.0\r\nHost: orders\r\n\r\n");
      expect(answer.interim).toEqual([]);
      expect(answer.body.toString()).toBe("done");
    });
  });

  test("OPTIONS * reaches the endpoint as it is", async () => {
    await withOrders(
      async (peer) => {
        peer.send(answerText((await readRequest(peer)).line));
      },
      async (caller) => {
        const answer = await ask(caller, "OPTIONS * HTTP/1.1\r\nHost: orders\r\n\r\n");
        expect(answer.body.toString()).toBe("OPTIONS * HTTP/1.1");
      },
    );
  });

  test("an answer that is there before the request is whole ends both, and the connections are not used again", async () => {
    let connections = 0;
    await withOrders(
      async (peer) => {
        connections++;
        await peer.readThrough("\r\n\r\n");
        peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
        await peer.ended();
      },
      async (caller, worker) => {
        const answer = await ask(caller, "POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 1000000\r\n\r\nstart");
        expect([answer.status, headerOf(answer, "connection")]).toEqual([413, "close"]);
        await caller.ended();
        const other = await connectRaw({ port: worker.outbound });
        expect((await ask(other, "POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 9\r\n\r\n")).status).toBe(413);
        expect(connections).toBe(2);
        other.destroy();
      },
    );
  });
});
