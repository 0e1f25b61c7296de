/** Names that callers choose fill no table of a worker, and mean the same however they end. */
import { describe, expect, test } from "bun:test";
import type { ExternalRecord } from "../../src/model/snapshot.ts";
import { type DestinationContext, ExternalPort } from "../../src/proxy/mesh/destination.ts";
import { EndpointRegistry } from "../../src/proxy/upstream/endpoint-registry.ts";
import { loneEndpointHost } from "../support/lone-endpoint-host.ts";
import { answering, answerText, ask, getText, headerOf } from "../support/raw-http.ts";
import { connectRaw, listenRaw } from "../support/raw-peer.ts";
import { backendDocs, doc, ISTIO_NETWORKING, ISTIO_SECURITY, meshText } from "../support/test-mesh.ts";
import { startWorker, type WorkerHarness } from "../support/worker-harness.ts";

const PORT = { port: 80, protocol: "HTTP", endpoints: [] } as const;
const NO_POLICIES = { deny: [], allow: [], audit: [] };

function registry(): EndpointRegistry {
  return new EndpointRegistry(loneEndpointHost());
}

function record(host: string): ExternalRecord {
  const key = `external/prod/x/${host}`;
  const origin = { file: "x", line: 1, col: 1 };
  return { kind: "external", key, name: "x", namespace: "prod", host, ports: [PORT], policies: NO_POLICIES, origin };
}

test("names below a declared suffix leave nothing behind in the table of endpoints", () => {
  const endpoints = registry();
  const context = { endpoints } as unknown as DestinationContext;
  for (let i = 0; i < 1000; i++) ExternalPort.declared(record("*.example.com"), PORT, `n${i}.example.com`, context);
  expect(endpoints.size).toBe(0);
  ExternalPort.declared(record("api.example.com"), PORT, "api.example.com", context);
  expect(endpoints.size).toBe(1);
});

describe("a name that ends in a dot", () => {
  const denied = doc(ISTIO_SECURITY, "AuthorizationPolicy", "deny", {
    targetRefs: [{ group: "networking.istio.io", kind: "ServiceEntry", name: "api" }],
    action: "DENY",
    rules: [{}],
  });
  const entry = (port: number) =>
    doc(ISTIO_NETWORKING, "ServiceEntry", "api", {
      hosts: ["api.pay.example"],
      ports: [{ number: 80, name: "main", protocol: "HTTP", targetPort: port }],
      location: "MESH_EXTERNAL",
      resolution: "STATIC",
      endpoints: [{ address: "127.0.0.1" }],
    });

  async function statusOf(worker: WorkerHarness, host: string, path = "/"): Promise<string> {
    const peer = await connectRaw({ port: worker.outbound });
    const answer = await ask(peer, getText(path, host));
    peer.destroy();
    return `${answer.status} ${headerOf(answer, "x-selvedge-reason") ?? answer.body.toString()}`;
  }

  test("meets the policies on that name, and does not leave the mesh by itself", async () => {
    using outside = listenRaw(answering(() => answerText("reached")));
    using orders = listenRaw(answering(() => answerText("orders")));
    const documents = [entry(outside.port), denied, ...backendDocs("orders", orders.port)];
    await using worker = await startWorker(meshText({ site: { outboundTrafficPolicy: "ALLOW_ANY" }, documents }));
    for (const host of ["api.pay.example", "api.pay.example.", "API.PAY.EXAMPLE.", "api.pay.example.:80"]) {
      expect([host, await statusOf(worker, host)]).toEqual([host, "403 RBAC"]);
    }
    for (const host of ["orders.prod.svc.cluster.local.", "orders.prod.mesh.:80", "orders."]) {
      expect([host, await statusOf(worker, host)]).toEqual([host, "200 orders"]);
    }
    expect(await statusOf(worker, "missing.prod.svc.cluster.local.")).toBe("404 NR");
  });

  test("meets policies that look at the host", async () => {
    using orders = listenRaw(answering(() => answerText("orders")));
    const byHost = doc(ISTIO_SECURITY, "AuthorizationPolicy", "deny", {
      selector: { matchLabels: { app: "orders" } },
      action: "DENY",
      rules: [{ to: [{ operation: { hosts: ["orders.prod"] } }] }],
    });
    await using worker = await startWorker(meshText({ documents: [byHost, ...backendDocs("orders", orders.port)] }));
    expect(await statusOf(worker, "orders.prod")).toBe("403 RBAC");
    expect(await statusOf(worker, "orders.prod.")).toBe("403 RBAC");
    expect(await statusOf(worker, "orders.prod.:80")).toBe("403 RBAC");
  });
});
