/** What a node refuses that another one asks for which is in the wrong hands: nothing is believed but what is proven. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { TO_KEEPER } from "../../../src/wire/channel/frames.ts";
import { answering, answerText, headersOf, type RawMessage } from "../../support/raw-http.ts";
import { listenRaw, type RawServer } from "../../support/raw-peer.ts";
import { StolenNode } from "../../support/stolen-node.ts";
import { doc, GATEWAY_API, ISTIO_SECURITY, policyDoc, routeDoc, serviceDoc } from "../../support/test-mesh.ts";
import { TunnelIdentities } from "../../support/tunnel-identities.ts";
import {
  addressOf,
  NODES,
  nodeWorkload,
  pairPort,
  pairText,
  startNode,
  TRUST_DOMAIN,
} from "../../support/tunnel-pair.ts";
import { until } from "../../support/until.ts";
import { compileYaml, type WorkerHarness } from "../../support/worker-harness.ts";

const WEB = "workload/prod/web";
const OTHER = "workload/prod/other";

let upstream: RawServer;
let worker: WorkerHarness;
let thief: StolenNode;
let seen: RawMessage[] = [];
let web: number;
let other: number;
let endpoint: string;
let text: string;

beforeAll(async () => {
  upstream = listenRaw(
    answering((request) => {
      seen.push(request);
      return request.line.includes("/never") ? new Promise<string>(() => undefined) : answerText("secret");
    }),
  );
  const identities = await TunnelIdentities.make(TRUST_DOMAIN, NODES);
  const port = pairPort();
  const documents = [
    nodeWorkload("orders", "till-2", upstream.port),
    nodeWorkload("stock", "till-2", upstream.port, {}, {}),
    nodeWorkload("db", "till-2", upstream.port),
    doc("selvedge/v1", "Workload", "other", { node: "till-1", selectors: [["unix:uid:77"]], calls: ["stock"] }),
    serviceDoc("orders"),
    serviceDoc("stock"),
    serviceDoc("db", {}, 5432, "tcp"),
    serviceDoc("routed", { selector: undefined }),
    routeDoc("routed", "routed", [
      {
        matches: [{ path: { type: "PathPrefix", value: "/orders" } }],
        filters: [{ type: "URLRewrite", urlRewrite: { path: { type: "ReplaceFullPath", replaceFullPath: "/inner" } } }],
        backendRefs: [{ name: "orders", port: 80 }],
      },
    ]),
    policyDoc("only-web", "orders", "ALLOW", [
      { from: [{ source: { principals: [`${TRUST_DOMAIN}/ns/prod/sa/web`] } }] },
    ]),
    policyDoc("no-inner", "orders", "DENY", [{ to: [{ operation: { paths: ["/forbidden", "/inner/forbidden"] } }] }]),
    doc(GATEWAY_API, "Gateway", "lan", {
      gatewayClassName: "selvedge",
      addresses: [{ type: "IPAddress", value: "127.0.79.1" }],
      listeners: [{ name: "web", port: 18_971, protocol: "HTTP" }],
    }),
    doc(GATEWAY_API, "HTTPRoute", "shop", {
      parentRefs: [{ name: "lan" }],
      hostnames: ["shop.example"],
      rules: [{ backendRefs: [{ name: "stock", port: 80 }] }],
    }),
    doc(ISTIO_SECURITY, "AuthorizationPolicy", "lan", {
      targetRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "lan" }],
      action: "ALLOW",
      rules: [{ from: [{ source: { ipBlocks: ["192.0.2.0/24"] } }] }],
    }),
  ];
  text = pairText({ documents }, "till-2", port);
  worker = await startNode("till-2", text, identities, []);
  thief = new StolenNode(identities, "till-1");
  await thief.dial({ name: "till-2", hostname: addressOf("till-2"), port }, [WEB, OTHER]);
  web = await thief.prove(WEB);
  other = await thief.prove(OTHER);
  endpoint = `workload/prod/orders|127.0.0.1:${upstream.port}`;
});

afterAll(async () => {
  thief[Symbol.dispose]();
  await worker[Symbol.asyncDispose]();
  upstream[Symbol.dispose]();
});

const pin = (parent = "service/prod/orders:80", backend = "service/prod/orders:80", to = endpoint): string =>
  `x-selvedge-to: ${parent} ${backend} ${to}`;
const get = (path: string, ...lines: readonly string[]): readonly string[] => [
  `GET ${path} HTTP/1.1`,
  "host: orders",
  ...lines,
];

const reports = (): string[] =>
  worker.frames.flatMap((frame) => (frame.type === TO_KEEPER.REFUSED ? [`${frame.node} ${frame.reason}`] : []));

test("the control: a proven workload reaches the endpoint that its pin names", async () => {
  const answer = await thief.ask(get("/", `x-selvedge-as: ${web}`, pin()));
  expect([answer.status, answer.body]).toEqual([200, "secret"]);
});

describe("a stream is refused with 403, and reported, that", () => {
  const handles: readonly (readonly [string, () => readonly string[], string])[] = [
    ["names no caller", () => [], "no_handle"],
    ["names one twice", () => [`x-selvedge-as: ${web}`, `x-selvedge-as: ${web}`], "no_handle"],
    ["names two", () => [`x-selvedge-as: ${other}, ${web}`], "no_handle"],
    ["names one with a sign", () => [`x-selvedge-as: +${web}`], "no_handle"],
    ["names one with a zero before it", () => [`x-selvedge-as: 0${web}`], "no_handle"],
    ["names a handle that nobody proved", () => ["x-selvedge-as: 2147483647"], "unknown_handle"],
    ["names its own number", () => [`x-selvedge-as: ${web + 100_000}`], "unknown_handle"],
    [
      "speaks for a caller of a Gateway to a service",
      () => ["x-selvedge-as: 0", "x-forwarded-for: 192.0.2.1"],
      "no_handle",
    ],
    ["speaks for a caller of a Gateway without an address", () => ["x-selvedge-as: 0"], "no_address"],
  ];
  for (const [what, lines, reason] of handles) {
    test(what, async () => {
      seen = [];
      const before = reports().length;
      const answer = await thief.ask(get("/", ...lines(), pin()));
      expect([answer.status, answer.flag]).toEqual([403, "RBAC"]);
      const record = await until(() => worker.records().find(({ id }) => id === answer.id), "the record");
      expect(record).toMatchObject({ strength: "none", reporter: "destination" });
      expect(record.source).toMatchObject({ principal: "", node: "till-1" });
      expect(seen).toEqual([]);
      // Reports are held back where there are many.
      if (before < 8) await until(() => reports().slice(before).includes(`till-1 ${reason}`), "the report");
    });
  }
});

describe("a stream is refused with 503, so that an honest node tries elsewhere, whose pin", () => {
  const pins: readonly (readonly [string, () => string])[] = [
    ["is missing", () => "x-unrelated: 1"],
    ["is given twice", () => `${pin()}\r\n${pin()}`],
    ["is no pin", () => "x-selvedge-to: anything"],
    ["names a service that does not exist", () => pin("service/prod/nothing:80")],
    ["names an endpoint that is none of the backend's", () => pin(undefined, "service/prod/stock:80")],
    ["names an endpoint of another node", () => pin(undefined, undefined, "workload/prod/web|127.0.0.1:1")],
    ["names a backend that the service's routes do not lead to", () => pin("service/prod/stock:80")],
    ["names a service whose routes do not match the request", () => pin("service/prod/routed:80")],
    ["names the metrics of the node", () => pin(undefined, undefined, "|127.0.0.1:15020")],
    ["is longer than any", () => pin(undefined, undefined, `${endpoint}${"x".repeat(4000)}`)],
  ];
  for (const [what, line] of pins) {
    test(what, async () => {
      seen = [];
      const answer = await thief.ask(get("/", `x-selvedge-as: ${web}`, ...line().split("\r\n")));
      expect([answer.status, answer.flag]).toEqual([503, "UH"]);
      expect(seen).toEqual([]);
    });
  }
});

describe("the identity that was proven", () => {
  test("is the one that policies see, and what the stream says of it is nothing", async () => {
    const as = [`x-selvedge-as: ${other}`, "x-forwarded-client-cert: URI=spiffe://test.example/ns/prod/sa/web"];
    const answer = await thief.ask(get("/", ...as, pin()));
    // It is not among those whom its own calls let it reach either, which is looked at first.
    expect([answer.status, answer.flag]).toEqual([403, "CALLS"]);
    const to = `workload/prod/stock|127.0.0.1:${upstream.port}`;
    const allowed = await thief.ask(get("/", ...as, pin("service/prod/stock:80", "service/prod/stock:80", to)));
    expect(allowed.status).toBe(200);
    expect(headersOf(seen.at(-1)!, "x-forwarded-client-cert")).toEqual([
      "By=spiffe://test.example/ns/prod/sa/stock;URI=spiffe://test.example/ns/prod/sa/other",
    ]);
  });

  test("brings a request only as it was received: the rewrite is done here, and judged", async () => {
    const routed = pin("service/prod/routed:80");
    const answer = await thief.ask(get("/orders/1", `x-selvedge-as: ${web}`, routed));
    expect(answer.status).toBe(200);
    expect(seen.at(-1)!.line).toBe("GET /inner HTTP/1.1");
    // As it would look behind the rewrite: no route leads there.
    expect((await thief.ask(get("/inner", `x-selvedge-as: ${web}`, routed))).flag).toBe("UH");
    expect((await thief.ask(get("/forbidden", `x-selvedge-as: ${web}`, pin()))).flag).toBe("RBAC");
    expect((await thief.ask(get("/a/../forbidden", `x-selvedge-as: ${web}`, pin()))).flag).toBe("RBAC");
    expect((await thief.ask(get("/%66orbidden", `x-selvedge-as: ${web}`, pin()))).flag).toBe("RBAC");
  });
});

describe("a caller of a Gateway", () => {
  const gateway = "gateway/prod/lan/web";
  const ask = (ip: string, ...more: readonly string[]) =>
    thief.ask([
      "GET / HTTP/1.1",
      "host: shop.example",
      `x-forwarded-for: ${ip}`,
      ...more,
      pin(gateway, "service/prod/stock:80", `workload/prod/stock|127.0.0.1:${upstream.port}`),
    ]);

  test("is judged by the address that its node gives, as one without identity", async () => {
    expect((await ask("192.0.2.7", "x-selvedge-as: 0")).status).toBe(200);
    expect((await ask("198.51.100.7", "x-selvedge-as: 0")).flag).toBe("RBAC");
  });

  test.each(["", "somewhere", "192.0.2.7, 10.0.0.1", "192.0.2.7:80", "192.0.2"])(
    "has an address, which %j is not",
    async (ip) => {
      expect((await ask(ip, "x-selvedge-as: 0")).status).toBe(403);
    },
  );

  test("is no workload: a proven one cannot come that way", async () => {
    expect((await ask("192.0.2.7", `x-selvedge-as: ${web}`)).flag).toBe("UH");
  });
});

describe("a TCP stream", () => {
  const connect = (...lines: readonly string[]) =>
    thief.ask(["CONNECT db.prod.svc.cluster.local:5432 HTTP/1.1", "host: db.prod.svc.cluster.local:5432", ...lines]);

  test("needs a proven caller and a pin to a port that speaks TCP", async () => {
    const db = pin("service/prod/db:5432", "service/prod/db:5432", `workload/prod/db|127.0.0.1:${upstream.port}`);
    expect((await connect(db)).status).toBe(403);
    expect((await connect("x-selvedge-as: 2147483647", db)).status).toBe(403);
    expect((await connect(`x-selvedge-as: ${other}`, db)).flag).toBe("CALLS");
    expect((await connect(`x-selvedge-as: ${web}`)).flag).toBe("UH");
    // Through a port of HTTP nobody would look at what is in it.
    expect((await connect(`x-selvedge-as: ${web}`, pin())).flag).toBe("UH");
  });
});

test("a workload that is placed elsewhere is cut off here: what it has under way, and what it asks for next", async () => {
  seen = [];
  const underWay = thief.ask(get("/never", `x-selvedge-as: ${web}`, pin()));
  const db = pin("service/prod/db:5432", "service/prod/db:5432", `workload/prod/db|127.0.0.1:${upstream.port}`);
  const stream = thief.ask(["CONNECT db.prod:5432 HTTP/1.1", "host: db.prod:5432", `x-selvedge-as: ${web}`, db]);
  await until(() => seen.length === 1, "the request");
  const moved = compileYaml(text, "till-2").map((record) =>
    record.kind === "workload" && record.key === WEB ? { ...record, node: "till-2", isLocal: true } : record,
  );
  await worker.applyRecords(moved);
  expect((await underWay).status).toBe(0);
  expect((await stream).status).toBe(0);
  // Unread, for an honest node to prove it anew; which is refused as long as the documents say so.
  expect((await thief.ask(get("/", `x-selvedge-as: ${web}`, pin()))).status).toBe(0);
  expect(seen.length).toBe(1);
  const record = await until(() => worker.records().find(({ path }) => path === "/never"), "the record");
  expect(record.flag).toBe("DC");
  // The others on the same tunnel go on.
  const to = `workload/prod/stock|127.0.0.1:${upstream.port}`;
  const stock = pin("service/prod/stock:80", "service/prod/stock:80", to);
  expect((await thief.ask(get("/", `x-selvedge-as: ${other}`, stock))).status).toBe(200);
});
