import { describe, expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import { answering, answerText, ask, getText, headerOf } from "../../support/raw-http.ts";
import { connectRaw, listenRaw } from "../../support/raw-peer.ts";
import { doc, ISTIO_NETWORKING, ISTIO_SECURITY, meshText } from "../../support/test-mesh.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

function entryDoc(host: string, port: number, protocol: string) {
  return doc(ISTIO_NETWORKING, "ServiceEntry", host.split(".")[0]!, {
    hosts: [host],
    ports: [{ number: protocol === "HTTP" ? 80 : 443, name: "main", protocol, targetPort: port }],
    location: "MESH_EXTERNAL",
    resolution: "STATIC",
    endpoints: [{ address: "127.0.0.1" }],
  });
}

async function statusOf(worker: WorkerHarness, text: string): Promise<string> {
  const peer = await connectRaw({ port: worker.outbound });
  const answer = await ask(peer, text);
  peer.destroy();
  return `${answer.status} ${headerOf(answer, "x-selvedge-reason") ?? answer.body.toString()}`;
}

const connectText = (authority: string): string => `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;

/** An address of this machine that is not the loopback, where it has one. */
const OWN = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find((one) => one.family === "IPv4" && !one.internal)?.address;

describe("a declared host outside the mesh", () => {
  test("is called by HTTP under its name, in origin and in absolute form", async () => {
    using outside = listenRaw(
      answering((request) =>
        answerText(`${request.line} ${headerOf(request, "host")} ${headerOf(request, "x-forwarded-client-cert")}`),
      ),
    );
    await using worker = await startWorker(
      meshText({ documents: [entryDoc("api.pay.example", outside.port, "HTTP")] }),
    );
    expect(await statusOf(worker, getText("/x", "api.pay.example"))).toBe(
      "200 GET /x HTTP/1.1 api.pay.example undefined",
    );
    expect(await statusOf(worker, "GET http://api.pay.example/y HTTP/1.1\r\nHost: api.pay.example\r\n\r\n")).toBe(
      "200 GET /y HTTP/1.1 api.pay.example undefined",
    );
    expect(await statusOf(worker, getText("/x", "api.pay.example:81"))).toBe("404 NR");
    expect(await statusOf(worker, getText("/x", "other.pay.example"))).toBe("404 NR");
  });

  test("is called through CONNECT as an opaque stream", async () => {
    using outside = listenRaw(async (peer) => {
      peer.send((await peer.read(5)).toString().toUpperCase());
    });
    await using worker = await startWorker(meshText({ documents: [entryDoc("api.pay.example", outside.port, "TLS")] }));
    const peer = await connectRaw({ port: worker.outbound });
    peer.send(connectText("api.pay.example:443"));
    expect(await peer.readThrough("\r\n\r\n")).toStartWith("HTTP/1.1 200 ");
    peer.send("bytes");
    expect((await peer.read(5)).toString()).toBe("BYTES");
    peer.destroy();
  });

  test("is subject to the caller's list, and an open stream to it is cut when the list changes", async () => {
    using outside = listenRaw();
    const documents = [entryDoc("api.pay.example", outside.port, "TLS")];
    await using worker = await startWorker(meshText({ documents, calls: [] }));
    expect(await statusOf(worker, connectText("api.pay.example:443"))).toBe("403 CALLS");
    await worker.apply(meshText({ documents, calls: ["api.pay.example:443"] }));
    const peer = await connectRaw({ port: worker.outbound });
    peer.send(connectText("api.pay.example:443"));
    await peer.readThrough("\r\n\r\n");
    await worker.apply(meshText({ documents, calls: ["api.pay.example:443"], site: { accessLogSamplePercent: 1 } }));
    expect(peer.hasEnded).toBe(false);
    await worker.apply(meshText({ documents, calls: [] }));
    await peer.closed();
  });

  test("is subject to policies on it", async () => {
    using outside = listenRaw(answering(() => answerText("ok")));
    const deny = doc(ISTIO_SECURITY, "AuthorizationPolicy", "no-delete", {
      targetRefs: [{ group: "networking.istio.io", kind: "ServiceEntry", name: "api" }],
      action: "DENY",
      rules: [{ to: [{ operation: { methods: ["DELETE"] } }] }],
    });
    await using worker = await startWorker(
      meshText({ documents: [entryDoc("api.pay.example", outside.port, "HTTP"), deny] }),
    );
    expect(await statusOf(worker, getText("/", "api.pay.example"))).toBe("200 ok");
    expect(await statusOf(worker, getText("/", "api.pay.example").replace("GET", "DELETE"))).toBe("403 RBAC");
  });
});

describe("a host that nobody declared", () => {
  test("is nowhere under REGISTRY_ONLY", async () => {
    await using worker = await startWorker(meshText({}));
    expect(await statusOf(worker, getText("/", "example.com"))).toBe("404 NR");
    expect(await statusOf(worker, connectText("example.com:443"))).toBe("404 NR");
  });

  test("under ALLOW_ANY never leads back into this machine or to its neighbours on the link, by address or by name", async () => {
    using victim = listenRaw(
      answering(() => answerText("reached")),
      { hostname: "0.0.0.0" },
    );
    await using worker = await startWorker(meshText({ site: { outboundTrafficPolicy: "ALLOW_ANY" } }));
    const port = victim.port;
    const addresses = [
      "127.0.0.1",
      "127.8.9.10",
      "0.0.0.0",
      "[::1]",
      "[::]",
      "[::ffff:127.0.0.1]",
      "[::ffff:7f00:1]",
      "169.254.169.254",
      "[fe80::1]",
      "224.0.0.1",
      ...(OWN === undefined ? [] : [OWN]),
    ];
    for (const address of addresses) {
      expect([address, await statusOf(worker, getText("/", `${address}:${port}`))]).toEqual([address, "503 UF"]);
      expect([address, await statusOf(worker, connectText(`${address}:${port}`))]).toEqual([address, "503 UF"]);
    }
    // A short name, and the names that can only be services, never leave the mesh.
    for (const name of ["localhost", "orders", "orders.prod.svc", "orders.prod.mesh"]) {
      expect([name, await statusOf(worker, getText("/", `${name}:${port}`))]).toEqual([name, "404 NR"]);
    }
    // Resolved by the machine's own files to the loopback.
    expect(await statusOf(worker, getText("/", `localhost.localdomain:${port}`))).toBe("503 UF");
    expect(victim.peers.length).toBe(0);
  });

  test("is refused to a caller without identity where the default is to deny", async () => {
    const text = meshText({ site: { outboundTrafficPolicy: "ALLOW_ANY", defaultAction: "deny" } });
    await using worker = await startWorker(text.replace(/unix:uid:\d+/, "unix:uid:4294967"));
    expect(await statusOf(worker, getText("/", "203.0.113.1"))).toBe("403 RBAC");
    expect(await statusOf(worker, connectText("203.0.113.1:443"))).toBe("403 RBAC");
  });
});
