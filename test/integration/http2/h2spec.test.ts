/**
 * h2spec against the listeners of a worker that take HTTP/2 by prior knowledge. They take HTTP/1.1 as well, so what is no
 * preface is answered like a wrong HTTP/1.1 request before the connection ends. h2spec asks for the end alone and takes the
 * answer's text for a frame; the test at the end of this file asks for both.
 */
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { H2SPEC_CASES, H2SPEC_NEEDED, runH2spec } from "../../support/h2spec.ts";
import { testWith } from "../../support/needs.ts";
import { answering, answerText } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawServer } from "../../support/raw-peer.ts";
import { doc, GATEWAY_API, meshText, serviceDoc, workloadDoc } from "../../support/test-mesh.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

/** h2spec calls what it connects to by its address, so it is given a service of that address. */
const CLUSTER_IP = "127.61.7.1";
const SERVICE_PORT = 18_933;
const GATEWAY_PORT = 18_934;

/** Answers come this late. Reason: several cases are about a stream that is still open when their second frame arrives. */
const ANSWER_AFTER_MS = 20;

let upstream: RawServer;
let worker: WorkerHarness;

beforeAll(async () => {
  upstream = listenRaw(
    answering(async () => {
      await Bun.sleep(ANSWER_AFTER_MS);
      return answerText("x".repeat(1000));
    }),
  );
  const documents = [
    workloadDoc("shop", upstream.port),
    serviceDoc("shop", { clusterIP: CLUSTER_IP }, SERVICE_PORT),
    doc(GATEWAY_API, "Gateway", "lan", {
      gatewayClassName: "selvedge",
      addresses: [{ type: "IPAddress", value: "127.0.0.1" }],
      listeners: [{ name: "web", port: GATEWAY_PORT, protocol: "HTTP" }],
    }),
    doc(GATEWAY_API, "HTTPRoute", "shop", {
      parentRefs: [{ name: "lan" }],
      rules: [{ backendRefs: [{ name: "shop", port: SERVICE_PORT }] }],
    }),
  ];
  worker = await startWorker(meshText({ documents }));
});
afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  upstream[Symbol.dispose]();
});

describe("h2spec finds nothing wrong", () => {
  const test = testWith({ also: H2SPEC_NEEDED });
  const report = { cases: H2SPEC_CASES, failed: ["http2/3.5: Sends invalid connection preface"], skipped: [] };

  test("with a Service's listener, in front of HTTP/1.1", async () => {
    expect(await runH2spec({ host: CLUSTER_IP, port: SERVICE_PORT })).toEqual(report);
  });

  test("with a Gateway", async () => {
    expect(await runH2spec({ port: GATEWAY_PORT })).toEqual(report);
  });
});

describe("what is no preface", () => {
  const test = testWith({});

  test("is answered as a wrong HTTP/1.1 request, and the connection ends", async () => {
    const peer = await connectRaw({ hostname: CLUSTER_IP, port: SERVICE_PORT });
    peer.send("INVALID CONNECTION PREFACE\r\n\r\n");
    await peer.until(() => peer.hasEnded);
    expect(peer.received.toString("latin1")).toStartWith("HTTP/1.1 400 ");
    peer.destroy();
  });
});
