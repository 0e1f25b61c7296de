import { describe, expect, test } from "bun:test";
import { compile } from "../keeper/config/compile/compile.ts";
import { decodeFiles } from "../keeper/config/decode/decode-files.ts";
import type { SnapshotRecord } from "../model/snapshot.ts";
import { authzCheck } from "./authz-check.ts";

const MESH = `
mesh: store
services:
  web:    { namespace: prod, run: "unix:uid:1001", port: 8080, calls: [orders, payments] }
  orders: { namespace: prod, run: "unix:uid:1003", versions: { v1: { port: 9001, weight: 99 }, v2: { port: 9002, weight: 1 } } }
  payments: { namespace: prod, run: "unix:uid:1005", port: 9003, protocol: tcp, allow: [web] }
  spy:    { namespace: dev, run: "unix:uid:1004" }
`;

const ORDERS = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: orders, namespace: prod }
spec:
  selector: { matchLabels: { app: orders } }
  rules:
    - from: [{ source: { principals: ["cluster.local/ns/prod/sa/web"] } }]
      to: [{ operation: { methods: ["GET", "POST"], paths: ["/orders", "/orders/*"] } }]
`;

function recordsOf(...more: readonly string[]): readonly SnapshotRecord[] {
  const files = [MESH, ORDERS, ...more].map((text, index) => ({ path: `${index}.yaml`, text }));
  const decoded = decodeFiles(files);
  const compiled = compile(decoded.documents, { node: undefined, hostname: "store", resolveUser: () => undefined });
  expect([...decoded.issues, ...compiled.issues].filter((issue) => issue.severity === "error")).toEqual([]);
  return compiled.records;
}

const FROM_WEB = { from: "prod/web", to: "prod/orders", path: "/orders/7" };

describe("authzCheck", () => {
  test("allows what every workload behind the service lets in", () => {
    const answer = authzCheck(recordsOf(), FROM_WEB);
    expect(answer.allowed).toBe(true);
    expect(answer.trace?.workloads.map(({ workload }) => workload)).toEqual([
      "workload/prod/orders-v1",
      "workload/prod/orders-v2",
    ]);
    expect(answer.lines[0]).toBe(
      "ALLOW  prod/web (spiffe://store.mesh/ns/prod/sa/web) -> orders.prod:80 GET /orders/7",
    );
  });

  test("denies with the field that failed and the smallest change", () => {
    const answer = authzCheck(recordsOf(), { ...FROM_WEB, method: "DELETE" });
    expect(answer.allowed).toBe(false);
    const text = answer.lines.join("\n");
    expect(text).toContain("policy prod/orders (ALLOW) 1.yaml:2   no rule matched");
    expect(text).toContain("✗ to[0].operation.methods [GET POST], seen DELETE");
    expect(text).toContain("hint: add DELETE to rules[0].to[0].operation.methods of policy prod/orders");
    expect(text).toContain("methods: [GET, POST, DELETE]");
  });

  test("judges the path as the mesh would: normalised, without the query, refused where it is ambiguous", () => {
    const records = recordsOf();
    expect(authzCheck(records, { ...FROM_WEB, path: "//x/../orders/%37?y=1" }).allowed).toBe(true);
    expect(authzCheck(records, { ...FROM_WEB, path: "/orders/../admin" }).allowed).toBe(false);
    const ambiguous = authzCheck(records, { ...FROM_WEB, path: "/orders/%2f..%2fadmin" });
    expect(ambiguous).toMatchObject({ allowed: false, trace: undefined });
    expect(ambiguous.lines[0]).toContain("400");
  });

  test("says that the caller's own side refuses", () => {
    const answer = authzCheck(recordsOf(), { from: "prod/web", to: "prod/web" });
    expect(answer.allowed).toBe(false);
    expect(answer.lines.join("\n")).toContain("hint: add web.prod to spec.calls of Workload prod/web");
  });

  test("says when only some backends of a split refuse", () => {
    const deny = ORDERS.replace("name: orders,", "name: v2,")
      .replace("app: orders", "version: v2")
      .replace("  rules:", "  action: DENY\n  rules:");
    const answer = authzCheck(recordsOf(deny), FROM_WEB);
    expect(answer).toMatchObject({ allowed: false, trace: { isMixed: true } });
    expect(answer.lines.join("\n")).toContain("✗ workload prod/orders-v2");
  });

  test("suggests a policy where none holds", () => {
    const answer = authzCheck(recordsOf(), { from: "dev/spy", to: "prod/web" });
    const text = answer.lines.join("\n");
    expect(text).toContain("no ALLOW policy holds for prod/web: add one");
    const yaml = answer.trace?.workloads[0]?.trace.change?.yaml ?? "";
    expect(authzCheck(recordsOf(yaml), { from: "dev/spy", to: "prod/web" }).allowed).toBe(true);
  });

  test("judges a TCP port as a stream", () => {
    const port = authzCheck(recordsOf(), { from: "prod/web", to: "prod/payments" }).trace?.port;
    expect(authzCheck(recordsOf(), { from: "prod/web", to: `prod/payments:${port}` })).toMatchObject({ allowed: true });
    expect(authzCheck(recordsOf(), { from: "dev/spy", to: `prod/payments:${port}` })).toMatchObject({ allowed: false });
  });

  test("says on which node a workload is reached", () => {
    const text = `
mesh: store
namespace: prod
nodes: { till-1: 10.0.0.1:15008, till-2: 10.0.0.2:15008 }
services:
  web:    { node: till-1, run: "unix:uid:1001" }
  orders: { node: till-1, allow: [web], versions: { v1: { port: 9001 }, v2: { port: 9001, node: till-2 } } }
`;
    const { documents } = decodeFiles([{ path: "nodes.yaml", text }]);
    const { records } = compile(documents, { node: "till-1", hostname: "a", resolveUser: () => undefined });
    const answer = authzCheck(records, { from: "prod/web", to: "prod/orders" });
    expect(answer.allowed).toBe(true);
    expect(answer.trace?.workloads.map(({ workload, node }) => [workload, node])).toEqual([
      ["workload/prod/orders-v1", undefined],
      ["workload/prod/orders-v2", "till-2"],
    ]);
    expect(answer.lines.filter((line) => line.includes("on till-2"))).toHaveLength(1);
  });

  test("looks at request headers, every line of them", () => {
    const deny = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: no-debug, namespace: prod }
spec: { action: DENY, rules: [{ when: [{ key: "request.headers[x-debug]", values: ["1"] }] }] }`;
    const records = recordsOf(deny);
    const ask = (...values: string[]) =>
      authzCheck(records, { ...FROM_WEB, headers: values.map((value) => ["X-Debug", value]) });
    expect(ask().allowed).toBe(true);
    expect(ask("0").allowed).toBe(true);
    expect(ask("0", "1").allowed).toBe(false);
  });

  test.each([
    [{ from: "web", to: "prod/orders" }, "--from"],
    [{ from: "prod/web", to: "orders" }, "--to"],
    [{ from: "prod/web", to: "prod/ordres" }, "no service prod/ordres"],
    [{ from: "prod/web", to: "prod/orders:81" }, "no such port"],
  ])("a question that cannot be asked is answered with no: %j", (query, text) => {
    const answer = authzCheck(recordsOf(), query);
    expect(answer).toMatchObject({ allowed: false, trace: undefined });
    expect(answer.lines[0]).toContain(text);
  });

  test("the trace is plain JSON", () => {
    const { trace } = authzCheck(recordsOf(), { ...FROM_WEB, method: "DELETE" });
    expect(JSON.parse(JSON.stringify(trace))).toEqual(JSON.parse(JSON.stringify(structuredClone(trace))));
    expect(JSON.stringify(trace)).toContain('"reason":"no_allow_matched"');
  });

  test("nothing of the question reaches the terminal unescaped", () => {
    const answer = authzCheck(recordsOf(), { ...FROM_WEB, method: "GET\u001b[2J\nALLOW" });
    for (const line of answer.lines) expect(line).not.toMatch(/\p{Cc}/u);
  });
});
