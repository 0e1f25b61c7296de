import { describe, expect, test } from "bun:test";
import { WebSocket as Client, WebSocketServer } from "ws";
import { answering, answerText, ask, getText, headerOf, readRequest, readResponse } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer } from "../../support/raw-peer.ts";
import { backendDocs, meshText } from "../../support/test-mesh.ts";
import { startWorker } from "../../support/worker-harness.ts";

const UPGRADE = getText("/ws", "orders", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13");
const SWITCHED =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n";

async function withOrders(
  script: (peer: RawPeer, index: number) => Promise<void>,
  body: (caller: RawPeer) => Promise<void>,
): Promise<void> {
  using upstream = listenRaw(script);
  await using worker = await startWorker(meshText({ documents: backendDocs("orders", upstream.port) }));
  const caller = await connectRaw({ port: worker.outbound });
  try {
    await body(caller);
  } finally {
    caller.destroy();
  }
}

describe("an upgrade", () => {
  test("carries messages of a real client and a real server, both ways, in order, large ones too", async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await new Promise((resolve) => server.once("listening", resolve));
    server.on("connection", (socket) =>
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
    );
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await using worker = await startWorker(meshText({ documents: backendDocs("orders", port) }));
    const client = new Client(`ws://127.0.0.1:${worker.outbound}/ws?a=1`, { headers: { host: "orders.prod" } });
    const received: string[] = [];
    const sent = ["first", "x".repeat(3_000_000), "", "last"];
    await new Promise<void>((resolve, reject) => {
      client.on("error", reject);
      client.on("open", () => {
        for (const text of sent) client.send(text);
      });
      client.on("message", (data) => {
        received.push(data.toString());
        if (received.length === sent.length) resolve();
      });
    });
    expect(received).toEqual(sent);
    const closed = new Promise<number>((resolve) => client.on("close", resolve));
    client.close(4001, "bye");
    expect(await closed).toBe(4001);
    for (const one of server.clients) one.terminate();
    await new Promise((resolve) => server.close(resolve));
  });

  test("passes on every byte around the 101, wherever the answer is cut", async () => {
    for (let cut = 1; cut < SWITCHED.length + 6; cut += 3) {
      await withOrders(
        async (peer) => {
          await readRequest(peer);
          const text = `${SWITCHED}server`;
          peer.send(text.slice(0, cut));
          await Bun.sleep(2);
          peer.send(text.slice(cut));
          peer.send(`echo:${(await peer.read(6)).toString()}`);
        },
        async (caller) => {
          caller.send(UPGRADE);
          const head = await caller.readThrough("\r\n\r\n");
          expect(head.startsWith("HTTP/1.1 101 ")).toBe(true);
          expect(head.toLowerCase()).toContain("sec-websocket-accept: x\r\n");
          caller.send("client");
          expect((await caller.read(17)).toString()).toBe("serverecho:client");
        },
      );
      if (cut > 12 && cut < SWITCHED.length - 12) cut += 10;
    }
  });

  test("forwards nothing of what the caller sends behind its request before the 101", async () => {
    await withOrders(
      async (peer) => {
        await readRequest(peer);
        await Bun.sleep(60);
        expect(peer.received.length).toBe(0);
        peer.send(SWITCHED);
        peer.send((await peer.read(5)).toString().toUpperCase());
      },
      async (caller) => {
        caller.send(`${UPGRADE}early`);
        await caller.readThrough("\r\n\r\n");
        expect((await caller.read(5)).toString()).toBe("EARLY");
      },
    );
  });

  test("that is answered otherwise is an ordinary request, and what came behind it is the next one", async () => {
    await withOrders(
      answering((request) => answerText(request.line)),
      async (caller) => {
        caller.send(UPGRADE + getText("/next", "orders"));
        expect((await readResponse(caller)).body.toString()).toBe("GET /ws HTTP/1.1");
        expect((await readResponse(caller)).body.toString()).toBe("GET /next HTTP/1.1");
      },
    );
  });

  test("to something else than websocket is not offered to the endpoint", async () => {
    await withOrders(
      answering((request) => answerText(String(headerOf(request, "upgrade")))),
      async (caller) => {
        const answer = await ask(caller, getText("/", "orders", "Connection: Upgrade", "Upgrade: h2c"));
        expect(answer.body.toString()).toBe("undefined");
      },
    );
  });

  test("that nobody asked for is a broken endpoint", async () => {
    await withOrders(
      async (peer) => {
        await readRequest(peer);
        peer.send(`${SWITCHED}surprise`);
      },
      async (caller) => {
        const answer = await ask(caller, getText("/", "orders"));
        expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([502, "UPE"]);
        expect(answer.body.toString()).not.toContain("surprise");
      },
    );
  });

  test("passes half-closes on in both directions", async () => {
    await withOrders(
      async (peer) => {
        await readRequest(peer);
        peer.send(SWITCHED);
        const all = await peer.readAll();
        peer.send(`got ${all}`);
        peer.finish();
      },
      async (caller) => {
        caller.send(UPGRADE);
        await caller.readThrough("\r\n\r\n");
        caller.send("all of it");
        caller.finish();
        expect(await caller.readAll()).toBe("got all of it");
      },
    );
  });
});
