import { describe, expect, test } from "bun:test";
import { answering, answerText, ask, getText, headerOf, readResponse } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer, type RawServer } from "../../support/raw-peer.ts";
import { backendDocs, meshText, policyDoc, tcpDocs } from "../../support/test-mesh.ts";
import { until } from "../../support/until.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

interface Setting {
  readonly caller: RawPeer;
  readonly worker: WorkerHarness;
  readonly tcp: RawServer;
}

async function withMesh(script: (peer: RawPeer) => Promise<void>, body: (setting: Setting) => Promise<void>) {
  using tcp = listenRaw(script);
  using http = listenRaw(answering((request) => answerText(`${request.line} ${headerOf(request, "host")}`)));
  const documents = [
    ...tcpDocs("db", tcp.port),
    ...tcpDocs("secret", tcp.port),
    ...backendDocs("orders", http.port),
    ...backendDocs("closed", http.port),
    policyDoc("nobody", "secret", "ALLOW", []),
    policyDoc("nobody-closed", "closed", "ALLOW", []),
  ];
  await using worker = await startWorker(meshText({ documents }));
  const caller = await connectRaw({ port: worker.outbound });
  try {
    await body({ caller, worker, tcp });
  } finally {
    caller.destroy();
  }
}

const connectText = (authority: string): string => `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;

const echo = async (peer: RawPeer): Promise<void> => {
  for (;;) {
    await peer.until(() => peer.received.length > 0 || peer.hasEnded);
    if (peer.received.length === 0) break;
    peer.send(await peer.read(peer.received.length));
  }
  peer.send("bye");
  peer.finish();
};

describe("CONNECT", () => {
  test("to a TCP port is a stream, early bytes and half-close included", async () => {
    await withMesh(echo, async ({ caller }) => {
      caller.send(`${connectText("db.prod:5432")}early`);
      expect(await caller.readThrough("\r\n\r\n")).toBe("HTTP/1.1 200 OK\r\n\r\n");
      expect((await caller.read(5)).toString()).toBe("early");
      caller.send("more");
      expect((await caller.read(4)).toString()).toBe("more");
      caller.finish();
      expect(await caller.readAll()).toBe("bye");
    });
  });

  test("to a TCP port where the server speaks first", async () => {
    await withMesh(
      async (peer) => {
        peer.send("220 hello");
        await peer.ended();
      },
      async ({ caller }) => {
        caller.send(connectText("db:5432"));
        expect((await caller.read("HTTP/1.1 200 OK\r\n\r\n220 hello".length)).toString()).toEndWith("220 hello");
      },
    );
  });

  test("to an http port is HTTP inside, request by request", async () => {
    await withMesh(echo, async ({ caller }) => {
      caller.send(connectText("orders:80"));
      await caller.readThrough("\r\n\r\n");
      for (const path of ["/a", "/b"]) {
        const answer = await ask(caller, getText(path, "orders"));
        expect(answer.body.toString()).toBe(`GET ${path} HTTP/1.1 orders`);
      }
    });
  });

  test("to an http port whose policy refuses ends in 403 inside", async () => {
    await withMesh(echo, async ({ caller }) => {
      caller.send(connectText("closed:80"));
      await caller.readThrough("\r\n\r\n");
      const answer = await ask(caller, getText("/", "closed"));
      expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([403, "RBAC"]);
    });
  });

  test("to an http port refuses TLS", async () => {
    await withMesh(echo, async ({ caller }) => {
      caller.send(connectText("orders:80"));
      await caller.readThrough("\r\n\r\n");
      caller.send(Buffer.from([0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x00]));
      expect((await readResponse(caller)).status).toBe(400);
      await caller.ended();
    });
  });

  const refusals: [string, number, string][] = [
    ["nowhere.prod:5432", 404, "NR"],
    ["db.prod:1", 404, "NR"],
    ["example.com:443", 404, "NR"],
    ["127.0.0.1:22", 404, "NR"],
    ["secret.prod:5432", 403, "RBAC"],
  ];
  for (const [authority, status, reason] of refusals) {
    test(`to ${authority} is ${status} ${reason}`, async () => {
      await withMesh(echo, async ({ caller, tcp }) => {
        const answer = await ask(caller, connectText(authority));
        expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([status, reason]);
        await caller.ended();
        expect(tcp.peers.length).toBe(0);
      });
    });
  }

  test("to an endpoint that is down is 503 UF, and the stream is not among the open ones any more", async () => {
    await withMesh(echo, async ({ caller, tcp, worker }) => {
      tcp.stop();
      const answer = await ask(caller, connectText("db:5432"));
      expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([503, "UF"]);
      await caller.ended();
      const record = await until(() => worker.records().find(({ flag }) => flag === "UF"), "the record");
      expect(record.id).toBe(headerOf(answer, "x-selvedge-id")!);
    });
  });
});
