/** What two nodes with the same documents make of one request: the caller's, and the one where the endpoint lives. */
import { describe, expect, test } from "bun:test";
import { FLAG } from "../../../src/model/response-flags.ts";
import { NodeDecider, type NodeDecision } from "../../support/node-decider.ts";
import { getText } from "../../support/raw-http.ts";
import { doc, GATEWAY_API, ISTIO_SECURITY, policyDoc, routeDoc, serviceDoc } from "../../support/test-mesh.ts";

type Json = Readonly<Record<string, unknown>>;

const site = (more: Json = {}): Json =>
  doc("selvedge/v1", "Site", "test", {
    trustDomain: "test.example",
    outbound: "127.0.0.1:0",
    metrics: "127.0.0.1:0",
    tunnel: "127.0.0.1:0",
    defaultAction: "allow",
    ...more,
  });
const nodes = ["till-1", "till-2"].map((name, at) =>
  doc("selvedge/v1", "Node", name, { address: `10.0.0.${at + 1}:15008` }),
);
const workload = (name: string, node: string, more: Json = {}, labels: Json = {}): Json =>
  doc("selvedge/v1", "Workload", name, { node, ...more }, { app: name, ...labels });
const served = (name: string, node: string, port: number, labels: Json = {}): Json =>
  workload(name, node, { address: "127.0.0.1", ports: { main: port } }, labels);

/** Web calls from till-1; v1 of orders is there too, v2 on till-2. */
const base: readonly Json[] = [
  workload("web", "till-1", { selectors: [["unix:uid:1"]] }),
  workload("other", "till-1", { selectors: [["unix:uid:2"]] }),
  served("orders-v1", "till-1", 9001),
  served("orders-v2", "till-2", 9002),
  served("stock", "till-2", 9003),
  serviceDoc("orders-v1"),
  serviceDoc("orders-v2"),
  serviceDoc("stock"),
  serviceDoc("orders", { selector: { app: "orders-v2" } }),
];
const text = (documents: readonly Json[], more: Json = {}): string =>
  [site(more), ...nodes, ...base, ...documents].map((one) => `---\n${JSON.stringify(one)}\n`).join("");

function pair(documents: readonly Json[], more: Json = {}): { source: NodeDecider; there: NodeDecider } {
  const yaml = text(documents, more);
  return { source: new NodeDecider("till-1", yaml), there: new NodeDecider("till-2", yaml) };
}

const pinOf = (head: string): string => /^x-selvedge-to: (.*)\r$/m.exec(head)?.[1] ?? "";
const lines = (head: string, name: string): string[] =>
  head
    .split("\r\n")
    .filter((line) => line.toLowerCase().startsWith(`${name}: `))
    .map((line) => line.slice(name.length + 2));

/** What the other node makes of what the first one sends. */
function passedOn(there: NodeDecider, sent: NodeDecision, caller: string): NodeDecision {
  expect(sent.outcome).toBe("forward");
  expect(sent.node).toBe("till-2");
  const pin = there.pin(pinOf(sent.head));
  expect(pin).not.toBeNull();
  return there.decide(sent.head, there.caller(caller, "10.0.0.1"), pin);
}

const WEB = "workload/prod/web";

describe("a request for an endpoint on another node", () => {
  const rewriting = routeDoc("orders", "orders", [
    {
      matches: [{ path: { type: "PathPrefix", value: "/api" } }],
      filters: [
        {
          type: "URLRewrite",
          urlRewrite: { hostname: "inner.example", path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/v2" } },
        },
        { type: "RequestHeaderModifier", requestHeaderModifier: { add: [{ name: "x-edited", value: "yes" }] } },
        { type: "ResponseHeaderModifier", responseHeaderModifier: { add: [{ name: "x-answered", value: "yes" }] } },
      ],
      backendRefs: [{ name: "orders-v2", port: 80 }],
    },
  ]);

  test("leaves as it was received, with handle and pin, and nothing of a rewrite or an edit", () => {
    const { source } = pair([rewriting]);
    const sent = source.decide(getText("/api/a?b=c", "orders"), source.caller(WEB));
    expect(sent.head).toStartWith("GET /api/a?b=c HTTP/1.1\r\nhost: orders\r\n");
    expect(lines(sent.head, "x-selvedge-as")).toEqual(["7"]);
    expect(pinOf(sent.head)).toBe(
      "service/prod/orders:80 service/prod/orders-v2:80 workload/prod/orders-v2|127.0.0.1:9002",
    );
    expect(sent.head).not.toInclude("x-edited");
    expect(sent.head).not.toInclude("x-forwarded-client-cert");
    expect(sent.responseEdits).toEqual([]);
  });

  test("is rewritten, edited and signed with the caller's identity there, once", () => {
    const { source, there } = pair([rewriting]);
    const sent = source.decide(getText("/api/a?b=c", "orders"), source.caller(WEB));
    const got = passedOn(there, sent, WEB);
    expect(got.outcome).toBe("forward");
    expect(got.node).toBe("");
    expect(got.address).toBe("127.0.0.1:9002");
    expect(got.head).toStartWith("GET /v2/a?b=c HTTP/1.1\r\nhost: inner.example\r\n");
    expect(lines(got.head, "x-edited")).toEqual(["yes"]);
    expect(got.responseEdits).toEqual(["x-answered: yes"]);
    expect(lines(got.head, "x-forwarded-client-cert")).toEqual([
      "By=spiffe://test.example/ns/prod/sa/orders-v2;URI=spiffe://test.example/ns/prod/sa/web",
    ]);
    expect(got.head).not.toInclude("x-selvedge-");
  });

  test("keeps one trace and one request id through both nodes, and what the caller says of clients before it", () => {
    const { source, there } = pair([]);
    const ids = ["traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "x-request-id: 4711"];
    const request = getText("/", "orders", "x-forwarded-for: 192.0.2.1", "x-forwarded-host: shop.example", ...ids);
    const sent = source.decide(request, source.caller(WEB));
    const got = passedOn(there, sent, WEB);
    for (const name of ["traceparent", "x-request-id"]) {
      expect([lines(got.head, name).length, lines(got.head, name)]).toEqual([1, lines(sent.head, name)]);
    }
    expect(lines(got.head, "x-forwarded-for")).toEqual(["192.0.2.1"]);
    expect(lines(got.head, "x-forwarded-host")).toEqual(["shop.example"]);
  });

  test("cannot bring a pin, a handle or an identity of its own", () => {
    const { source } = pair([]);
    const request = getText(
      "/",
      "orders",
      "x-selvedge-as: 3",
      "X-Selvedge-To: a b c",
      "x-forwarded-client-cert: URI=spiffe://x",
    );
    const sent = source.decide(request, source.caller(WEB));
    expect(lines(sent.head, "x-selvedge-as")).toEqual(["7"]);
    expect(lines(sent.head, "x-selvedge-to")).toHaveLength(1);
    expect(sent.head).not.toInclude("x-forwarded-client-cert");
  });

  test("from a caller without identity is refused before it leaves", () => {
    const { source } = pair([]);
    const sent = source.decide(getText("/", "orders.prod"), source.caller(""));
    expect([sent.outcome, sent.status, sent.flag]).toEqual(["reply", 403, FLAG.RBAC]);
    expect(sent.reason).toBe("a caller without identity cannot cross nodes");
  });

  test("of a caller without identity goes to an endpoint on its own node where there is one", () => {
    const { source } = pair([serviceDoc("both", { selector: {} })]);
    for (let i = 0; i < 20; i++) {
      const sent = source.decide(getText("/", "both.prod"), source.caller(""));
      expect([sent.outcome, sent.node, sent.address]).toEqual(["forward", "", "127.0.0.1:9001"]);
    }
  });
});

describe("a split over two nodes", () => {
  const split = routeDoc("orders", "orders", [
    {
      backendRefs: [
        { name: "orders-v1", port: 80, weight: 9 },
        { name: "orders-v2", port: 80, weight: 1 },
      ],
    },
  ]);

  test("is exact, and the other node draws no lot of its own", () => {
    const { source, there } = pair([split]);
    const counts = { "": 0, "till-2": 0 };
    for (let i = 0; i < 1000; i++) {
      const sent = source.decide(getText("/", "orders"), source.caller(WEB));
      counts[sent.node as "" | "till-2"]++;
      if (sent.node === "") continue;
      expect(passedOn(there, sent, WEB).address).toBe("127.0.0.1:9002");
    }
    expect(counts).toEqual({ "": 900, "till-2": 100 });
  });

  test("may name one Service twice with different filters, and each share keeps its own", () => {
    const variant = (value: string): Json => ({
      name: "orders-v2",
      port: 80,
      filters: [{ type: "RequestHeaderModifier", requestHeaderModifier: { set: [{ name: "x-variant", value }] } }],
    });
    const { source, there } = pair([routeDoc("orders", "orders", [{ backendRefs: [variant("a"), variant("b")] }])]);
    const seen = new Map<string, number>();
    for (let i = 0; i < 20; i++) {
      const got = passedOn(there, source.decide(getText("/", "orders"), source.caller(WEB)), WEB);
      const [value = ""] = lines(got.head, "x-variant");
      seen.set(value, (seen.get(value) ?? 0) + 1);
    }
    expect([...seen].sort()).toEqual([
      ["a", 10],
      ["b", 10],
    ]);
  });
});

describe("the other node refuses", () => {
  const routes = routeDoc("orders", "orders", [
    { matches: [{ path: { type: "PathPrefix", value: "/v2" } }], backendRefs: [{ name: "orders-v2", port: 80 }] },
    { matches: [{ path: { type: "PathPrefix", value: "/" } }], backendRefs: [{ name: "orders-v1", port: 80 }] },
  ]);
  const pinned = "service/prod/orders:80 service/prod/orders-v2:80 workload/prod/orders-v2|127.0.0.1:9002";

  test("a request that its routes do not lead to where it is pinned", () => {
    const { there } = pair([routes]);
    const got = there.decide(getText("/other", "orders"), there.caller(WEB), there.pin(pinned));
    expect([got.outcome, got.status, got.flag]).toEqual(["reply", 503, FLAG.UH]);
    expect(got.reason).toBe("the nodes' documents disagree");
    expect(there.decide(getText("/v2", "orders"), there.caller(WEB), there.pin(pinned)).outcome).toBe("forward");
  });

  test("a request for a Service with routes none of which matches", () => {
    const only = routeDoc("orders", "orders", [
      { matches: [{ path: { type: "Exact", value: "/v2" } }], backendRefs: [{ name: "orders-v2", port: 80 }] },
    ]);
    const { there } = pair([only]);
    const got = there.decide(getText("/", "orders"), there.caller(WEB), there.pin(pinned));
    expect([got.status, got.flag]).toEqual([503, FLAG.UH]);
  });

  test("a pin to another Service where nothing is routed", () => {
    const { there } = pair([]);
    const pin = there.pin("service/prod/orders:80 service/prod/stock:80 workload/prod/stock|127.0.0.1:9003");
    const got = there.decide(getText("/", "orders"), there.caller(WEB), pin);
    expect([got.status, got.flag]).toEqual([503, FLAG.UH]);
  });

  test("a pin to a share that the rule does not have a second time", () => {
    const { there } = pair([routes]);
    const pin = there.pin(pinned.replace("orders-v2:80 ", "orders-v2:80#1 "));
    const got = there.decide(getText("/v2", "orders"), there.caller(WEB), pin);
    expect([got.status, got.flag]).toEqual([503, FLAG.UH]);
  });

  test.each([
    "service/prod/orders:80 service/prod/orders-v2:80 workload/prod/orders-v2|127.0.0.1:9999",
    "service/prod/orders:80 service/prod/orders-v1:80 workload/prod/orders-v1|127.0.0.1:9001",
    "service/prod/orders:81 service/prod/orders-v2:80 workload/prod/orders-v2|127.0.0.1:9002",
    "service/prod/orders:80 service/prod/orders-v2:81 workload/prod/orders-v2|127.0.0.1:9002",
    "service/prod/nobody:80 service/prod/orders-v2:80 workload/prod/orders-v2|127.0.0.1:9002",
    "gateway/prod/lan/web service/prod/orders-v2:80 workload/prod/orders-v2|127.0.0.1:9002",
  ])("to know a pin that its documents do not have: %s", (pin) => {
    const { there } = pair([routes]);
    expect(there.pin(pinned)).not.toBeNull();
    expect(there.pin(pin)).toBeNull();
  });

  test("what a policy of the workload denies after the rewrite, whatever the first node let through", () => {
    const rewriting = routeDoc("orders", "orders", [
      {
        filters: [
          { type: "URLRewrite", urlRewrite: { path: { type: "ReplaceFullPath", replaceFullPath: "/secret" } } },
        ],
        backendRefs: [{ name: "orders-v2", port: 80 }],
      },
    ]);
    const denying = policyDoc("no-secrets", "orders-v2", "DENY", [{ to: [{ operation: { paths: ["/secret"] } }] }]);
    const open = text([rewriting]);
    const source = new NodeDecider("till-1", open);
    const there = new NodeDecider("till-2", text([rewriting, denying]));
    const got = passedOn(there, source.decide(getText("/a", "orders"), source.caller(WEB)), WEB);
    expect([got.status, got.flag, got.reason]).toEqual([403, FLAG.RBAC, "explicit_deny"]);
    // The first one knows the same policy, once it has the same documents.
    source.serve(text([rewriting, denying]));
    expect(source.decide(getText("/a", "orders"), source.caller(WEB)).status).toBe(403);
  });

  test("what a policy of the Service denies as received", () => {
    const denying = doc(ISTIO_SECURITY, "AuthorizationPolicy", "no-admin", {
      targetRefs: [{ group: "", kind: "Service", name: "orders" }],
      action: "DENY",
      rules: [{ to: [{ operation: { paths: ["/admin"] } }] }],
    });
    const { there } = pair([denying]);
    const pin = there.pin("service/prod/orders:80 service/prod/orders:80 workload/prod/orders-v2|127.0.0.1:9002");
    expect(there.decide(getText("/admin", "orders"), there.caller(WEB), pin).status).toBe(403);
    expect(there.decide(getText("/other", "orders"), there.caller(WEB), pin).outcome).toBe("forward");
  });

  test("by the identity that was proven, and by whom that one may call", () => {
    const onlyWeb = policyDoc("only-web", "orders-v2", "ALLOW", [
      { from: [{ source: { principals: ["test.example/ns/prod/sa/web"] } }] },
    ]);
    const narrow = workload("narrow", "till-1", { selectors: [["unix:uid:3"]], calls: ["stock"] });
    const { there } = pair([onlyWeb, narrow]);
    const pin = there.pin("service/prod/orders:80 service/prod/orders:80 workload/prod/orders-v2|127.0.0.1:9002");
    expect(there.decide(getText("/", "orders"), there.caller(WEB), pin).outcome).toBe("forward");
    expect(there.decide(getText("/", "orders"), there.caller("workload/prod/other"), pin).flag).toBe(FLAG.RBAC);
    expect(there.decide(getText("/", "orders"), there.caller("workload/prod/narrow"), pin).flag).toBe(FLAG.CALLS);
  });

  test("an endpoint that is taken out of rotation, so that the first one tries elsewhere", () => {
    const { there } = pair([]);
    const pin = there.pin("service/prod/orders:80 service/prod/orders:80 workload/prod/orders-v2|127.0.0.1:9002");
    Object.assign(pin!, { target: { ...pin!.target, isDrained: true } });
    const got = there.decide(getText("/", "orders"), there.caller(WEB), pin);
    expect([got.status, got.flag]).toEqual([503, FLAG.UH]);
  });
});

describe("a caller at a Gateway", () => {
  const gateway = [
    doc(GATEWAY_API, "Gateway", "lan", {
      gatewayClassName: "selvedge",
      addresses: [{ type: "IPAddress", value: "127.0.0.1" }],
      listeners: [{ name: "web", port: 8080, protocol: "HTTP" }],
    }),
    doc(GATEWAY_API, "HTTPRoute", "shop", {
      parentRefs: [{ name: "lan" }],
      hostnames: ["shop.example"],
      rules: [{ backendRefs: [{ name: "orders-v2", port: 80 }] }],
    }),
    doc(ISTIO_SECURITY, "AuthorizationPolicy", "lan", {
      targetRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "lan" }],
      action: "ALLOW",
      rules: [{ from: [{ source: { ipBlocks: ["192.0.2.0/24"] } }] }],
    }),
  ];
  const NAME = "prod/lan/web";

  test("crosses nodes without identity, with the address that it came from, and is judged by it again", () => {
    const { source, there } = pair(gateway);
    const sent = source.decide(
      getText("/", "shop.example", "x-forwarded-for: 1.2.3.4"),
      source.caller("", "192.0.2.9"),
      null,
      NAME,
    );
    expect(sent.node).toBe("till-2");
    expect(lines(sent.head, "x-forwarded-for")).toEqual(["192.0.2.9"]);
    expect(pinOf(sent.head)).toStartWith(`gateway/${NAME} service/prod/orders-v2:80 `);
    const pin = there.pin(pinOf(sent.head));
    const got = there.decide(sent.head, there.caller("", "192.0.2.9"), pin);
    expect([got.outcome, got.address]).toEqual(["forward", "127.0.0.1:9002"]);
    const forwarded = ["x-forwarded-for", "x-forwarded-proto"].flatMap((name) => lines(got.head, name));
    expect(forwarded).toEqual(["192.0.2.9", "http"]);
    expect(got.head).not.toInclude("x-forwarded-client-cert");
    expect(there.decide(sent.head, there.caller("", "198.51.100.1"), pin).status).toBe(403);
  });
});

describe("a TCP stream", () => {
  const databases = (weights: readonly [number, number]): readonly Json[] => [
    served("db-1", "till-1", 5001),
    served("db-2", "till-2", 5002),
    serviceDoc("db-1", {}, 5432, "tcp"),
    serviceDoc("db-2", {}, 5432, "tcp"),
    serviceDoc("db", { selector: { app: "db-2" } }, 5432, "tcp"),
    doc(`${GATEWAY_API}alpha2`, "TCPRoute", "db", {
      parentRefs: [{ group: "", kind: "Service", name: "db", port: 5432 }],
      rules: [
        {
          backendRefs: [
            { name: "db-1", port: 5432, weight: weights[0] },
            { name: "db-2", port: 5432, weight: weights[1] },
          ],
        },
      ],
    }),
  ];
  const PINNED = "service/prod/db:5432 service/prod/db-2:5432 workload/prod/db-2|127.0.0.1:5002";

  test("is split exactly over two nodes, and found again at the other one", () => {
    const { source, there } = pair(databases([3, 1]));
    let crossed = 0;
    for (let i = 0; i < 100; i++) {
      const verdict = source.judge("db:5432", source.caller(WEB));
      expect(verdict.flag).toBe(FLAG.none);
      if (verdict.target!.node === "till-2") crossed++;
    }
    expect(crossed).toBe(25);
    const verdict = there.judgePinned(there.pin(PINNED)!, there.caller(WEB));
    expect([verdict.flag, verdict.target?.endpoint.address]).toEqual([FLAG.none, "127.0.0.1:5002"]);
    expect(verdict.permit).not.toBeNull();
  });

  test("of a caller without identity does not cross", () => {
    const { source } = pair(databases([0, 1]));
    const verdict = source.judge("db.prod:5432", source.caller(""));
    expect([verdict.flag, verdict.target]).toEqual([FLAG.RBAC, null]);
    expect(verdict.reason).toBe("a caller without identity cannot cross nodes");
  });

  test("is refused there by policy, by whom the caller may call, and where the documents disagree", () => {
    const denying = policyDoc("no-web", "db-2", "DENY", [
      { from: [{ source: { principals: ["test.example/ns/prod/sa/web"] } }] },
    ]);
    const narrow = workload("narrow", "till-1", { selectors: [["unix:uid:3"]], calls: ["stock"] });
    const { there } = pair([...databases([1, 1]), denying, narrow]);
    const flagFor = (pin: string, caller: string): number =>
      there.judgePinned(there.pin(pin)!, there.caller(caller)).flag;
    expect(flagFor(PINNED, WEB)).toBe(FLAG.RBAC);
    expect(flagFor(PINNED, "workload/prod/other")).toBe(FLAG.none);
    expect(flagFor(PINNED, "workload/prod/narrow")).toBe(FLAG.CALLS);
    const elsewhere = "service/prod/db:5432 service/prod/stock:80 workload/prod/stock|127.0.0.1:9003";
    expect(flagFor(elsewhere, "workload/prod/other")).toBe(FLAG.UH);
    // A port that speaks HTTP is no way to a stream that nobody looks into.
    const http = "service/prod/stock:80 service/prod/stock:80 workload/prod/stock|127.0.0.1:9003";
    expect(flagFor(http, "workload/prod/other")).toBe(FLAG.UH);
  });
});
