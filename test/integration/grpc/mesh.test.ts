/** What the mesh does with gRPC besides passing it on: spread, refuse, route, end in time, and say why in gRPC's words. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:http2";
import { status } from "@grpc/grpc-js";
import type { CallReport } from "../../support/grpc/client-program.ts";
import { type GrpcClient, GrpcPrograms, type GrpcServer } from "../../support/grpc/grpc-processes.ts";
import { METHODS } from "../../support/grpc/messages.ts";
import { DELAY } from "../../support/grpc/service.ts";
import { readAnswer } from "../../support/h2-client.ts";
import { doc, GATEWAY_API, meshText, policyDoc, serviceDoc, workloadDoc } from "../../support/test-mesh.ts";
import { nodeWorkload, startPair } from "../../support/tunnel-pair.ts";
import { startWorker } from "../../support/worker-harness.ts";

const PORT = 50_051;
const UNARY = METHODS.UnaryCall.path;

let programs: GrpcPrograms;
let first: GrpcServer;
let second: GrpcServer;
let client: GrpcClient;

/** What lies between the client and the servers. */
interface Between extends AsyncDisposable {
  readonly outbound: number;
  /** Makes the document of a server. */
  readonly workload: typeof workloadDoc;
  serve(documents: readonly Document[]): Promise<void>;
}
type Document = ReturnType<typeof doc>;

async function oneWorker(): Promise<Between> {
  const worker = await startWorker(meshText({ documents: [] }));
  return {
    outbound: worker.outbound,
    workload: workloadDoc,
    serve: (documents) => worker.apply(meshText({ documents })),
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  };
}

/** The servers are on another node. */
async function tunnel(): Promise<Between> {
  const pair = await startPair({ documents: [] });
  return {
    outbound: pair.source.outbound,
    workload: (name, port, more, labels) => nodeWorkload(name, "till-2", port, more, labels),
    serve: (documents) => pair.apply({ documents }),
    [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
  };
}

const grpcService = (name: string, more = {}) => serviceDoc(name, more, PORT, "grpc");
const backend = (name: string) => ({ name, port: PORT });

function grpcRoute(name: string, service: string, rules: readonly Readonly<Record<string, unknown>>[]) {
  return doc(GATEWAY_API, "GRPCRoute", name, {
    parentRefs: [{ group: "", kind: "Service", name: service, port: PORT }],
    rules,
  });
}

function documents({ workload }: Between): Document[] {
  return [
    workload("first", first.port, {}, { pool: "both" }),
    workload("second", second.port, {}, { pool: "both" }),
    workload("gone", 1),
    workload("guarded", first.port),
    grpcService("first"),
    grpcService("second"),
    grpcService("gone"),
    grpcService("guarded"),
    grpcService("both", { selector: { pool: "both" } }),
    grpcService("empty", { selector: { app: "nobody" } }),
    grpcService("routed", { selector: { app: "first" } }),
    policyDoc("guarded", "guarded", "DENY", [{ to: [{ operation: { paths: [UNARY] } }] }]),
    grpcRoute("routed", "routed", [
      {
        matches: [
          {
            method: { service: "grpc.testing.TestService", method: "EmptyCall" },
            headers: [{ name: "x-canary", value: "yes" }],
          },
        ],
        backendRefs: [backend("second")],
      },
      {
        matches: [{ method: { service: "grpc.testing.TestService", method: "EmptyCall" } }],
        backendRefs: [backend("first")],
      },
    ]),
  ];
}

beforeAll(async () => {
  programs = await GrpcPrograms.make();
  [first, second] = await Promise.all([programs.server("first"), programs.server("second")]);
  client = programs.client();
});
afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await Promise.all([first[Symbol.asyncDispose](), second[Symbol.asyncDispose]()]);
  programs[Symbol.dispose]();
});

interface Wanted {
  readonly calls?: number;
  readonly atOnce?: number;
  readonly deadlineMs?: number;
  readonly path?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

const codes = (reports: readonly CallReport[]) => [...new Set(reports.map(({ code }) => code))];

for (const [where, start] of [
  ["a worker", oneWorker],
  ["a tunnel", tunnel],
] as const) {
  describe(`gRPC through ${where}`, () => {
    let between: Between;

    beforeAll(async () => {
      between = await start();
      await between.serve(documents(between));
    });
    afterAll(() => between[Symbol.asyncDispose]());

    const call = (
      service: string,
      { calls = 1, atOnce = 1, ...wanted }: Wanted = {},
    ): Promise<readonly CallReport[]> => {
      const target = { address: `127.0.0.1:${between.outbound}`, authority: `${service}.prod:${PORT}` };
      return client.calls({ calls, atOnce, target, ...wanted });
    };
    test("spreads the calls of one connection over two servers", async () => {
      const reports = await call("both", { calls: 60, atOnce: 6 });
      expect(codes(reports)).toEqual([status.OK]);
      const byFirst = reports.filter(({ server }) => server === "first").length;
      // Drawn: less than 20 of 60 comes once in 300 runs, less than 10 once in ten million.
      expect(byFirst).toBeGreaterThanOrEqual(10);
      expect(byFirst).toBeLessThanOrEqual(50);
    });

    test("refuses one method and lets the others through", async () => {
      const [refused] = await call("guarded", { path: UNARY });
      expect(refused).toMatchObject({ code: status.PERMISSION_DENIED, reason: "RBAC", server: "" });
      expect(codes(await call("guarded"))).toEqual([status.OK]);
    });

    test("routes by service, method and metadata, and knows no other", async () => {
      expect((await call("routed"))[0]?.server).toBe("first");
      expect((await call("routed", { metadata: { "x-canary": "yes" } }))[0]?.server).toBe("second");
      expect(codes(await call("routed", { path: UNARY }))).toEqual([status.UNIMPLEMENTED]);
    });

    test("says UNAVAILABLE where no server is, or none listens", async () => {
      expect((await call("empty"))[0]).toMatchObject({ code: status.UNAVAILABLE, reason: "UH" });
      expect((await call("gone"))[0]).toMatchObject({ code: status.UNAVAILABLE, reason: "UF" });
    });

    test("passes the deadline on, and gives up the call behind it", async () => {
      const before = await first.served();
      const [late] = await call("first", { metadata: { [DELAY]: "20000" }, deadlineMs: 300 });
      expect(late?.code).toBe(status.DEADLINE_EXCEEDED);
      expect(late?.deadlineMs).toBeLessThanOrEqual(300);
      let cancelled = before.cancelled;
      for (let i = 0; cancelled === before.cancelled && i < 200; i++) {
        await Bun.sleep(10);
        ({ cancelled } = await first.served());
      }
      expect(cancelled).toBe(before.cancelled + 1);
    });

    test("keeps the deadline itself where the caller does not", async () => {
      const session = connect(`http://127.0.0.1:${between.outbound}`);
      try {
        const stream = session.request({
          ":method": "POST",
          ":path": METHODS.EmptyCall.path,
          ":authority": `first.prod:${PORT}`,
          "content-type": "application/grpc",
          te: "trailers",
          "grpc-timeout": "200m",
          [DELAY]: "20000",
        });
        stream.end(Buffer.alloc(5));
        const startedAt = performance.now();
        const answer = await readAnswer(stream);
        expect(performance.now() - startedAt).toBeLessThan(5000);
        const told = answer.trailers["grpc-status"] ?? answer.headers["grpc-status"];
        expect(told).toBe(String(status.DEADLINE_EXCEEDED));
        expect(answer.status).toBe(200);
      } finally {
        session.destroy();
      }
    });

    test("says UNAVAILABLE to a caller whose server dies in the middle, and takes the other from then on", async () => {
      await using mortal = await programs.server("mortal");
      const name = "mortal";
      await between.serve([...documents(between), between.workload(name, mortal.port), grpcService(name)]);
      const waiting = call(name, { metadata: { [DELAY]: "20000" } });
      while ((await mortal.served()).calls === 0) await Bun.sleep(5);
      await mortal[Symbol.asyncDispose]();
      expect((await waiting)[0]?.code).toBe(status.UNAVAILABLE);
      expect(codes(await call(name))).toEqual([status.UNAVAILABLE]);
      expect(codes(await call("both", { calls: 4 }))).toEqual([status.OK]);
    });
  });
}
