/** The codec on a socket, judged by h2spec. The listener of a worker is judged in test/integration/http2. */
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { H2SPEC_CASES, H2SPEC_NEEDED, parseReport, runH2spec } from "../../support/h2spec.ts";
import { type EchoServer, startEchoServer } from "../../support/http2-echo-server.ts";
import { testWith } from "../../support/needs.ts";

let server: EchoServer;
beforeAll(() => {
  server = startEchoServer();
});
afterAll(() => server.stop());

describe("h2spec", () => {
  const test = testWith({ also: H2SPEC_NEEDED });

  test("finds nothing wrong with the codec, the strict cases included", async () => {
    const report = await runH2spec({ port: server.port, path: "/bytes/1000" });
    expect(report).toEqual({ cases: H2SPEC_CASES, failed: [], skipped: [] });
  });

  test("finds what is wrong where something is", async () => {
    // Answers without content hold no stream open, so that the limit of streams is never reached.
    const report = await runH2spec({ port: server.port, path: "/", timeoutS: 1 }, ["http2/5.1.2"]);
    expect(report.failed).toEqual([expect.stringContaining("http2/5.1.2: ")]);
  });
});

describe("a report of h2spec", () => {
  const test = testWith({});

  test("is read case by case", () => {
    const one = (inside: string) => `<testcase package="http2/1" classname="a" time="0.1">${inside}</testcase>`;
    const report = parseReport(`${one("")}\n${one("<error>\nx</error>")}\n${one("<skipped></skipped>")}`);
    expect(report).toEqual({ cases: 3, failed: ["http2/1: a"], skipped: ["http2/1: a"] });
  });
});
