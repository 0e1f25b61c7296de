import { describe, expect, test } from "bun:test";
import type { AnyDocument } from "../../../model/documents.ts";
import type {
  ExternalRecord,
  ListenerRecord,
  ServiceRecord,
  SiteRecord,
  WorkloadRecord,
} from "../../../model/snapshot.ts";
import type { CompileResult } from "./compile.ts";
import { NEAREST_SEARCHES_MAX } from "./report.ts";
import {
  backend,
  compileAll,
  document,
  httpRoute,
  issueTexts,
  rule,
  service,
  site,
  toService,
  twoNodes,
  workload,
} from "./testing.ts";

interface ByKind {
  site: SiteRecord;
  workload: WorkloadRecord;
  service: ServiceRecord;
  listener: ListenerRecord;
  external: ExternalRecord;
}

function record<K extends keyof ByKind>(result: CompileResult, kind: K, key: string): ByKind[K] {
  const found = result.records.find((one) => one.kind === kind && one.key === key);
  if (found === undefined) throw new Error(`no ${key} among ${result.records.map((one) => one.key).join(", ")}`);
  return found as ByKind[K];
}

function codes(documents: readonly AnyDocument[], env = {}): string[] {
  return compileAll(documents, env).issues.map((issue) => issue.code);
}

describe("the site", () => {
  test("has defaults without a Site document", () => {
    const result = compileAll([]);
    expect(result.issues).toEqual([]);
    expect(record(result, "site", "site")).toMatchObject({
      name: "local",
      trustDomain: "local.mesh",
      node: "till-1",
      defaultAction: "deny",
      outboundTrafficPolicy: "REGISTRY_ONLY",
    });
    expect(result.records.filter((one) => one.kind === "listener").map((one) => one.key)).toEqual([
      "listener/metrics/127.0.0.1:15020",
      "listener/outbound/127.0.0.1:15001",
    ]);
  });

  test("takes its node from the flag, then the Site, then the host name", () => {
    const node = (env: object, spec: object) => record(compileAll([site(spec)], env), "site", "site").node;
    expect(node({ node: "flag" }, { node: "file" })).toBe("flag");
    expect(node({}, { node: "file" })).toBe("file");
    expect(node({}, {})).toBe("till-1");
  });

  test("is one", () => {
    expect(issueTexts(compileAll([site({}, "a"), site({}, "b")]))).toEqual([
      "SV1002 Site b beside Site a, expected one",
    ]);
  });

  test("keeps IPv6 listen addresses apart from their port", () => {
    const result = compileAll([site({ outbound: "[::1]:0" })]);
    expect(record(result, "listener", "listener/outbound/[::1]:0")).toMatchObject({ hostname: "::1", port: 0 });
  });
});

describe("documents", () => {
  test("of the same kind, namespace and name are refused, those of another namespace are not", () => {
    const twice = compileAll([workload("a"), workload("a"), workload("dev/a")]);
    expect(twice.issues.map((issue) => issue.code)).toEqual(["SV1001"]);
    expect(twice.issues[0]!.message).toContain("prod/a is defined twice, first at test.yaml:");
  });

  test("in another order give the same records", () => {
    const documents = [
      workload("a"),
      service("a"),
      workload("b"),
      service("b"),
      httpRoute("r2", [toService("a")], [rule({ backendRefs: [backend("b")] })]),
      httpRoute("r1", [toService("a")], [rule({ backendRefs: [backend("a")] })]),
    ];
    expect(JSON.stringify(compileAll([...documents].reverse()).records)).toBe(
      JSON.stringify(compileAll(documents).records),
    );
  });
});

describe("workloads", () => {
  test("have a principal of the site's trust domain, an app and a version", () => {
    const result = compileAll([
      site(),
      workload("orders-v2", { serviceAccount: "orders" }, { app: "orders", version: "v2" }),
    ]);
    expect(record(result, "workload", "workload/prod/orders-v2")).toMatchObject({
      principal: "store.mesh/ns/prod/sa/orders",
      app: "orders",
      version: "v2",
      isLocal: true,
      node: "till-1",
    });
  });

  test("have their selectors resolved on this machine", () => {
    const selectors = [
      ["unix:user:web"],
      ["unix:uid:7", "unix:path:/bin/x"],
      ["cgroup:/shop"],
      ["systemd:id:a.service"],
    ];
    const result = compileAll([workload("web", { selectors })]);
    expect(record(result, "workload", "workload/prod/web").selectors).toEqual([
      [{ type: "uid", uid: 1001 }],
      [
        { type: "uid", uid: 7 },
        { type: "path", path: "/bin/x" },
      ],
      [{ type: "cgroup", path: "/shop" }],
      [{ type: "systemd", unit: "a.service" }],
    ]);
  });

  test("with an unknown user are refused, but not where they run elsewhere", () => {
    const selectors = [["unix:user:nobody-here"]];
    const elsewhere = twoNodes();
    expect(codes([workload("web", { selectors })])).toEqual(["SV1005"]);
    expect(codes([...elsewhere, workload("web", { selectors, node: "till-2" })])).toEqual([]);
  });

  test("lose a whole entry with a selector that does not resolve", () => {
    const result = compileAll([workload("web", { selectors: [["cgroup:/shop", "unix:user:ghost"]] })]);
    expect(record(result, "workload", "workload/prod/web").selectors).toEqual([]);
  });

  test("of different service accounts may not be recognised alike", () => {
    const alike = (account: string) => [
      workload("a", { selectors: [["unix:user:web", "cgroup:/x"]] }),
      workload("b", { serviceAccount: account, selectors: [["cgroup:/x", "unix:uid:1001"]] }),
    ];
    expect(codes(alike("b"))).toEqual(["SV1006"]);
    expect(codes(alike("a"))).toEqual([]);
  });

  test("may call Services by any of their names and hosts outside the mesh", () => {
    const calls = ["orders", "orders.dev", "orders.prod.svc.cluster.local:80", "API.pay.example:443"];
    const result = compileAll([
      workload("web", { calls }),
      service("orders"),
      workload("orders"),
      service("dev/orders"),
      workload("dev/orders"),
    ]);
    expect(record(result, "workload", "workload/prod/web").calls).toEqual({
      services: ["service/prod/orders", "service/dev/orders"],
      hosts: ["api.pay.example:443"],
    });
    expect(record(compileAll([workload("web")]), "workload", "workload/prod/web").calls).toBeNull();
  });

  test("may not call what does not exist", () => {
    const result = compileAll([workload("web", { calls: ["order"] }), service("orders"), workload("orders")]);
    expect(issueTexts(result)).toEqual([
      'SV1012 calls names "order", but there is no such Service (did you mean orders?)',
    ]);
    expect(record(result, "workload", "workload/prod/web").calls).toEqual({ services: [], hosts: [] });
  });
});

describe("services", () => {
  test("have the names of the contract", () => {
    expect(record(compileAll([service("orders"), workload("orders")]), "service", "service/prod/orders")).toMatchObject(
      {
        host: "orders.prod.svc.cluster.local",
        aliases: ["orders.prod", "orders.prod.mesh", "orders.prod.svc"],
      },
    );
  });

  test("find their endpoints by all labels of the selector, in their own namespace", () => {
    const result = compileAll([
      service("orders", { selector: { app: "orders", version: "v2" } }),
      workload("v1", {}, { app: "orders", version: "v1" }),
      workload("v2", { ports: { http: 9002 } }, { app: "orders", version: "v2" }),
      workload("socket", { address: "unix:/run/o.sock", ports: {} }, { app: "orders", version: "v2", more: "x" }),
      workload("caller", { address: undefined, ports: {} }, { app: "orders", version: "v2" }),
      workload("dev/v2", {}, { app: "orders", version: "v2" }),
    ]);
    expect(result.issues).toEqual([]);
    expect(record(result, "service", "service/prod/orders").ports[0]!.endpoints).toEqual([
      { workload: "workload/prod/socket", unix: "/run/o.sock" },
      { workload: "workload/prod/v2", hostname: "127.0.0.1", port: 9002 },
    ]);
  });

  test("report a target port that the workload lacks", () => {
    const ports = (targetPort: string | number) => ({
      ports: [{ name: undefined, port: 80, targetPort, appProtocol: "http" as const }],
    });
    const texts = (targetPort: string | number) =>
      issueTexts(compileAll([service("a", ports(targetPort)), workload("a")]));
    expect(texts("htp")).toEqual([
      'SV1007 Service prod/a targets port "htp", which Workload prod/a does not have (did you mean http?)',
    ]);
    expect(texts(80)).toEqual([
      "SV1008 Service prod/a targets port 80, but Workload prod/a has { http: 9000 } (write targetPort: http)",
    ]);
    expect(texts(9000)).toEqual([]);
  });

  test("report a selector that selects nothing, unless they have none", () => {
    expect(codes([service("a")])).toEqual(["SV1009"]);
    expect(codes([service("a"), workload("a", { address: undefined, ports: {} })])).toEqual(["SV1009"]);
    expect(codes([service("a", { selector: undefined })])).toEqual([]);
  });

  test("listen on their clusterIP at each of their ports", () => {
    const result = compileAll([
      workload("db", { ports: { http: 9000, sql: 9001 } }),
      service("db", {
        clusterIP: "127.77.0.5",
        ports: [
          { name: "http", port: 80, targetPort: "http", appProtocol: "http" },
          { name: "sql", port: 5432, targetPort: "sql", appProtocol: "tcp" },
        ],
      }),
    ]);
    expect(record(result, "listener", "listener/service/127.77.0.5:5432")).toEqual({
      kind: "listener",
      key: "listener/service/127.77.0.5:5432",
      role: "service",
      hostname: "127.77.0.5",
      port: 5432,
      service: "service/prod/db",
      servicePort: 5432,
    });
    expect(record(result, "listener", "listener/service/127.77.0.5:80").service).toBe("service/prod/db");
  });

  test("may not share a clusterIP, nor an address with the site's listeners or a workload", () => {
    const on = (clusterIP: string, port: number) => ({
      clusterIP,
      ports: [{ name: undefined, port, targetPort: "http", appProtocol: "http" as const }],
    });
    const both = [workload("a"), workload("b")];
    expect(codes([...both, service("a", on("127.77.0.5", 80)), service("b", on("127.77.0.5", 81))])).toEqual([
      "SV1010",
    ]);
    expect(codes([site({ outbound: "0.0.0.0:15001" }), workload("a"), service("a", on("127.77.0.5", 15001))])).toEqual([
      "SV1011",
    ]);
    expect(codes([site({ outbound: "127.0.0.1:7", metrics: "127.0.0.1:7" })])).toEqual(["SV1011"]);
    expect(codes([site({ outbound: "127.0.0.1:0", metrics: "127.0.0.1:0" })])).toEqual([]);
    expect(codes([workload("a", { address: "0.0.0.0" }), service("a", on("127.77.0.5", 9000))])).toEqual(["SV1013"]);
  });

  test("take connection settings from a DestinationRule", () => {
    const settings = (host: string, name = "d") =>
      document("DestinationRule", name, {
        host,
        loadBalancer: "LEAST_REQUEST",
        connectTimeoutMs: 500,
        maxConnections: 9,
        http1MaxPendingRequests: 8,
        idleTimeoutMs: undefined,
      });
    const base = [workload("a"), service("a")];
    const port = record(compileAll([...base, settings("a.prod.svc.cluster.local")]), "service", "service/prod/a")
      .ports[0]!;
    expect(port).toMatchObject({
      loadBalancer: "LEAST_REQUEST",
      connectTimeoutMs: 500,
      maxConnections: 9,
      maxPendingRequests: 8,
    });
    expect("idleTimeoutMs" in port).toBe(false);
    expect(codes([...base, settings("b")])).toEqual(["SV1203"]);
    expect(codes([...base, settings("a"), settings("a.prod", "e")])).toEqual(["SV1204"]);
  });
});

describe("hosts outside the mesh", () => {
  const entry = (name: string, spec: Partial<ReturnType<typeof document<"ServiceEntry">>["spec"]>) =>
    document("ServiceEntry", name, {
      hosts: ["api.pay.example"],
      ports: [{ number: 443, name: "tls", protocol: "TLS", targetPort: undefined }],
      location: "MESH_EXTERNAL",
      resolution: "DNS",
      endpoints: [],
      ...spec,
    });

  test("resolve to their own name, to endpoints, or to what the caller said", () => {
    const endpoints = (spec: Parameters<typeof entry>[1]) =>
      record(compileAll([entry("pay", spec)]), "external", "external/prod/pay/api.pay.example").ports[0]!.endpoints;
    expect(endpoints({})).toEqual([{ hostname: "api.pay.example", port: 443 }]);
    expect(endpoints({ resolution: "NONE" })).toEqual([]);
    expect(
      endpoints({
        resolution: "STATIC",
        endpoints: [
          { address: "10.0.0.9", ports: { tls: 8443 } },
          { address: "10.0.0.8", ports: {} },
        ],
      }),
    ).toEqual([
      { hostname: "10.0.0.9", port: 8443 },
      { hostname: "10.0.0.8", port: 443 },
    ]);
    expect(endpoints({ resolution: "STATIC", endpoints: [{ address: "unix:///run/pay.sock", ports: {} }] })).toEqual([
      { unix: "/run/pay.sock" },
    ]);
  });

  test("are refused without an address and when two entries claim one", () => {
    expect(codes([entry("pay", { resolution: "STATIC" })])).toEqual(["SV1201"]);
    expect(codes([entry("pay", { hosts: ["*.pay.example"] })])).toEqual(["SV1201"]);
    expect(codes([entry("pay", {}), entry("other", { hosts: ["API.pay.example"] })])).toEqual(["SV1202"]);
  });
});

test("hints are searched for a bounded number of times", () => {
  const refs = Array.from({ length: NEAREST_SEARCHES_MAX + 10 }, (_, index) =>
    httpRoute(`r${index}`, [toService("orders")], [rule({ backendRefs: [backend("order")] })]),
  );
  const result = compileAll([service("orders"), workload("orders"), ...refs]);
  expect(result.issues.filter((issue) => issue.hint?.startsWith("did you mean")).length).toBe(NEAREST_SEARCHES_MAX);
  expect(result.issues.length).toBe(NEAREST_SEARCHES_MAX + 10);
});

test("a PeerAuthentication that turns encryption off is told that it cannot", () => {
  const peer = (mode: "STRICT" | "DISABLE") =>
    document("PeerAuthentication", "p", { selector: undefined, mode, portLevelMtls: {} });
  expect(codes([peer("STRICT")])).toEqual([]);
  expect(codes([peer("DISABLE")])).toEqual(["SV1205"]);
});
