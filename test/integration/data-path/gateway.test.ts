import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { answering, answerText, ask, getText, headerOf, headersOf, type RawMessage } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer, type RawServer } from "../../support/raw-peer.ts";
import { backendDocs, doc, GATEWAY_API, ISTIO_SECURITY, meshText, tcpDocs } from "../../support/test-mesh.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

const PORT = 18_931;
let upstream: RawServer;
let worker: WorkerHarness;
let seen: RawMessage;

function policy(name: string, rules: readonly Readonly<Record<string, unknown>>[]) {
  return doc(ISTIO_SECURITY, "AuthorizationPolicy", name, {
    targetRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "lan" }],
    action: "ALLOW",
    rules,
  });
}

const documents = (ipBlocks: readonly string[]) => [
  ...backendDocs("shop", upstream.port),
  ...tcpDocs("db", upstream.port),
  doc(GATEWAY_API, "Gateway", "lan", {
    gatewayClassName: "selvedge",
    addresses: [{ type: "IPAddress", value: "127.0.0.1" }],
    listeners: [{ name: "web", port: PORT, protocol: "HTTP" }],
  }),
  doc(GATEWAY_API, "HTTPRoute", "shop", {
    parentRefs: [{ name: "lan" }],
    hostnames: ["shop.example"],
    rules: [{ backendRefs: [{ name: "shop", port: 80 }] }],
  }),
  policy("lan", [{ from: [{ source: { ipBlocks } }] }]),
];

beforeAll(async () => {
  upstream = listenRaw(
    answering((request) => {
      seen = request;
      return answerText("shop");
    }),
  );
  worker = await startWorker(meshText({ documents: documents(["127.0.0.0/8"]) }));
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  upstream[Symbol.dispose]();
});

async function visit(text: string): Promise<{ answer: Awaited<ReturnType<typeof ask>>; peer: RawPeer }> {
  const peer = await connectRaw({ port: PORT });
  const answer = await ask(peer, text);
  peer.destroy();
  return { answer, peer };
}

describe("at a Gateway", () => {
  test("a caller without identity reaches what a route offers under its host name", async () => {
    const { answer } = await visit(getText("/", "shop.example"));
    expect(answer.body.toString()).toBe("shop");
  });

  test("nobody can forge who they are, and the endpoint learns the address", async () => {
    await visit(
      getText(
        "/",
        "shop.example",
        "X-Forwarded-For: 10.0.0.1",
        "X-Forwarded-Client-Cert: URI=spiffe://test.example/ns/prod/sa/web",
        "X-Real-Ip: 10.0.0.2",
        "Forwarded: for=10.0.0.3",
        "X-Forwarded-Host: evil",
      ),
    );
    expect(headersOf(seen, "x-forwarded-for")).toEqual(["127.0.0.1"]);
    expect(headersOf(seen, "x-forwarded-proto")).toEqual(["http"]);
    for (const name of ["x-forwarded-client-cert", "x-real-ip", "forwarded", "x-forwarded-host"]) {
      expect(headersOf(seen, name)).toEqual([]);
    }
  });

  test("names of the mesh mean nothing, and neither does CONNECT", async () => {
    for (const host of ["shop", "shop.prod", "shop.prod.mesh", "127.0.0.1"]) {
      expect((await visit(getText("/", host))).answer.status).toBe(404);
    }
    for (const authority of ["db.prod:5432", "shop.prod:80", `127.0.0.1:${upstream.port}`]) {
      const { answer } = await visit(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
      expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([404, "NR"]);
    }
  });

  test("ipBlocks decide, on a connection that is open too", async () => {
    const peer = await connectRaw({ port: PORT });
    expect((await ask(peer, getText("/", "shop.example"))).status).toBe(200);
    await worker.apply(meshText({ documents: documents(["10.0.0.0/8"]) }));
    const refused = await ask(peer, getText("/", "shop.example"));
    expect([refused.status, headerOf(refused, "x-selvedge-reason")]).toEqual([403, "RBAC"]);
    await worker.apply(meshText({ documents: documents(["127.0.0.1"]) }));
    expect((await ask(peer, getText("/", "shop.example"))).status).toBe(200);
    peer.destroy();
  });
});
