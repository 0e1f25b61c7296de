/** The clients that people have at hand. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { describeRequest, type H2Origin, startH2Origin } from "../../support/h2-origin.ts";
import { testWith } from "../../support/needs.ts";
import { answering } from "../../support/raw-http.ts";
import { listenRaw, type RawServer } from "../../support/raw-peer.ts";
import { backendDocs, doc, GATEWAY_API, meshText, serviceDoc, workloadDoc } from "../../support/test-mesh.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

let h1: RawServer;
let h2: H2Origin;
let worker: WorkerHarness;

const gateway = doc(GATEWAY_API, "Gateway", "edge", {
  gatewayClassName: "selvedge",
  addresses: [{ type: "IPAddress", value: "127.0.0.1" }],
  listeners: [{ name: "http", port: 18_080, protocol: "HTTP" }],
});

beforeAll(async () => {
  h1 = listenRaw(answering(({ line }) => `HTTP/1.1 200 OK\r\nContent-Length: ${line.length}\r\n\r\n${line}`));
  h2 = await startH2Origin(describeRequest);
  const documents = [
    ...backendDocs("old", h1.port),
    workloadDoc("new", h2.port),
    serviceDoc("new", {}, 80, "kubernetes.io/h2c"),
  ];
  worker = await startWorker(meshText({ documents }));
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  h1[Symbol.dispose]();
  h2[Symbol.dispose]();
});

async function run(command: readonly string[]): Promise<{ code: number; output: string }> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: 10_000 });
  const output = await new Response(child.stdout).text();
  return { code: await child.exited, output };
}

describe("with prior knowledge", () => {
  const withCurl = testWith({ programs: ["curl"] });
  const withNghttp = testWith({ programs: ["nghttp", "h2load"] });

  withCurl("curl reaches endpoints of either kind", async () => {
    const url = `http://127.0.0.1:${worker.outbound}/hello?a=b`;
    for (const name of ["old", "new"]) {
      const { code, output } = await run(["curl", "-s", "--http2-prior-knowledge", "-H", `Host: ${name}`, "-i", url]);
      expect(code).toBe(0);
      expect(output).toStartWith("HTTP/2 200");
      expect(output).toContain("/hello?a=b");
    }
  });

  withCurl("curl uploads what it is told to", async () => {
    const url = `http://127.0.0.1:${worker.outbound}/`;
    const body = "x".repeat(300_000);
    const { output } = await run([
      "curl",
      "-s",
      "--http2-prior-knowledge",
      "-H",
      "Host: new",
      "-d",
      body.slice(0, 100_000),
      url,
    ]);
    expect(output).toContain('"bytes":100000');
  });

  withNghttp("h2load has a thousand requests answered on ten connections", async () => {
    const url = `http://127.0.0.1:${worker.outbound}/`;
    for (const name of ["old", "new"]) {
      const args = ["-n", "1000", "-c", "10", "-m", "10", "-H", `:authority: ${name}`];
      const { code, output } = await run(["h2load", ...args, url]);
      expect(code).toBe(0);
      expect(output).toContain("1000 done, 1000 succeeded, 0 failed, 0 errored");
    }
  });
});

test("the gateway's listener speaks it too", async () => {
  const route = doc(GATEWAY_API, "HTTPRoute", "all", {
    parentRefs: [{ name: "edge" }],
    rules: [{ backendRefs: [{ name: "old", port: 80 }] }],
  });
  await worker.apply(meshText({ documents: [...backendDocs("old", h1.port), gateway, route] }));
  const { output } = await run(["curl", "-s", "--http2-prior-knowledge", "-i", `http://127.0.0.1:18080/through`]);
  expect(output).toStartWith("HTTP/2 200");
  expect(output).toContain("GET /through HTTP/1.1");
});
