import { expect, test } from "bun:test";
import { compile } from "../../keeper/config/compile/compile.ts";
import { decodeFiles } from "../../keeper/config/decode/decode-files.ts";
import { serviceLines } from "./routes.ts";

const TEXT = `
mesh: store
namespace: prod
nodes: { till-1: 10.0.0.1:15008, till-2: 10.0.0.2:15008 }
services:
  orders: { node: till-2, port: 9001 }
  log: { node: all, unix: /run/log.sock }
  shop: { node: till-1, ports: { grpc: 9090 } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: shop, namespace: prod }
spec:
  parentRefs: [{ group: "", kind: Service, name: shop }]
  rules:
    - matches: [{ method: { service: a.B, method: C } }]
      backendRefs: [{ name: shop, port: 9090 }]
`;

test("endpoints elsewhere are shown with their node, gRPC methods as paths", () => {
  const { documents, issues } = decodeFiles([{ path: "mesh.yaml", text: TEXT }]);
  const compiled = compile(documents, { node: "till-1", hostname: "x", resolveUser: () => undefined });
  expect([...issues, ...compiled.issues]).toEqual([]);
  const services = compiled.records.filter((record) => record.kind === "service");
  expect(services.flatMap(serviceLines)).toEqual([
    "prod/log",
    "  port 80 http",
    "    everything → /run/log.sock, /run/log.sock on till-2",
    "prod/orders",
    "  port 80 http",
    "    everything → 127.0.0.1:9001 on till-2",
    "prod/shop",
    "  port 9090 grpc",
    "    POST Exact /a.B/C → 100% prod/shop:9090   (prod/shop)",
  ]);
});
