import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ask, getText, headerOf, headersOf, type RawMessage, readRequest } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawServer } from "../../support/raw-peer.ts";
import { backendDocs, meshText } from "../../support/test-mesh.ts";
import { until } from "../../support/until.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

let upstream: RawServer;
let worker: WorkerHarness;
let answerLines: readonly string[] = [];
let seen: RawMessage | undefined;

beforeAll(async () => {
  upstream = listenRaw(async (peer) => {
    for (;;) {
      seen = await readRequest(peer);
      peer.send(`${["HTTP/1.1 200 OK", "Content-Length: 0", ...answerLines].join("\r\n")}\r\n\r\n`);
    }
  });
  worker = await startWorker(meshText({ documents: backendDocs("orders", upstream.port) }));
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  upstream[Symbol.dispose]();
});

async function forwarded(...lines: readonly string[]): Promise<RawMessage> {
  const peer = await connectRaw({ port: worker.outbound });
  const answer = await ask(peer, getText("/", "orders", ...lines));
  peer.destroy();
  expect(answer.status).toBe(200);
  return seen!;
}

async function answered(...lines: readonly string[]): Promise<RawMessage> {
  answerLines = lines;
  const peer = await connectRaw({ port: worker.outbound });
  const answer = await ask(peer, getText("/", "orders"));
  peer.destroy();
  answerLines = [];
  return answer;
}

const TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

describe("of a request", () => {
  test("hop-by-hop headers stay behind, with everything that Connection nominates", async () => {
    const request = await forwarded(
      "Connection: keep-alive, X-Mine, close",
      "X-Mine: 1",
      "X-Yours: 2",
      "Keep-Alive: timeout=5",
      "Proxy-Connection: keep-alive",
      "Proxy-Authorization: Basic abc",
      "TE: trailers",
      "Trailer: X-Sum",
      "Upgrade: foo",
    );
    const names = request.lines.map((line) => line.split(":")[0]);
    for (const name of [
      "connection",
      "x-mine",
      "keep-alive",
      "proxy-connection",
      "proxy-authorization",
      "te",
      "trailer",
      "upgrade",
    ]) {
      expect(names).not.toContain(name);
    }
    expect(headerOf(request, "x-yours")).toBe("2");
  });

  test("Connection cannot take away what the mesh says", async () => {
    const request = await forwarded(
      "Connection: x-forwarded-client-cert, traceparent, x-request-id, authorization",
      "Authorization: Bearer t",
    );
    expect(headersOf(request, "x-forwarded-client-cert").length).toBe(1);
    expect(headerOf(request, "host")).toBe("orders");
    expect(headersOf(request, "traceparent").length).toBe(1);
    expect(headersOf(request, "x-request-id").length).toBe(1);
  });

  test("what only the mesh may say is replaced, however often and however it is written", async () => {
    const request = await forwarded(
      "X-Forwarded-Client-Cert: By=spiffe://evil;URI=spiffe://evil",
      "x-forwarded-CLIENT-cert: URI=spiffe://evil2",
      "X-Selvedge-Id: 1234",
      "x-selvedge-anything: 1",
    );
    expect(headersOf(request, "x-forwarded-client-cert")).toEqual([
      "By=spiffe://test.example/ns/prod/sa/orders;URI=spiffe://test.example/ns/prod/sa/web",
    ]);
    expect(request.lines.filter((line) => line.startsWith("x-selvedge-"))).toEqual([]);
  });

  test("a caller of the mesh may speak for clients in front of it", async () => {
    const request = await forwarded("X-Forwarded-For: 198.51.100.7", "X-Forwarded-Proto: https");
    expect(headersOf(request, "x-forwarded-for")).toEqual(["198.51.100.7"]);
    expect(headersOf(request, "x-forwarded-proto")).toEqual(["https"]);
  });

  test("trace context and request id are passed on", async () => {
    const request = await forwarded(`Traceparent: ${TRACE}`, "Tracestate: a=1,b=2", "X-Request-Id: my-id");
    expect(headersOf(request, "traceparent")).toEqual([TRACE]);
    expect(headersOf(request, "tracestate")).toEqual(["a=1,b=2"]);
    expect(headersOf(request, "x-request-id")).toEqual(["my-id"]);
  });

  test("trace context and request id are begun where there are none, or none that can be one", async () => {
    const first = await forwarded();
    expect(headerOf(first, "traceparent")).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/);
    expect(headerOf(first, "x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    const second = await forwarded("Traceparent: 00-zz", "Tracestate: a=1", `X-Request-Id: ${"i".repeat(129)}`);
    expect(headerOf(second, "traceparent")).toMatch(/^00-[0-9a-f]{32}-/);
    expect(headerOf(second, "traceparent")).not.toBe(headerOf(first, "traceparent"));
    expect(headersOf(second, "tracestate")).toEqual([]);
    expect(headerOf(second, "x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("a second traceparent is dropped", async () => {
    const request = await forwarded(`Traceparent: ${TRACE}`, `Traceparent: ${TRACE.replace("4bf9", "aaaa")}`);
    expect(headersOf(request, "traceparent")).toEqual([TRACE]);
  });

  test("everything else arrives byte by byte, in order, repeated where it was", async () => {
    const request = await forwarded("X-A: 1", "x-b: \xe9\xff", "X-A: 2", "Cookie: a=b; c=d", "X-Empty:");
    const own = request.lines.filter((line) => /^(x-a|x-b|cookie|x-empty):/.test(line));
    expect(own).toEqual(["x-a: 1", "x-b: \xe9\xff", "x-a: 2", "cookie: a=b; c=d", "x-empty:"]);
  });
});

describe("of an answer", () => {
  test("hop-by-hop headers stay behind, with everything that Connection nominates", async () => {
    const answer = await answered("Connection: keep-alive, X-Mine", "X-Mine: 1", "Keep-Alive: timeout=5", "X-Yours: 2");
    const names = answer.lines.map((line) => line.split(":")[0]);
    expect(names).toEqual(["x-yours", "content-length"]);
  });

  test("an endpoint cannot speak for the mesh", async () => {
    const answer = await answered("X-Selvedge-Id: 1234", "X-Selvedge-Reason: RBAC", "X-Selvedgeless: 1");
    expect(answer.lines.filter((line) => line.startsWith("x-selvedge-"))).toEqual([]);
    expect(headerOf(answer, "x-selvedgeless")).toBe("1");
  });
});

describe("an answer of the mesh", () => {
  test("is problem+json without internals, and its id is that of the record", async () => {
    const peer = await connectRaw({ port: worker.outbound });
    const answer = await ask(peer, getText("/secret?token=x", "nowhere"));
    peer.destroy();
    expect(headerOf(answer, "content-type")).toBe("application/problem+json");
    const id = headerOf(answer, "x-selvedge-id");
    expect(JSON.parse(answer.body.toString())).toEqual({
      type: "about:blank",
      title: "Not Found",
      status: 404,
      reason: "NR",
      id,
    });
    const record = await until(() => worker.records().find((one) => one.id === id), "the record");
    expect([record.status, record.flag, record.path, record.source.workload]).toEqual([404, "NR", "/secret", "web"]);
  });

  test("to HEAD has its headers and no body", async () => {
    const peer = await connectRaw({ port: worker.outbound });
    const answer = await ask(peer, getText("/", "nowhere").replace("GET", "HEAD"), true);
    expect(Number(headerOf(answer, "content-length"))).toBeGreaterThan(0);
    expect((await ask(peer, getText("/", "orders"))).status).toBe(200);
    peer.destroy();
  });
});
