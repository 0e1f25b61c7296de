import { describe, expect, test } from "bun:test";
import type { AnyDocument } from "../../../model/documents.ts";
import type { SnapshotRecord } from "../../../model/snapshot.ts";
import { compileAll, document, issueTexts, service, site, twoNodes, workload } from "./testing.ts";

function records<K extends SnapshotRecord["kind"]>(documents: readonly AnyDocument[], kind: K, env: object = {}) {
  const { records: all } = compileAll(documents, env);
  return all.filter((one): one is Extract<SnapshotRecord, { kind: K }> => one.kind === kind);
}

function codes(documents: readonly AnyDocument[], env = {}): string[] {
  return compileAll(documents, env).issues.map((issue) => issue.code);
}

describe("nodes", () => {
  test("are none where the site has one node and no tunnel", () => {
    expect(records([site({ node: "till-1" }), workload("a"), service("a")], "node")).toEqual([]);
  });

  test("are records of all, this one among them, and the tunnel is listened on", () => {
    expect(compileAll(twoNodes()).issues).toEqual([]);
    expect(records(twoNodes(), "node")).toEqual([
      { kind: "node", key: "node/till-1", name: "till-1", hostname: "10.0.0.1", port: 15008, isLocal: true },
      { kind: "node", key: "node/till-2", name: "till-2", hostname: "10.0.0.2", port: 15008, isLocal: false },
    ]);
    const tunnel = { kind: "listener", key: "listener/tunnel/0.0.0.0:15008", role: "tunnel" } as const;
    expect(records(twoNodes(), "listener").filter((one) => one.role === "tunnel")).toEqual([
      { ...tunnel, hostname: "0.0.0.0", port: 15008 },
    ]);
  });

  test("see each other from either side", () => {
    const isLocal = (node: string) =>
      records(twoNodes(), "node", { node }).flatMap((one) => (one.isLocal ? [one.name] : []));
    expect(isLocal("till-1")).toEqual(["till-1"]);
    expect(isLocal("till-2")).toEqual(["till-2"]);
  });

  test("take names and IPv6 addresses", () => {
    const nodes = [
      ...twoNodes(),
      document("Node", "till-3", { address: "[fd00::3]:15008" }),
      document("Node", "till-4", { address: "Till-4.Store.example:443" }),
    ];
    const addresses = records(nodes, "node").map(({ hostname, port }) => `${hostname} ${port}`);
    expect(addresses.slice(2)).toEqual(["fd00::3 15008", "till-4.store.example 443"]);
  });

  test("are told where this one is none of them", () => {
    expect(issueTexts(compileAll(twoNodes(), { node: "til-1" }))[0]).toEndWith("(did you mean till-1?)");
    expect(issueTexts(compileAll(twoNodes(), { node: "other" }))[0]).toEndWith(
      "(say which one it is: --node till-1 or --node till-2)",
    );
  });

  test("may not share an address", () => {
    const clash = document("Node", "till-3", { address: "10.0.0.2:15008" });
    expect(issueTexts(compileAll([...twoNodes(), clash]))).toEqual([
      "SV1015 Node till-3 has the address 10.0.0.2:15008, and so has till-2",
    ]);
  });

  test("are defined once, whatever the namespace", () => {
    const again = document("Node", "elsewhere/till-2", { address: "10.0.0.9:15008" });
    expect(codes([...twoNodes(), again])).toEqual(["SV1001"]);
  });

  test("need a tunnel where there are several", () => {
    expect(issueTexts(compileAll(twoNodes({ tunnel: undefined })))).toEqual([
      "SV1016 the site has several nodes (till-1, till-2), but Site.spec.tunnel is not set (add tunnel: 0.0.0.0:15008 to the spec of the Site)",
    ]);
  });

  test("that only the Site names can call others, and a warning says that nobody can call them", () => {
    const documents = [
      site({ node: "till-1", tunnel: "0.0.0.0:15008" }),
      document("Node", "till-2", { address: "10.0.0.2:15008" }),
    ];
    expect(codes(documents)).toEqual(["SV1017"]);
    expect(records(documents, "node")[0]).toEqual({ kind: "node", key: "node/till-1", name: "till-1", isLocal: true });
  });
});

describe("workloads of several nodes", () => {
  test("say where they run", () => {
    expect(codes([...twoNodes(), workload("a")])).toEqual(["SV1003"]);
    expect(codes([...twoNodes(), workload("a", { node: "all" })])).toEqual([]);
    expect(issueTexts(compileAll([...twoNodes(), workload("a", { node: "till-3" })]))[0]).toEndWith(
      'runs on node "till-3", which does not exist (did you mean till-1?)',
    );
  });

  test("are recognised on their own node only", () => {
    const documents = [...twoNodes(), workload("web", { node: "till-2", selectors: [["unix:user:nobody-here"]] })];
    expect(compileAll(documents).issues).toEqual([]);
    expect(records(documents, "workload")[0]).toMatchObject({ isLocal: false, node: "till-2", selectors: [] });
    expect(codes(documents, { node: "till-2" })).toEqual(["SV1005"]);
  });

  test("are reached by their node, at an address or a unix socket that is its business", () => {
    const documents = [
      ...twoNodes(),
      workload("a", { node: "till-2" }),
      workload("b", { node: "till-2", address: "unix:/run/b.sock", ports: {} }, { app: "a" }),
      service("a"),
    ];
    expect(records(documents, "service")[0]?.ports[0]?.endpoints).toEqual([
      { workload: "workload/prod/a", node: "till-2", hostname: "127.0.0.1", port: 9000 },
      { workload: "workload/prod/b", node: "till-2", unix: "/run/b.sock" },
    ]);
  });

  test("on all of them are endpoints here and there, this node's first", () => {
    const documents = [...twoNodes(), workload("a", { node: "all" }), service("a")];
    const endpoints = (node: string) => records(documents, "service", { node })[0]?.ports[0]?.endpoints;
    const here = { workload: "workload/prod/a", hostname: "127.0.0.1", port: 9000 };
    expect(endpoints("till-1")).toEqual([here, { ...here, node: "till-2" }]);
    expect(endpoints("till-2")).toEqual([here, { ...here, node: "till-1" }]);
    expect(records(documents, "workload")[0]).toMatchObject({ isLocal: true, node: "till-1", isOnEveryNode: true });
  });

  test("on all of one node are what they were without nodes", () => {
    const compiled = (node: string | undefined) => {
      const documents = [site({ node: "till-1" }), workload("a", { node }), service("a")];
      return JSON.stringify(compileAll(documents).records).replaceAll(/"line":\d+/g, "");
    };
    expect(compiled("all")).toBe(compiled(undefined));
  });

  test("may have one address and port on each", () => {
    const documents = [...twoNodes(), workload("a", { node: "till-1" }), workload("b", { node: "till-2" })];
    expect(codes(documents)).toEqual([]);
  });
});

describe("a Gateway on a site of several nodes", () => {
  const gateway = (address: string | undefined) =>
    document("Gateway", "lan", {
      gatewayClassName: "selvedge",
      addresses: address === undefined ? [] : [address],
      listeners: [{ name: "web", hostname: undefined, port: 80, protocol: "HTTP", allowedNamespaces: "Same" }],
    });
  const nodesOf = (address: string | undefined, node: string) =>
    records([...twoNodes(), gateway(address)], "listener", { node }).flatMap((one) =>
      one.role === "gateway" ? [one.node] : [],
    );

  test("listens on every node where it names no address, or one that is no node's", () => {
    for (const address of [undefined, "0.0.0.0", "192.168.1.1"]) {
      expect(nodesOf(address, "till-1")).toEqual([undefined]);
      expect(nodesOf(address, "till-2")).toEqual([undefined]);
    }
  });

  test("listens on the one whose address it names, and the others know its routes", () => {
    expect(nodesOf("10.0.0.2", "till-2")).toEqual([undefined]);
    expect(nodesOf("10.0.0.2", "till-1")).toEqual(["till-2"]);
  });

  test("is in nobody's way where it does not listen", () => {
    const all = { ...gateway("0.0.0.0"), metadata: { ...gateway(undefined).metadata, name: "all" } };
    const documents = [...twoNodes(), gateway("10.0.0.2"), all];
    expect(codes(documents, { node: "till-1" })).toEqual([]);
    expect(codes(documents, { node: "till-2" })).toEqual(["SV1011"]);
  });
});
