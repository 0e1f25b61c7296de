import { describe, expect, test } from "bun:test";
import { answering, answerText, ask, getText, headerOf, readRequest } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer } from "../../support/raw-peer.ts";
import {
  backendDocs,
  doc,
  GATEWAY_API,
  meshText,
  policyDoc,
  routeDoc,
  serviceDoc,
  tcpDocs,
  workloadDoc,
} from "../../support/test-mesh.ts";
import { until } from "../../support/until.ts";
import { startWorker } from "../../support/worker-harness.ts";

const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const UPGRADE = getText("/chat/room", "orders", "Connection: Upgrade", "Upgrade: websocket");
const FROM_WEB = [{ source: { principals: ["test.example/ns/prod/sa/web"] } }];

/** Answers a 101 to an upgrade, then echoes; echoes TCP. */
const chatting = async (peer: RawPeer): Promise<void> => {
  await readRequest(peer);
  peer.send(SWITCHED);
  await echo(peer);
};

const echo = async (peer: RawPeer): Promise<void> => {
  for (;;) {
    await peer.until(() => peer.received.length > 0 || peer.hasEnded);
    if (peer.received.length === 0) return;
    peer.send(await peer.read(peer.received.length));
  }
};

async function isAlive(peer: RawPeer): Promise<boolean> {
  peer.send("ping");
  try {
    return (await peer.read(4)).toString() === "ping";
  } catch {
    return false;
  }
}

describe("a new snapshot", () => {
  test("judges the next request of a connection that is open", async () => {
    using upstream = listenRaw(answering(() => answerText("ok")));
    const documents = backendDocs("orders", upstream.port);
    await using worker = await startWorker(meshText({ documents }));
    const caller = await connectRaw({ port: worker.outbound });
    expect((await ask(caller, getText("/", "orders"))).status).toBe(200);
    await worker.apply(meshText({ documents: [...documents, policyDoc("no", "orders", "DENY", [{}])] }));
    const refused = await ask(caller, getText("/", "orders"));
    expect([refused.status, headerOf(refused, "x-selvedge-reason")]).toEqual([403, "RBAC"]);
    await worker.apply(meshText({ documents }));
    expect((await ask(caller, getText("/", "orders"))).status).toBe(200);
    caller.destroy();
  });

  test("cuts an open WebSocket that it denies, and lets live what it does not", async () => {
    using upstream = listenRaw(chatting);
    const base = backendDocs("orders", upstream.port);
    // HTTP conditions: a judge that looks at the stream as bare TCP would never find them.
    const allow = policyDoc("chat", "orders", "ALLOW", [
      { from: FROM_WEB, to: [{ operation: { paths: ["/chat/*"], methods: ["GET"] } }] },
    ]);
    const denyOther = policyDoc("other", "orders", "DENY", [{ to: [{ operation: { paths: ["/admin/*"] } }] }]);
    const denyThis = policyDoc("this", "orders", "DENY", [{ to: [{ operation: { paths: ["/chat/*"] } }] }]);
    await using worker = await startWorker(meshText({ documents: [...base, allow] }));
    const caller = await connectRaw({ port: worker.outbound });
    caller.send(UPGRADE);
    await caller.readThrough("\r\n\r\n");
    expect(await isAlive(caller)).toBe(true);
    await worker.apply(meshText({ documents: [...base, allow, denyOther] }));
    expect(await isAlive(caller)).toBe(true);
    await worker.apply(meshText({ documents: [...base, allow, denyOther, denyThis] }));
    await caller.closed();
    await upstream.peers[0]!.closed();
    expect(await until(() => worker.records().some((record) => record.flag === "RBAC"), "the record")).toBe(true);
  });

  test("judges a WebSocket by the service that was asked for, not by the one a route chose", async () => {
    using upstream = listenRaw(chatting);
    const documents = [
      serviceDoc("orders"),
      ...backendDocs("orders-v1", upstream.port),
      routeDoc("orders", "orders", [{ backendRefs: [{ name: "orders-v1", port: 80 }] }]),
    ];
    await using worker = await startWorker(meshText({ calls: ["orders"], documents }));
    const caller = await connectRaw({ port: worker.outbound });
    caller.send(UPGRADE);
    await caller.readThrough("\r\n\r\n");
    await worker.apply(meshText({ calls: ["orders"], site: { accessLogSamplePercent: 99 }, documents }));
    expect(await isAlive(caller)).toBe(true);
    await worker.apply(meshText({ calls: ["orders-v1"], documents }));
    await caller.closed();
  });

  test("cuts an open TCP stream that it denies, and lets live what it does not", async () => {
    using upstream = listenRaw(echo);
    const documents = tcpDocs("db", upstream.port);
    await using worker = await startWorker(meshText({ documents }));
    const caller = await connectRaw({ port: worker.outbound });
    caller.send("CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n");
    await caller.readThrough("\r\n\r\n");
    const allow = policyDoc("web", "db", "ALLOW", [{ from: FROM_WEB }]);
    await worker.apply(meshText({ documents: [...documents, allow] }));
    expect(await isAlive(caller)).toBe(true);
    await worker.apply(meshText({ documents: [...documents, policyDoc("web", "db", "DENY", [{ from: FROM_WEB }])] }));
    await caller.closed();
    await upstream.peers[0]!.closed();
  });

  test("reaches a stream through a TCPRoute by the policies of the workload behind it", async () => {
    using upstream = listenRaw(echo);
    const route = doc(`${GATEWAY_API.slice(0, -2)}v1alpha2`, "TCPRoute", "db", {
      parentRefs: [{ group: "", kind: "Service", name: "db", port: 5432 }],
      rules: [{ backendRefs: [{ name: "db-a", port: 5432 }] }],
    });
    const documents = [serviceDoc("db", {}, 5432, "tcp"), ...tcpDocs("db-a", upstream.port), route];
    await using worker = await startWorker(meshText({ documents }));
    const caller = await connectRaw({ port: worker.outbound });
    caller.send("CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n");
    await caller.readThrough("\r\n\r\n");
    expect(await isAlive(caller)).toBe(true);
    await worker.apply(meshText({ documents: [...documents, policyDoc("no", "db-a", "DENY", [{ from: FROM_WEB }])] }));
    await caller.closed();
  });

  test("that knows nothing of an endpoint any more lets its streams live while its workload may be called", async () => {
    using upstream = listenRaw(echo);
    using other = listenRaw(echo);
    await using worker = await startWorker(meshText({ documents: tcpDocs("db", upstream.port) }));
    const caller = await connectRaw({ port: worker.outbound });
    caller.send("CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n");
    await caller.readThrough("\r\n\r\n");
    const moved = [workloadDoc("db", other.port), serviceDoc("db", {}, 5432, "tcp")];
    await worker.apply(meshText({ documents: moved }));
    expect(await isAlive(caller)).toBe(true);
    await worker.apply(meshText({ documents: [] }));
    await caller.closed();
  });
});
