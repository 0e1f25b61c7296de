/** What gRPC asks of a proxy, beyond HTTP/2: trailers, its time-out, and failures that its clients understand. */
import { describe, expect, test } from "bun:test";
import { H2Client } from "../../support/h2-client.ts";
import { startH2Origin } from "../../support/h2-origin.ts";
import { meshText, poolDoc, routeDoc, serviceDoc, workloadDoc } from "../../support/test-mesh.ts";
import { until } from "../../support/until.ts";
import { startWorker } from "../../support/worker-harness.ts";

const CALL = {
  ":method": "POST",
  ":path": "/shop.Orders/Get",
  "content-type": "application/grpc",
  te: "trailers",
};
const MESSAGE = Buffer.from([0, 0, 0, 0, 3, 1, 2, 3]);

const docs = (port: number) => [workloadDoc("orders", port), serviceDoc("orders", {}, 80, "grpc")];

describe("a gRPC call", () => {
  test("gets its message and its status through, and is counted by it", async () => {
    using upstream = await startH2Origin((stream, headers) => {
      stream.resume();
      stream.on("end", () => {
        stream.respond(
          { ":status": 200, "content-type": "application/grpc", "x-te": String(headers["te"]) },
          { waitForTrailers: true },
        );
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "grpc-message": "fine" }));
        stream.end(MESSAGE);
      });
    });
    await using worker = await startWorker(meshText({ documents: docs(upstream.port) }));
    await using client = await H2Client.open(worker.outbound);
    const got = await client.ask(CALL, MESSAGE);
    expect(got.status).toBe(200);
    expect(got.headers["x-te"]).toBe("trailers");
    expect(got.body.equals(MESSAGE)).toBe(true);
    expect(got.trailers["grpc-status"]).toBe("0");
    expect(got.trailers["grpc-message"]).toBe("fine");
    await until(() => {
      worker.stats.refresh();
      return worker.stats.series.some(({ edge, grpc }) => edge.protocol === "grpc" && grpc === 0);
    }, "the call to be counted");
  });

  test("that ends with its head keeps it as it was, without a length", async () => {
    using upstream = await startH2Origin((stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "5" }, { endStream: true });
    });
    await using worker = await startWorker(meshText({ documents: docs(upstream.port) }));
    await using client = await H2Client.open(worker.outbound);
    const got = await client.ask(CALL, MESSAGE);
    expect(got.headers["grpc-status"]).toBe("5");
    expect(got.headers["content-length"]).toBeUndefined();
    expect(got.body.length).toBe(0);
  });

  test("is ended when its own time is over, before the route's", async () => {
    using upstream = await startH2Origin(() => undefined);
    const rules = [{ backendRefs: [{ name: "orders", port: 80 }], timeouts: { request: "10s" } }];
    await using worker = await startWorker(
      meshText({ documents: [...docs(upstream.port), routeDoc("slow", "orders", rules)] }),
    );
    await using client = await H2Client.open(worker.outbound);
    const got = await client.ask({ ...CALL, "grpc-timeout": "100m" }, MESSAGE);
    expect(got.status).toBe(200);
    expect(got.headers["grpc-status"]).toBe("4");
    expect(got.headers["content-type"]).toBe("application/grpc");
    expect(got.headers["x-selvedge-reason"]).toBe("UT");
  });

  test.each([
    ["nobody", "12", "NR"],
    ["orders", "14", "UF"],
  ])("that cannot reach %s is told so by a status of gRPC, %s", async (authority, status, reason) => {
    await using worker = await startWorker(meshText({ documents: docs(9) }));
    await using client = await H2Client.open(worker.outbound);
    const got = await client.ask({ ...CALL, ":authority": authority }, MESSAGE);
    expect(got.status).toBe(200);
    expect(got.headers["grpc-status"]).toBe(status);
    expect(got.headers["x-selvedge-reason"]).toBe(reason);
    expect(got.headers["x-selvedge-id"]).toMatch(/^[0-9a-f]{16}$/);
    expect(got.body.length).toBe(0);
  });

  test("that policy refuses gets PERMISSION_DENIED", async () => {
    using upstream = await startH2Origin(() => undefined);
    await using worker = await startWorker(meshText({ calls: [], documents: docs(upstream.port) }));
    await using client = await H2Client.open(worker.outbound);
    const got = await client.ask(CALL, MESSAGE);
    expect(got.headers["grpc-status"]).toBe("7");
    expect(got.headers["x-selvedge-reason"]).toBe("CALLS");
  });

  test("that finds no stream gets UNAVAILABLE once too many wait", async () => {
    const first = Promise.withResolvers<void>();
    using upstream = await startH2Origin(() => first.resolve(), { maxConcurrentStreams: 1 });
    const pool = poolDoc("orders", { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1 } });
    await using worker = await startWorker(meshText({ documents: [...docs(upstream.port), pool] }));
    await using client = await H2Client.open(worker.outbound);
    const call = () => client.ask({ ...CALL, "grpc-timeout": "300m" }, MESSAGE);
    const answers = [call()];
    await first.promise;
    answers.push(call(), call());
    const statuses = (await Promise.all(answers)).map(({ headers }) => headers["grpc-status"]);
    expect(statuses.toSorted()).toEqual(["14", "4", "4"]);
  });
});
