/** What another node asks for again: the decision is remembered only where it could not have been another one. */
import { describe, expect, test } from "bun:test";
import { NodeDecider, type NodeDecision } from "../../../test/support/node-decider.ts";
import { getText } from "../../../test/support/raw-http.ts";
import { doc, ISTIO_SECURITY, policyDoc, routeDoc, serviceDoc } from "../../../test/support/test-mesh.ts";
import type { SnapshotRecord } from "../../model/snapshot.ts";
import { RequestHead } from "../../wire/http1/head.ts";
import { parseRequestHead } from "../../wire/http1/parse-request.ts";
import type { CallerIdentity } from "../caller.ts";
import { Pins } from "../pin/pin.ts";
import { RemoteOrigin } from "../remote/remote-origin.ts";
import { DECISION_KEY_BYTES_MAX, DECISIONS_MAX, DecisionMemo, HEADERS_READ_MAX } from "./decision-memo.ts";
import { HeadFacts } from "./head-facts.ts";

type Json = Readonly<Record<string, unknown>>;

const WEB = "workload/prod/web";
const ORDERS = "service/prod/orders:80 service/prod/orders:80 workload/prod/orders|127.0.0.1:9001";
const SECOND = "service/prod/orders:80 service/prod/orders:80#1 workload/prod/orders|127.0.0.1:9001";

const base: readonly Json[] = [
  doc("selvedge/v1", "Site", "test", {
    trustDomain: "test.example",
    outbound: "127.0.0.1:0",
    metrics: "127.0.0.1:0",
    tunnel: "127.0.0.1:0",
    defaultAction: "allow",
  }),
  ...["till-1", "till-2"].map((name, at) => doc("selvedge/v1", "Node", name, { address: `10.0.0.${at + 1}:15008` })),
  doc("selvedge/v1", "Workload", "web", { node: "till-1", selectors: [["unix:uid:1"]] }, { app: "web" }),
  doc("selvedge/v1", "Workload", "other", { node: "till-1", selectors: [["unix:uid:2"]] }, { app: "other" }),
  serviceDoc("orders"),
];
const place = { node: "till-2", address: "127.0.0.1", ports: { main: 9001 } };
const orders = doc("selvedge/v1", "Workload", "orders", place, { app: "orders" });
const text = (documents: readonly Json[]): string =>
  [...base, ...documents].map((one) => `---\n${JSON.stringify(one)}\n`).join("");

const ASKED = "access-control-request-method";
const toOrders = [{ name: "orders", port: 80 }];
const route = (...rules: readonly Json[]): Json => routeDoc("orders", "orders", rules);
const denying = (rule: Json): Json => policyDoc("no", "orders", "DENY", [rule]);

/** The endpoint's node, and a tunnel to it that remembers. */
class Endpoint {
  readonly node: NodeDecider;
  readonly memo = new DecisionMemo();
  readonly #pins: Pins;

  constructor(documents: readonly Json[] = [orders]) {
    this.node = new NodeDecider("till-2", text(documents));
    this.#pins = new Pins(this.node.mesh);
  }

  serve(documents: readonly Json[], change?: (record: SnapshotRecord) => SnapshotRecord): void {
    this.node.serve(text(documents), change);
  }

  /** Where streams of one handle and pin come from. @param ask who speaks now. */
  origin(ask: string | (() => CallerIdentity | null) = WEB, pin = ORDERS, isRemembering = true): RemoteOrigin {
    const who = typeof ask === "string" ? (): CallerIdentity => this.node.caller(ask, "10.0.0.1") : ask;
    const host = { mesh: this.node.mesh, pins: this.#pins };
    const origin = RemoteOrigin.make(host, who, pin, who()!, isRemembering ? this.memo : null);
    if (!origin) throw new Error(`${pin} is no pin of the documents`);
    return origin;
  }

  /** Whether a request would be answered from memory. */
  remembers(origin: RemoteOrigin, request: string): boolean {
    const bytes = Buffer.from(request, "latin1");
    const head = new RequestHead();
    if (parseRequestHead(bytes, 0, bytes.length, head) <= 0) throw new Error("the test's request is malformed");
    const facts = new HeadFacts();
    facts.over(bytes, head);
    return this.memo.find(origin, facts, bytes, head, this.node.mesh.epoch) !== null;
  }
}

/** Without what is drawn anew for each request. */
function essence({ head, ...rest }: NodeDecision): unknown {
  return { ...rest, head: head.replace(/^(traceparent|x-request-id): .*\r\n/gm, "") };
}

/** Decides `first` and then `then`, and holds the second against what it comes to when nothing is remembered. */
function afterwards(documents: readonly Json[], first: string, then: string): NodeDecision {
  const there = new Endpoint([orders, ...documents]);
  const origin = there.origin();
  there.node.decideFrom(origin, first);
  const got = there.node.decideFrom(origin, then);
  expect(essence(got)).toEqual(essence(there.node.decideFrom(there.origin(WEB, ORDERS, false), then)));
  return got;
}

/** As a record is while its endpoint is drained. */
function drained(record: SnapshotRecord): SnapshotRecord {
  if (record.kind !== "service") return record;
  const ports = record.ports.map((port) => ({
    ...port,
    endpoints: port.endpoints.map((endpoint) => ({ ...endpoint, drained: true })),
  }));
  return { ...record, ports };
}

const get = (path: string, ...lines: string[]): string => getText(path, "orders", ...lines);

describe("an equal request from another node", () => {
  test("is decided once, and goes on with its own lines", () => {
    const there = new Endpoint();
    const origin = there.origin();
    expect(there.remembers(origin, get("/a"))).toBe(false);
    there.node.decideFrom(origin, get("/a", "x-one: 1"));
    expect(there.remembers(origin, get("/a", "x-two: 2"))).toBe(true);
    const again = there.node.decideFrom(origin, get("/a?q=1", "x-two: 2"));
    expect(again.address).toBe("127.0.0.1:9001");
    expect(again.head).toStartWith("GET /a?q=1 HTTP/1.1\r\nhost: orders\r\nx-two: 2\r\n");
    expect(again.head).toInclude("URI=spiffe://test.example/ns/prod/sa/web");
    expect(again.head).not.toInclude("x-one");
  });

  test("gets ids of its own", () => {
    const there = new Endpoint();
    const origin = there.origin();
    const ids = Array.from(
      { length: 3 },
      () => /^x-request-id: (.*)\r$/m.exec(there.node.decideFrom(origin, get("/a")).head)?.[1],
    );
    expect(new Set(ids).size).toBe(3);
    expect(ids).not.toContain(undefined);
  });

  test("keeps its own query behind a path that is rewritten", () => {
    const rewrite = {
      type: "URLRewrite",
      urlRewrite: { path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/v2" } },
    };
    const matches = [{ path: { type: "PathPrefix", value: "/api" } }];
    const got = afterwards(
      [route({ matches, filters: [rewrite], backendRefs: toOrders })],
      get("/api/a?x=1"),
      get("/api/a?x=2"),
    );
    expect(got.head).toStartWith("GET /v2/a?x=2 HTTP/1.1\r\n");
  });

  test("is remembered only as far as the key may be long", () => {
    const there = new Endpoint();
    const origin = there.origin();
    const longest = `/${"a".repeat(DECISION_KEY_BYTES_MAX - 1 - "orders".length)}`;
    for (const [path, isKept] of [
      [longest, true],
      [`${longest}a`, false],
    ] as const) {
      there.node.decideFrom(origin, get(path));
      expect(there.remembers(origin, get(path))).toBe(isKept);
    }
  });
});

describe("a request that differs is decided anew", () => {
  test("by its path, its method, its authority, or how its path is written", () => {
    const there = new Endpoint();
    const origin = there.origin();
    there.node.decideFrom(origin, get("/open/b"));
    for (const other of [
      get("/open/c"),
      get("/open/b/"),
      get("/open/./b"),
      get("/open/a/../b"),
      get("/open/%62"),
      get("/open/b").replace("GET", "POST"),
      getText("/open/b", "orders.prod"),
      getText("/open/b", "Orders"),
      get("/open/b").replace("GET ", "GET http://orders"),
    ]) {
      expect(there.remembers(origin, other)).toBe(false);
    }
  });

  test("also where it takes the place of another", () => {
    const there = new Endpoint();
    const origin = there.origin();
    const of = (at: number): string => get(`/${at % 7 === 0 ? "longer/" : ""}${at}`);
    for (let at = 0; at < 200; at++) there.node.decideFrom(origin, of(at));
    const known = Array.from({ length: 200 }, (_, at) => at).filter((at) => there.remembers(origin, of(at)));
    expect(known.length).toBeWithin(DECISIONS_MAX / 2, DECISIONS_MAX + 1);
    for (let at = 0; at < 200; at++) {
      for (const method of ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]) {
        expect(there.remembers(origin, of(at).replace("GET", method))).toBe(false);
      }
    }
    for (let at = 200; at < 2000; at++) expect(there.remembers(origin, of(at))).toBe(false);
  });

  test("a path that normalises to what is denied is denied, and to what is allowed is allowed", () => {
    const closed = [denying({ to: [{ operation: { paths: ["/shut*"] } }] })];
    expect(afterwards(closed, get("/open/shut"), get("/open/../shut")).status).toBe(403);
    expect(afterwards(closed, get("/open"), get("/shut")).status).toBe(403);
    expect(afterwards(closed, get("/shut"), get("/shut/../open")).outcome).toBe("forward");
    expect(afterwards(closed, get("/open/../shut"), get("/open/../open")).outcome).toBe("forward");
  });

  test("a method that is denied", () => {
    const closed = [denying({ to: [{ operation: { methods: ["DELETE"] } }] })];
    expect(afterwards(closed, get("/a"), get("/a").replace("GET", "DELETE")).status).toBe(403);
  });

  test("an upgrade", () => {
    const upgrade = get("/a", "connection: upgrade", "upgrade: websocket");
    expect(afterwards([], get("/a"), upgrade).head).toInclude("upgrade: websocket");
    expect(afterwards([], upgrade, get("/a")).head).not.toInclude("upgrade");
  });
});

describe("where headers have a say", () => {
  const asking = (...names: readonly string[]): Json =>
    denying({ when: names.map((name) => ({ key: `request.headers[${name}]`, values: ["guest"] })) });

  test("only requests without any of them are alike, however the name is spelt", () => {
    const there = new Endpoint([orders, asking("x-role")]);
    const origin = there.origin();
    there.node.decideFrom(origin, get("/a"));
    expect(there.remembers(origin, get("/a", "x-other: guest"))).toBe(true);
    for (const line of ["x-role: guest", "X-Role: guest", "x-role:", "x-role: staff"]) {
      expect(there.remembers(origin, get("/a", line))).toBe(false);
      expect(there.remembers(origin, get("/a", "x-other: 1", line, line))).toBe(false);
    }
    expect(there.node.decideFrom(origin, get("/a", "x-role: guest")).status).toBe(403);
    // One that had the header says nothing about those without.
    there.node.decideFrom(origin, get("/b", "x-role: staff"));
    expect(there.remembers(origin, get("/b"))).toBe(false);
    expect(there.remembers(origin, get("/b", "x-role: staff"))).toBe(false);
  });

  test("a route that asks for the Host line, which every request has, is asked each time", () => {
    const ofHost = { matches: [{ headers: [{ name: "Host", value: "elsewhere" }] }], backendRefs: toOrders };
    const there = new Endpoint([orders, route(ofHost, { backendRefs: toOrders })]);
    const origin = there.origin();
    expect(there.node.decideFrom(origin, get("/a")).outcome).toBe("forward");
    expect(there.remembers(origin, get("/a"))).toBe(false);
  });

  test("a route's header counts however the documents spell it", () => {
    const matches = [{ headers: [{ name: "X-Version", value: "2" }] }];
    const there = new Endpoint([orders, route({ matches, backendRefs: toOrders }, { backendRefs: toOrders })]);
    const origin = there.origin();
    there.node.decideFrom(origin, get("/a"));
    expect(there.remembers(origin, get("/a"))).toBe(true);
    expect(there.remembers(origin, get("/a", "x-version: 1"))).toBe(false);
  });

  test("nothing is remembered where they are many", () => {
    for (const [count, isKept] of [
      [HEADERS_READ_MAX, true],
      [HEADERS_READ_MAX + 1, false],
    ] as const) {
      const there = new Endpoint([orders, asking(...Array.from({ length: count }, (_, at) => `x-${at}`))]);
      const origin = there.origin();
      there.node.decideFrom(origin, get("/a"));
      expect(there.remembers(origin, get("/a"))).toBe(isKept);
    }
  });
});

describe("nothing is remembered where something else has a say", () => {
  const elsewhere = { backendRefs: [{ name: "nowhere", port: 80 }] };

  test("a route that asks for the query", () => {
    const matches = [{ queryParams: [{ name: "v", value: "2" }] }];
    const routes = route({ matches, ...elsewhere }, { backendRefs: toOrders });
    expect(afterwards([routes], get("/a?v=1"), get("/a?v=2")).outcome).toBe("reply");
    expect(afterwards([routes], get("/a"), get("/a?v=2")).outcome).toBe("reply");
  });

  test("a route that asks for a header", () => {
    const matches = [{ headers: [{ name: "x-version", value: "2" }] }];
    const routes = route({ matches, ...elsewhere }, { backendRefs: toOrders });
    expect(afterwards([routes], get("/a"), get("/a", "x-version: 2")).outcome).toBe("reply");
  });

  test("a policy that asks for a header", () => {
    const when = [{ key: "request.headers[x-role]", values: ["guest"] }];
    expect(afterwards([denying({ when })], get("/a"), get("/a", "x-role: guest")).status).toBe(403);
  });

  test("a policy of the Service that asks for a header", () => {
    const targetRefs = [{ kind: "Service", group: "", name: "orders" }];
    const when = [{ key: "request.headers[x-role]", values: ["guest"] }];
    const policy = doc(ISTIO_SECURITY, "AuthorizationPolicy", "no", { action: "DENY", targetRefs, rules: [{ when }] });
    expect(afterwards([policy], get("/a"), get("/a", "x-role: guest")).status).toBe(403);
  });

  test("a policy that asks for an address", () => {
    const there = new Endpoint([orders, denying({ from: [{ source: { ipBlocks: ["192.0.2.0/24"] } }] })]);
    const origin = there.origin();
    expect(there.node.decideFrom(origin, get("/a")).outcome).toBe("forward");
    expect(there.remembers(origin, get("/a"))).toBe(false);
  });

  test("a rule that answers pages of other origins", () => {
    const cors = { type: "CORS", cors: { allowOrigins: ["https://shop.example"] } };
    const routes = route({ filters: [cors], backendRefs: toOrders });
    const got = afterwards([routes], get("/a"), get("/a", "origin: https://shop.example"));
    expect(got.responseEdits).toContain("access-control-allow-origin: https://shop.example");
    const options = get("/a").replace("GET", "OPTIONS");
    const ask = options.replace("\r\n\r\n", `\r\norigin: https://shop.example\r\n${ASKED}: GET\r\n\r\n`);
    expect(afterwards([routes], options, ask).status).toBe(204);
  });
});

describe("what was remembered ends", () => {
  test("with the snapshot: a policy and a route hold from the next request on", () => {
    const changes: readonly (readonly [readonly Json[], number])[] = [
      [[orders, denying({ to: [{ operation: { paths: ["/a"] } }] })], 403],
      [[orders, route({ matches: [{ path: { type: "Exact", value: "/b" } }], backendRefs: toOrders })], 503],
    ];
    for (const [documents, status] of changes) {
      const there = new Endpoint();
      const origin = there.origin();
      there.node.decideFrom(origin, get("/a"));
      expect(there.remembers(origin, get("/a"))).toBe(true);
      there.serve(documents);
      // Taken up before the change, and decided after it: neither may lead to what held then.
      expect(there.remembers(origin, get("/a"))).toBe(false);
      expect(origin.refresh()).toBe(true);
      expect(there.node.decideFrom(origin, get("/a")).status).toBe(status);
    }
  });

  test("with the endpoint that is drained", () => {
    const there = new Endpoint();
    const origin = there.origin();
    there.node.decideFrom(origin, get("/a"));
    there.serve([orders], drained);
    expect(there.remembers(origin, get("/a"))).toBe(false);
    expect(origin.refresh()).toBe(true);
    expect(there.node.decideFrom(origin, get("/a")).status).toBe(503);
    // And with the one that takes requests again.
    there.serve([orders]);
    expect(origin.refresh()).toBe(true);
    expect(there.node.decideFrom(origin, get("/a")).outcome).toBe("forward");
  });

  test("with a snapshot that changed back", () => {
    const there = new Endpoint();
    const origin = there.origin();
    there.node.decideFrom(origin, get("/a"));
    there.serve([orders]);
    expect(there.remembers(origin, get("/a"))).toBe(false);
  });

  test("with the caller: another one on the same origin is somebody else", () => {
    const shut = denying({ from: [{ source: { principals: ["test.example/ns/prod/sa/other"] } }] });
    const there = new Endpoint([orders, shut]);
    const origin = there.origin();
    there.node.decideFrom(origin, get("/a"));
    expect(there.remembers(origin, get("/a"))).toBe(true);
    origin.caller = there.node.caller("workload/prod/other", "10.0.0.1");
    expect(there.remembers(origin, get("/a"))).toBe(false);
    expect(there.node.decideFrom(origin, get("/a")).status).toBe(403);
  });

  test("at the next handle, and at the next pin", () => {
    const variant = (value: string): Json => ({
      name: "orders",
      port: 80,
      filters: [{ type: "RequestHeaderModifier", requestHeaderModifier: { set: [{ name: "x-variant", value }] } }],
    });
    const shut = denying({ from: [{ source: { principals: ["test.example/ns/prod/sa/other"] } }] });
    const there = new Endpoint([orders, shut, route({ backendRefs: [variant("a"), variant("b")] })]);
    // The same slot for all of them, so that they do meet.
    const caller = there.node.caller(WEB, "10.0.0.1");
    const ofWeb = (pin: string): RemoteOrigin => there.origin(() => caller, pin);
    const [web, other, second] = [ofWeb(ORDERS), there.origin("workload/prod/other"), ofWeb(SECOND)].map((origin) =>
      Object.defineProperty(origin, "salt", { value: 0 }),
    ) as [RemoteOrigin, RemoteOrigin, RemoteOrigin];
    expect(there.node.decideFrom(web, get("/a")).head).toInclude("x-variant: a");
    expect(there.node.decideFrom(other, get("/a")).status).toBe(403);
    expect(there.node.decideFrom(second, get("/a")).head).toInclude("x-variant: b");
    expect(there.node.decideFrom(web, get("/a")).head).toInclude("x-variant: a");
  });

  test("when the tunnel forgets", () => {
    const there = new Endpoint();
    const origin = there.origin();
    there.node.decideFrom(origin, get("/a"));
    there.memo.clear();
    expect(there.remembers(origin, get("/a"))).toBe(false);
  });
});
