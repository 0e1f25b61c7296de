import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { answering, answerText, ask, getText, headerOf, headersOf } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer, type RawServer } from "../../support/raw-peer.ts";
import { backendDocs, meshText, policyDoc, routeDoc, serviceDoc } from "../../support/test-mesh.ts";
import { until } from "../../support/until.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

const servers: RawServer[] = [];
let worker: WorkerHarness;
let caller: RawPeer;

function named(name: string): number {
  const server = listenRaw(
    answering((request) =>
      answerText(
        `${[name, request.line, ...request.lines].join("\n")}`,
        "X-From: endpoint",
        "X-Gone: 1",
        "Access-Control-Allow-Origin: *",
      ),
    ),
  );
  servers.push(server);
  return server.port;
}

const prefix = (value: string) => [{ path: { type: "PathPrefix", value } }];
const backend = (name: string, more: Readonly<Record<string, unknown>> = {}) => ({ name, port: 80, ...more });
const requestEdits = (edits: Readonly<Record<string, unknown>>) => ({
  type: "RequestHeaderModifier",
  requestHeaderModifier: edits,
});
const responseEdits = (edits: Readonly<Record<string, unknown>>) => ({
  type: "ResponseHeaderModifier",
  responseHeaderModifier: edits,
});

function documents(v1: number, v2: number) {
  const rules = [
    {
      matches: prefix("/edits"),
      filters: [
        requestEdits({
          set: [{ name: "X-Set", value: "rule" }],
          add: [{ name: "X-Add", value: "rule" }],
          remove: ["X-Remove"],
        }),
        responseEdits({ set: [{ name: "X-From", value: "rule" }], remove: ["X-Gone"] }),
      ],
      backendRefs: [backend("v1", { filters: [requestEdits({ add: [{ name: "X-Add", value: "backend" }] })] })],
    },
    {
      matches: prefix("/redirect"),
      filters: [
        {
          type: "RequestRedirect",
          requestRedirect: {
            hostname: "other.example",
            path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/to" },
            statusCode: 301,
          },
        },
      ],
    },
    {
      matches: prefix("/rewrite"),
      filters: [
        {
          type: "URLRewrite",
          urlRewrite: { hostname: "inner.example", path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/admin" } },
        },
      ],
      backendRefs: [backend("v2")],
    },
    {
      matches: prefix("/cors"),
      filters: [
        {
          type: "CORS",
          cors: {
            allowOrigins: ["https://shop.example"],
            allowMethods: ["GET", "PUT"],
            allowHeaders: ["x-a"],
            maxAge: 600,
          },
        },
      ],
      backendRefs: [backend("v1")],
    },
    { matches: prefix("/none"), backendRefs: [backend("missing")] },
    { matches: prefix("/split"), backendRefs: [backend("v1", { weight: 99 }), backend("v2", { weight: 1 })] },
    {
      matches: [
        { path: { type: "Exact", value: "/exact" }, method: "GET", headers: [{ name: "x-tier", value: "gold" }] },
      ],
      backendRefs: [backend("v2")],
    },
  ];
  return [
    serviceDoc("orders"),
    ...backendDocs("v1", v1),
    ...backendDocs("v2", v2),
    routeDoc("orders", "orders", rules),
    policyDoc("no-admin", "v2", "DENY", [{ to: [{ operation: { paths: ["/admin/secret*"] } }] }]),
  ];
}

let docs: ReturnType<typeof documents>;

beforeAll(async () => {
  docs = documents(named("v1"), named("v2"));
  worker = await startWorker(meshText({ documents: docs }));
  caller = await connectRaw({ port: worker.outbound });
});

afterAll(async () => {
  caller.destroy();
  await worker[Symbol.asyncDispose]();
  for (const server of servers) server[Symbol.dispose]();
});

describe("a route", () => {
  test("edits headers of request and answer, for the rule and for the backend", async () => {
    const answer = await ask(caller, getText("/edits", "orders", "X-Set: caller", "X-Add: caller", "X-Remove: 1"));
    const lines = answer.body.toString().split("\n");
    expect(lines.filter((line) => line.startsWith("x-set"))).toEqual(["x-set: rule"]);
    expect(lines.filter((line) => line.startsWith("x-add")).toSorted()).toEqual([
      "x-add: backend",
      "x-add: caller",
      "x-add: rule",
    ]);
    expect(lines.filter((line) => line.startsWith("x-remove"))).toEqual([]);
    expect([headersOf(answer, "x-from"), headersOf(answer, "x-gone")]).toEqual([["rule"], []]);
  });

  test("redirects without an endpoint", async () => {
    const answer = await ask(caller, getText("/redirect/a?b=c", "orders"));
    expect([answer.status, headerOf(answer, "location")]).toEqual([301, "http://other.example/to/a?b=c"]);
    expect(headersOf(answer, "x-selvedge-reason")).toEqual([]);
  });

  test("rewrites path and host, and a policy of the workload judges what the workload gets", async () => {
    const answer = await ask(caller, getText("/rewrite/open?q=1", "orders"));
    const lines = answer.body.toString().split("\n");
    expect(lines.slice(0, 2)).toEqual(["v2", "GET /admin/open?q=1 HTTP/1.1"]);
    expect(lines).toContain("host: inner.example");
    for (const path of ["/rewrite/secret", "/rewrite//secret", "/rewrite/./secret", "/rewrite/x/../%73ecret"]) {
      const refused = await ask(caller, getText(path, "orders"));
      expect([path, refused.status, headerOf(refused, "x-selvedge-reason")]).toEqual([path, 403, "RBAC"]);
    }
  });

  test("forwards the path that was judged, normalised", async () => {
    const answer = await ask(caller, getText("/edits/a/../b//c/%7Euser?x=%2F", "orders"));
    expect(answer.body.toString().split("\n")[1]).toBe("GET /edits/b/c/~user?x=%2F HTTP/1.1");
    const refused = await connectRaw({ port: worker.outbound });
    expect((await ask(refused, getText("/edits/a%2Fb", "orders"))).status).toBe(400);
    refused.destroy();
  });

  test("answers a preflight itself, and says alone what CORS allows", async () => {
    const peer = await connectRaw({ port: worker.outbound });
    const preflight = await ask(
      peer,
      getText("/cors", "orders", "Origin: https://shop.example", "Access-Control-Request-Method: PUT").replace(
        "GET",
        "OPTIONS",
      ),
    );
    expect([preflight.status, headerOf(preflight, "access-control-allow-origin")]).toEqual([
      204,
      "https://shop.example",
    ]);
    const actual = await ask(peer, getText("/cors", "orders", "Origin: https://shop.example"));
    expect(headersOf(actual, "access-control-allow-origin")).toEqual(["https://shop.example"]);
    const foreign = await ask(peer, getText("/cors", "orders", "Origin: https://evil.example"));
    expect(headersOf(foreign, "access-control-allow-origin")).toEqual([]);
    peer.destroy();
  });

  test("to a backend that is not there is 500, and to nothing 404", async () => {
    const missing = await ask(caller, getText("/none", "orders"));
    expect([missing.status, headerOf(missing, "x-selvedge-reason")]).toEqual([500, "NC"]);
    const nothing = await ask(caller, getText("/elsewhere", "orders"));
    expect([nothing.status, headerOf(nothing, "x-selvedge-reason")]).toEqual([404, "NR"]);
    expect((await ask(caller, getText("/exact", "orders"))).status).toBe(404);
    expect((await ask(caller, getText("/exact", "orders", "X-Tier: gold"))).status).toBe(200);
  });

  test("splits 99 to 1 exactly, over connections and over a reload", async () => {
    const counts: Record<string, number> = {};
    const callers = await Promise.all(Array.from({ length: 5 }, () => connectRaw({ port: worker.outbound })));
    for (let i = 0; i < 1_000; i++) {
      const answer = await ask(callers[i % 5]!, getText("/split", "orders"));
      const name = answer.body.toString().split("\n")[0]!;
      counts[name] = (counts[name] ?? 0) + 1;
      if (i % 250 === 130) await worker.apply(meshText({ documents: docs, site: { accessLogSamplePercent: i % 100 } }));
    }
    expect(counts).toEqual({ v1: 990, v2: 10 });
    for (const one of callers) one.destroy();
    await worker.apply(meshText({ documents: docs }));
  });
});

describe("authorization", () => {
  test("refuses what the caller's own list does not name, by the service that was asked for", async () => {
    await worker.apply(meshText({ documents: docs, calls: ["v1"] }));
    const refused = await ask(caller, getText("/split", "orders"));
    expect([refused.status, headerOf(refused, "x-selvedge-reason")]).toEqual([403, "CALLS"]);
    expect((await ask(caller, getText("/", "v1"))).status).toBe(200);
    await worker.apply(meshText({ documents: docs, calls: ["orders"] }));
    expect((await ask(caller, getText("/split", "orders"))).status).toBe(200);
    expect((await ask(caller, getText("/", "v1"))).status).toBe(403);
  });

  test("in audit lets through and says what it would have refused, but never overrides a DENY", async () => {
    await worker.apply(meshText({ documents: docs, site: { defaultAction: "audit" } }));
    expect((await ask(caller, getText("/audited", "v1"))).status).toBe(200);
    const record = await until(() => worker.records().find(({ path }) => path === "/audited"), "the record");
    expect(record.verdict).toBe("audit");
    expect((await ask(caller, getText("/admin/secret", "v2"))).status).toBe(403);
  });

  test("denies by default what no policy allows", async () => {
    await worker.apply(meshText({ documents: docs, site: { defaultAction: "deny" } }));
    const refused = await ask(caller, getText("/", "v1"));
    expect([refused.status, headerOf(refused, "x-selvedge-reason")]).toEqual([403, "RBAC"]);
    expect(refused.body.toString()).not.toContain("policy");
    const allow = policyDoc("web", "v1", "ALLOW", [
      { from: [{ source: { serviceAccounts: ["prod/web"] } }], to: [{ operation: { methods: ["GET"] } }] },
    ]);
    await worker.apply(meshText({ documents: [...docs, allow], site: { defaultAction: "deny" } }));
    expect((await ask(caller, getText("/", "v1"))).status).toBe(200);
    expect((await ask(caller, getText("/", "v1").replace("GET", "PUT"))).status).toBe(403);
  });
});
