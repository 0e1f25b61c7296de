/**
 * h2spec against the listeners of a worker that take HTTP/2 by prior knowledge. They take HTTP/1.1 as well. Where a service is
 * declared to speak HTTP/2, what is neither is a wrong preface; elsewhere it is answered like a wrong HTTP/1.1 request before the
 * connection ends. h2spec asks for the end alone and takes the answer's text for a frame; tests at the end of this file ask for both.
 */
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { type H2Origin, startH2Origin } from "../../support/h2-origin.ts";
import { H2SPEC_CASES, H2SPEC_NEEDED, runH2spec } from "../../support/h2spec.ts";
import { ERROR_CODE, FRAME, parseFrames } from "../../support/http2-frames.ts";
import { testWith } from "../../support/needs.ts";
import { answering, answerText, ask, getText } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawServer } from "../../support/raw-peer.ts";
import { doc, GATEWAY_API, meshText, serviceDoc, workloadDoc } from "../../support/test-mesh.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

/** h2spec calls what it connects to by its address, so it is given a service of that address. */
const CLUSTER_IP = "127.61.7.1";
const SERVICE_PORT = 18_933;
const GATEWAY_PORT = 18_934;
const H2C_IP = "127.61.7.2";
const H2C_PORT = 18_935;

/** Answers come this late. Reason: several cases are about a stream that is still open when their second frame arrives. */
const ANSWER_AFTER_MS = 20;

let upstream: RawServer;
let http2: H2Origin;
let worker: WorkerHarness;

beforeAll(async () => {
  upstream = listenRaw(
    answering(async () => {
      await Bun.sleep(ANSWER_AFTER_MS);
      return answerText("x".repeat(1000));
    }),
  );
  http2 = await startH2Origin((stream) => {
    stream.resume();
    setTimeout(() => {
      if (stream.destroyed) return;
      stream.respond({ ":status": 200 });
      stream.end("x".repeat(1000));
    }, ANSWER_AFTER_MS);
  });
  const documents = [
    workloadDoc("calls", http2.port),
    serviceDoc("calls", { clusterIP: H2C_IP }, H2C_PORT, "kubernetes.io/h2c"),
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
  http2[Symbol.dispose]();
});

describe("h2spec finds nothing wrong", () => {
  const test = testWith({ also: H2SPEC_NEEDED });
  const report = { cases: H2SPEC_CASES, failed: ["http2/3.5: Sends invalid connection preface"], skipped: [] };

  test("with the listener of a Service that speaks HTTP/2", async () => {
    expect(await runH2spec({ host: H2C_IP, port: H2C_PORT })).toEqual({ ...report, failed: [] });
  }, 60_000);

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

  test("ends the connection with GOAWAY where the service speaks HTTP/2, which HTTP/1.1 is still served by", async () => {
    const peer = await connectRaw({ hostname: H2C_IP, port: H2C_PORT });
    peer.send("INVALID CONNECTION PREFACE\r\n\r\n");
    await peer.until(() => peer.hasEnded);
    const frames = parseFrames(peer.received);
    expect(frames.map(({ type }) => type)).toContain(FRAME.GOAWAY);
    expect(frames.at(-1)?.payload[7]).toBe(ERROR_CODE.PROTOCOL_ERROR);
    peer.destroy();
    const other = await connectRaw({ hostname: H2C_IP, port: H2C_PORT });
    expect((await ask(other, getText("/", "calls"))).body.length).toBe(1000);
    other.send("GET / HTTP/1.1\r\n\r\n");
    expect(await other.readAll()).toStartWith("HTTP/1.1 400 ");
    other.destroy();
  });
});
