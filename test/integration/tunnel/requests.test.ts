import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  answering,
  answerText,
  ask,
  getText,
  headerOf,
  headersOf,
  type RawMessage,
  readResponse,
} from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer, type RawServer } from "../../support/raw-peer.ts";
import { policyDoc, routeDoc, serviceDoc } from "../../support/test-mesh.ts";
import { nodeWorkload, startPair, type TunnelPair } from "../../support/tunnel-pair.ts";
import { until } from "../../support/until.ts";

type Json = Readonly<Record<string, unknown>>;

let here: RawServer;
let upstream: RawServer;
let pair: TunnelPair;
let seen: RawMessage;

const rewriting = routeDoc("api", "api", [
  {
    matches: [{ path: { type: "PathPrefix", value: "/api" } }],
    filters: [
      {
        type: "URLRewrite",
        urlRewrite: {
          hostname: "inner.example",
          path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/api/v2" },
        },
      },
      { type: "RequestHeaderModifier", requestHeaderModifier: { add: [{ name: "x-edited", value: "yes" }] } },
      { type: "ResponseHeaderModifier", responseHeaderModifier: { add: [{ name: "x-answered", value: "yes" }] } },
      { type: "CORS", cors: { allowOrigins: ["https://shop.example"] } },
    ],
    backendRefs: [{ name: "orders", port: 80 }],
  },
  {
    matches: [{ path: { type: "PathPrefix", value: "/old" } }],
    filters: [
      { type: "RequestRedirect", requestRedirect: { path: { type: "ReplaceFullPath", replaceFullPath: "/" } } },
    ],
  },
]);

const split = routeDoc("split", "split", [
  {
    backendRefs: [
      { name: "local", port: 80, weight: 3 },
      { name: "orders", port: 80, weight: 1 },
    ],
  },
]);

const documents = (): readonly Json[] => [
  nodeWorkload("orders", "till-2", upstream.port),
  nodeWorkload("local", "till-1", here.port),
  serviceDoc("orders"),
  serviceDoc("local"),
  serviceDoc("api", { selector: undefined }),
  serviceDoc("split", { selector: undefined }),
  rewriting,
  split,
];

beforeAll(async () => {
  here = listenRaw(answering(() => answerText("here")));
  upstream = listenRaw(
    answering((request) => {
      seen = request;
      if (request.line.startsWith("POST /echo")) return answerText(request.body.toString("latin1"));
      return answerText("there", "x-selvedge-id: 00c0ffee00c0ffee", "x-selvedge-reason: UH", "server: orders");
    }),
  );
  pair = await startPair({ documents: documents() });
});

afterAll(async () => {
  await pair[Symbol.asyncDispose]();
  upstream[Symbol.dispose]();
  here[Symbol.dispose]();
});

async function withCaller<T>(body: (peer: RawPeer) => Promise<T>): Promise<T> {
  const peer = await connectRaw({ port: pair.source.outbound });
  try {
    return await body(peer);
  } finally {
    peer.destroy();
  }
}

const visit = (text: string) => withCaller((peer) => ask(peer, text));

describe("a request for an endpoint on another node", () => {
  test("is answered by it, and the endpoint learns who called", async () => {
    const answer = await visit(getText("/a?b=c", "orders"));
    expect([answer.status, answer.body.toString()]).toEqual([200, "there"]);
    expect(seen.line).toBe("GET /a?b=c HTTP/1.1");
    expect(headerOf(seen, "host")).toBe("orders");
    expect(headersOf(seen, "x-forwarded-client-cert")).toEqual([
      "By=spiffe://test.example/ns/prod/sa/orders;URI=spiffe://test.example/ns/prod/sa/web",
    ]);
  });

  test("shows the endpoint nothing of how the nodes talk, and the caller nothing that only the mesh may say", async () => {
    const answer = await visit(getText("/", "orders", "x-selvedge-as: 0", "x-selvedge-to: x", "x-selvedge-control: 1"));
    expect(seen.lines.filter((line) => line.startsWith("x-selvedge"))).toEqual([]);
    expect(answer.lines.filter((line) => line.startsWith("x-selvedge"))).toEqual([]);
    expect(headerOf(answer, "server")).toBe("orders");
  });

  test("is rewritten and edited once, and so is its answer", async () => {
    const answer = await visit(getText("/api/x", "api", "origin: https://shop.example"));
    expect(seen.line).toBe("GET /api/v2/x HTTP/1.1");
    expect(headersOf(seen, "host")).toEqual(["inner.example"]);
    expect(headersOf(seen, "x-edited")).toEqual(["yes"]);
    expect(headersOf(answer, "x-answered")).toEqual(["yes"]);
    expect(headersOf(answer, "access-control-allow-origin")).toEqual(["https://shop.example"]);
  });

  test("that is redirected, preflighted or not routed never leaves its node", async () => {
    expect((await visit(getText("/old", "api"))).status).toBe(302);
    expect((await visit(getText("/nowhere", "api"))).status).toBe(404);
    const preflight = ["origin: https://shop.example", "access-control-request-method: PUT"];
    const asked = getText("/api/x", "api", ...preflight).replace("GET", "OPTIONS");
    expect((await visit(asked)).status).toBe(204);
    await visit(getText("/last", "orders"));
    const last = () => pair.there.records().find((record) => record.path === "/last");
    await until(last, "the last record");
    const left = pair.there.records().filter(({ path, method }) => /old|nowhere/.test(path) || method === "OPTIONS");
    expect(left).toEqual([]);
  });

  test("is one of exactly its share of a split, on one connection as on many", async () => {
    const bodies: string[] = [];
    await withCaller(async (peer) => {
      for (let i = 0; i < 40; i++) bodies.push((await ask(peer, getText("/", "split"))).body.toString());
    });
    for (let i = 0; i < 40; i++) bodies.push((await visit(getText("/", "split"))).body.toString());
    expect(bodies.filter((body) => body === "there").length).toBe(20);
  });

  test("carries bodies both ways: with a length, in chunks, none, and larger than every window", async () => {
    for (const length of [0, 1, 100, 70_000, 3_000_000]) {
      const body = "x".repeat(length);
      const plain = await visit(`POST /echo HTTP/1.1\r\nHost: orders\r\nContent-Length: ${length}\r\n\r\n${body}`);
      expect([plain.status, plain.body.length]).toEqual([200, length]);
      const chunk = length === 0 ? "" : `${length.toString(16)}\r\n${body}\r\n`;
      const head = "POST /echo HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n";
      const chunked = await visit(`${head}${chunk}0\r\nx-trailer: yes\r\n\r\n`);
      expect([chunked.status, chunked.body.length]).toEqual([200, length]);
      expect(seen.trailers).toEqual(["x-trailer: yes"]);
    }
  });

  test("gets ids from the mesh, its own each time, that its endpoint and the logs of both nodes agree on", async () => {
    const peer = await connectRaw({ port: pair.source.outbound });
    const sent: string[] = [];
    for (let i = 0; i < 20; i++) {
      expect((await ask(peer, getText("/ids-of-the-mesh", "orders"))).status).toBe(200);
      expect(headersOf(seen, "x-selvedge-ids")).toEqual([]);
      sent.push(`${headerOf(seen, "traceparent")!.slice(3, 35)} ${headerOf(seen, "x-request-id")}`);
    }
    peer.destroy();
    expect(new Set(sent).size).toBe(20);
    expect(sent[0]).toMatch(/^[0-9a-f]{32} [0-9a-f-]{36}$/);
    for (const worker of [pair.source, pair.there]) {
      const logged = await until(() => {
        const records = worker.records().filter((record) => record.path === "/ids-of-the-mesh");
        return records.length === 20 && records.map(({ traceId, requestId }) => `${traceId} ${requestId}`);
      }, "the records");
      expect(logged.toSorted()).toEqual(sent.toSorted());
    }
  });

  test("may be one of many at once, whose answers do not mix", async () => {
    const peers = await Promise.all(Array.from({ length: 50 }, () => connectRaw({ port: pair.source.outbound })));
    const ask20 = async (peer: RawPeer, at: number): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        const body = `caller ${at} request ${i}`;
        const answer = await ask(
          peer,
          `POST /echo HTTP/1.1\r\nHost: orders\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
        expect(answer.body.toString()).toBe(body);
      }
    };
    await Promise.all(peers.map(ask20));
    for (const peer of peers) peer.destroy();
  });
});

describe("where the endpoint does not answer", () => {
  test("its node says so, the other one tries elsewhere, and passes it over for a while", async () => {
    const dead = listenRaw();
    const { port } = dead;
    dead[Symbol.dispose]();
    await pair.apply({
      documents: [
        ...documents(),
        nodeWorkload("dead", "till-2", port, { serviceAccount: "both" }, { app: "both" }),
        nodeWorkload("alive", "till-2", upstream.port, { serviceAccount: "both" }, { app: "both" }),
        serviceDoc("both"),
      ],
    });
    for (let i = 0; i < 20; i++) expect((await visit(getText("/", "both"))).body.toString()).toBe("there");
    const refusedThere = pair.there.records().filter((record) => record.destination.workload === "dead");
    expect(refusedThere.length).toBeGreaterThan(0);
    expect(refusedThere.length).toBeLessThan(10);
    expect(refusedThere.every((record) => record.flag === "UF" && record.status === 503)).toBe(true);
    // What the caller saw was no failure, and is none in its node's log.
    expect(pair.source.records().filter((record) => record.host === "both" && record.flag !== "-")).toEqual([]);
    await pair.apply({ documents: documents() });
  });

  test("and there is no other, the caller gets that node's answer under that node's id, and both logs have it", async () => {
    const dead = listenRaw();
    const { port } = dead;
    dead[Symbol.dispose]();
    await pair.apply({ documents: [...documents(), nodeWorkload("dead", "till-2", port), serviceDoc("dead")] });
    const answer = await visit(getText("/", "dead"));
    expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([503, "UF"]);
    const id = headerOf(answer, "x-selvedge-id")!;
    const find = (worker: TunnelPair["source"]) =>
      until(() => worker.records().find((record) => record.id === id), "the record");
    expect(await find(pair.there)).toMatchObject({
      flag: "UF",
      status: 503,
      reporter: "destination",
      verdict: "allowed",
    });
    expect(await find(pair.source)).toMatchObject({
      flag: "UF",
      status: 503,
      reporter: "source",
      verdict: "elsewhere",
    });
    await pair.apply({ documents: documents() });
  });
});

describe("a policy", () => {
  test("that only the endpoint's node has refuses there, and both logs explain it under one id", async () => {
    const denying = policyDoc("no-web", "orders", "DENY", [
      { from: [{ source: { principals: ["test.example/ns/prod/sa/web"] } }], to: [{ operation: { paths: ["/no"] } }] },
    ]);
    await pair.apply({ documents: [...documents(), denying] }, "till-2");
    expect((await visit(getText("/yes", "orders"))).status).toBe(200);
    const answer = await visit(getText("/no", "orders"));
    expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([403, "RBAC"]);
    const id = headerOf(answer, "x-selvedge-id")!;
    const there = await until(() => pair.there.records().find((record) => record.id === id), "its record there");
    expect(there).toMatchObject({ verdict: "denied", policy: "prod/no-web", strength: "mtls", ip: "127.0.0.1" });
    const here = await until(() => pair.source.records().find((record) => record.id === id), "its record here");
    expect(here).toMatchObject({ verdict: "elsewhere", flag: "RBAC", status: 403, strength: "uid" });
    expect(here.destination).toMatchObject({ workload: "orders", node: "till-2" });
    expect(here.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect([there.requestId, there.traceId]).toEqual([here.requestId, here.traceId]);
    // Once its own node knows the policy too, the request does not leave.
    await pair.apply({ documents: [...documents(), denying] }, "till-1");
    const local = headerOf(await visit(getText("/no", "orders")), "x-selvedge-id")!;
    const denied = await until(() => pair.source.records().find((record) => record.id === local), "the denial");
    expect(denied.verdict).toBe("denied");
    expect(pair.there.records().find((record) => record.id === local)).toBeUndefined();
    await pair.apply({ documents: documents() });
  });

  test("holds for the next request on a connection that is open", async () => {
    await withCaller(async (peer) => {
      expect((await ask(peer, getText("/", "orders"))).status).toBe(200);
      const denying = policyDoc("closed", "orders", "DENY", [{}]);
      await pair.apply({ documents: [...documents(), denying] }, "till-2");
      expect((await ask(peer, getText("/", "orders"))).status).toBe(403);
      await pair.apply({ documents: documents() });
      expect((await ask(peer, getText("/", "orders"))).status).toBe(200);
    });
  });
});

test("documents that disagree for a moment make no wrong answer", async () => {
  const without = documents()
    .filter((one) => one !== documents()[0])
    .slice(1);
  await pair.apply({ documents: [nodeWorkload("orders", "till-2", 1), ...without] }, "till-2");
  const answer = await visit(getText("/", "orders"));
  expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([503, "UH"]);
  await pair.apply({ documents: documents() });
  expect((await visit(getText("/", "orders"))).status).toBe(200);
});

test("a caller that leaves before the answer takes its request with it", async () => {
  const asked = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const slow = listenRaw(async (peer) => {
    await peer.readThrough("\r\n\r\n");
    asked.resolve();
    await peer.ended();
    gone.resolve();
  });
  await pair.apply({
    documents: [...documents(), nodeWorkload("slow", "till-2", slow.port), serviceDoc("slow")],
  });
  const peer = await connectRaw({ port: pair.source.outbound });
  peer.send(getText("/", "slow"));
  await asked.promise;
  peer.destroy();
  await gone.promise;
  slow[Symbol.dispose]();
  await pair.apply({ documents: documents() });
});

test("an answer without an end of its own is a whole answer only where the endpoint ended it", async () => {
  const endless = listenRaw(async (peer) => {
    for (;;) {
      const isWhole = (await peer.readThrough("\r\n\r\n")).startsWith("GET /whole");
      peer.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n");
      if (isWhole) peer.send("0\r\n\r\n");
      else {
        await Bun.sleep(5);
        peer.destroy();
      }
    }
  });
  await pair.apply({
    documents: [...documents(), nodeWorkload("endless", "till-2", endless.port), serviceDoc("endless")],
  });
  expect((await visit(getText("/whole", "endless"))).body.toString()).toBe("first");
  const peer = await connectRaw({ port: pair.source.outbound });
  peer.send(getText("/cut", "endless"));
  await expect(readResponse(peer)).rejects.toThrow();
  endless[Symbol.dispose]();
  await pair.apply({ documents: documents() });
});
