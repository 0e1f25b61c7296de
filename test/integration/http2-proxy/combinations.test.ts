/** HTTP/1.1 and HTTP/2 on either side of the proxy, with clients and servers that others wrote. */
import { describe, expect, test } from "bun:test";
import type { IncomingHttpHeaders } from "node:http2";
import { H2Client } from "../../support/h2-client.ts";
import { describeRequest, startH2Origin } from "../../support/h2-origin.ts";
import { answering, ask, headerOf, readRequest } from "../../support/raw-http.ts";
import { connectRaw, listenRaw } from "../../support/raw-peer.ts";
import { backendDocs, meshText, routeDoc, serviceDoc, workloadDoc } from "../../support/test-mesh.ts";
import { until } from "../../support/until.ts";
import { startWorker } from "../../support/worker-harness.ts";

/** A mesh in which `orders` speaks HTTP/2. */
const h2Docs = (port: number, protocol = "kubernetes.io/h2c") => [
  workloadDoc("orders", port),
  serviceDoc("orders", {}, 80, protocol),
];

interface Seen {
  readonly headers: IncomingHttpHeaders;
  readonly bytes: number;
  readonly trailers: IncomingHttpHeaders;
}

describe("a caller by HTTP/2", () => {
  test("is answered by an HTTP/1.1 endpoint, with head, content and length", async () => {
    using upstream = listenRaw(async (peer) => {
      for (;;) {
        const request = await readRequest(peer);
        const body = Buffer.from(`${request.line} ${request.body.length} ${headerOf(request, "x-mine") ?? ""}`);
        peer.send(`HTTP/1.1 200 OK\r\nX-Origin: h1\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      }
    });
    await using worker = await startWorker(meshText({ documents: backendDocs("orders", upstream.port) }));
    await using client = await H2Client.open(worker.outbound);
    const got = await client.ask({ ":path": "/a?b=1", "x-mine": "yes" });
    expect(got.status).toBe(200);
    expect(got.headers["x-origin"]).toBe("h1");
    expect(got.body.toString()).toBe("GET /a?b=1 HTTP/1.1 0 yes");
    const posted = await client.ask({ ":path": "/p" }, "hello");
    expect(posted.body.toString()).toBe("POST /p HTTP/1.1 5 ");
    expect(upstream.peers.length).toBe(1);
    await until(() => worker.records().length === 2, "both records");
    expect(worker.records().map(({ protocol, status }) => [protocol, status])).toEqual([
      ["HTTP/2", 200],
      ["HTTP/2", 200],
    ]);
  });

  test("is answered by an HTTP/2 endpoint, trailers of both sides included", async () => {
    using upstream = await startH2Origin((stream, headers) => {
      if (headers[":path"] === "/trailers") {
        stream.respond({ ":status": 200 }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "42" }));
        stream.end("body");
      } else describeRequest(stream, headers);
    });
    await using worker = await startWorker(meshText({ documents: h2Docs(upstream.port) }));
    await using client = await H2Client.open(worker.outbound);
    const got = await client.ask({ ":path": "/x", te: "trailers" }, "hello", { "x-check": "7" });
    expect(got.status).toBe(200);
    const seen = JSON.parse(got.body.toString()) as Seen;
    expect(seen.bytes).toBe(5);
    expect(seen.trailers["x-check"]).toBe("7");
    expect(seen.headers[":authority"]).toBe("orders");
    expect(seen.headers["te"]).toBe("trailers");
    expect(seen.headers["traceparent"]).toBeDefined();
    const trailed = await client.ask({ ":path": "/trailers" });
    expect(trailed.body.toString()).toBe("body");
    expect(trailed.trailers["x-sum"]).toBe("42");
    expect(upstream.sessions.length).toBe(1);
  });

  test("has many requests under way at once", async () => {
    using upstream = await startH2Origin(describeRequest);
    await using worker = await startWorker(meshText({ documents: h2Docs(upstream.port) }));
    await using client = await H2Client.open(worker.outbound);
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => client.ask({ ":path": `/${i}` }, `${i}`)));
    for (const [i, answer] of answers.entries()) {
      const seen = JSON.parse(answer.body.toString()) as Seen;
      expect(seen.headers[":path"]).toBe(`/${i}`);
    }
    expect(upstream.sessions.length).toBe(1);
  });

  test("gets the proxy's own answers", async () => {
    await using worker = await startWorker(meshText({ documents: backendDocs("orders", 9) }));
    await using client = await H2Client.open(worker.outbound);
    const nowhere = await client.ask({ ":authority": "nobody" });
    expect(nowhere.status).toBe(404);
    expect(nowhere.headers["x-selvedge-reason"]).toBe("NR");
    expect(JSON.parse(nowhere.body.toString())).toMatchObject({ status: 404, reason: "NR" });
    const down = await client.ask();
    expect(down.status).toBe(503);
    expect(down.headers["x-selvedge-reason"]).toBe("UF");
  });
});

describe("a caller by HTTP/1.1", () => {
  test("is answered by an HTTP/2 endpoint, in chunks, and its connection goes on", async () => {
    using upstream = await startH2Origin(describeRequest);
    await using worker = await startWorker(meshText({ documents: h2Docs(upstream.port) }));
    const caller = await connectRaw({ port: worker.outbound });
    for (let i = 0; i < 3; i++) {
      const got = await ask(caller, "POST /y HTTP/1.1\r\nHost: orders\r\nContent-Length: 3\r\nTE: trailers\r\n\r\nabc");
      expect(got.status).toBe(200);
      expect(headerOf(got, "transfer-encoding")).toBe("chunked");
      const seen = JSON.parse(got.body.toString()) as Seen;
      expect(seen.bytes).toBe(3);
      expect(seen.headers["content-length"]).toBe("3");
      expect(seen.headers["te"]).toBe("trailers");
    }
    expect(upstream.sessions.length).toBe(1);
    caller.destroy();
  });

  test("sends chunks and trailers to an HTTP/2 endpoint, and gets its trailers", async () => {
    using upstream = await startH2Origin((stream) => {
      stream.on("trailers", (trailers: IncomingHttpHeaders) => {
        stream.respond({ ":status": 200 }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "x-back": String(trailers["x-check"]) }));
        stream.end("ok");
      });
      stream.resume();
    });
    await using worker = await startWorker(meshText({ documents: h2Docs(upstream.port) }));
    const caller = await connectRaw({ port: worker.outbound });
    const got = await ask(
      caller,
      "POST / HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-check: 9\r\n\r\n",
    );
    expect(got.body.toString()).toBe("ok");
    expect(got.trailers).toEqual(["x-back: 9"]);
    caller.destroy();
  });

  test("keeps its Upgrade to h2c for itself", async () => {
    using upstream = listenRaw(answering(() => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    await using worker = await startWorker(meshText({ documents: backendDocs("orders", upstream.port) }));
    const caller = await connectRaw({ port: worker.outbound });
    const got = await ask(
      caller,
      "GET / HTTP/1.1\r\nHost: orders\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    expect(got.status).toBe(200);
    expect(got.interim).toEqual([]);
    caller.destroy();
  });
});

test("a route that looks at the host header sees the authority of HTTP/2", async () => {
  using upstream = listenRaw(answering(() => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  const rules = [
    {
      matches: [{ headers: [{ name: "host", value: "orders:80" }] }],
      filters: [{ type: "RequestRedirect", requestRedirect: { hostname: "other.example" } }],
    },
    { backendRefs: [{ name: "orders", port: 80 }] },
  ];
  const documents = [...backendDocs("orders", upstream.port), routeDoc("by-host", "orders", rules)];
  await using worker = await startWorker(meshText({ documents }));
  await using client = await H2Client.open(worker.outbound);
  expect((await client.ask()).status).toBe(200);
  expect((await client.ask({ ":authority": "orders:80" })).status).toBe(302);
});
