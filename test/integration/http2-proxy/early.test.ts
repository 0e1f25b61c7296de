/** Answers that come before they are due: interim ones, and final ones before the request is whole. */
import { describe, expect, test } from "bun:test";
import { methodWith } from "../../support/downgrade-vectors.ts";
import { H2Client, readAnswer } from "../../support/h2-client.ts";
import { startH2Origin } from "../../support/h2-origin.ts";
import { data, ERROR_CODE, FLAG, FRAME, headers } from "../../support/http2-frames.ts";
import { RawH2 } from "../../support/raw-h2.ts";
import { connectRaw, listenRaw } from "../../support/raw-peer.ts";
import { backendDocs, meshText, serviceDoc, workloadDoc } from "../../support/test-mesh.ts";
import { startWorker } from "../../support/worker-harness.ts";

const h2Docs = (port: number) => [workloadDoc("orders", port), serviceDoc("orders", {}, 80, "kubernetes.io/h2c")];

describe("interim answers", () => {
  test("of an HTTP/1.1 endpoint reach a caller by HTTP/2", async () => {
    using upstream = listenRaw(async (peer) => {
      await peer.readThrough("\r\n\r\n");
      peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    await using worker = await startWorker(meshText({ documents: backendDocs("orders", upstream.port) }));
    await using client = await H2Client.open(worker.outbound);
    const stream = client.session.request({ ":path": "/", ":authority": "orders" });
    const hints: unknown[] = [];
    stream.on("headers", (received) => hints.push(received));
    const got = await readAnswer(stream);
    expect(got.body.toString()).toBe("ok");
    expect(hints.length).toBe(1);
  });

  test("100 (Continue) of an HTTP/2 endpoint reaches the caller that waits for it, and its body goes on", async () => {
    using upstream = await startH2Origin((stream, received) => {
      if (received["expect"] === "100-continue") stream.additionalHeaders({ ":status": 100 });
      stream.on("data", (part: Buffer) => {
        stream.respond({ ":status": 200 });
        stream.end(part);
      });
    });
    await using worker = await startWorker(meshText({ documents: h2Docs(upstream.port) }));
    const caller = await connectRaw({ port: worker.outbound });
    caller.send("PUT / HTTP/1.1\r\nHost: orders\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    expect(await caller.readThrough("\r\n\r\n")).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    caller.send("hello");
    expect(await caller.readThrough("\r\n\r\n")).toStartWith("HTTP/1.1 200 ");
    expect(await caller.readThrough("0\r\n\r\n")).toContain("hello");
    caller.destroy();
  });
});

describe("an answer before the request is whole", () => {
  test("reaches a caller by HTTP/2 whole, and then its stream is reset without blame", async () => {
    using upstream = listenRaw(async (peer) => {
      await peer.readThrough("\r\n\r\n");
      peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno.");
    });
    await using worker = await startWorker(meshText({ documents: backendDocs("shop", upstream.port) }));
    using caller = await RawH2.open(worker.outbound);
    caller.send(headers(1, methodWith("PUT", ["content-length", "100000"]), FLAG.END_HEADERS), data(1, "begin", 0));
    const end = await caller.until(({ type, streamId }) => type === FRAME.RST_STREAM && streamId === 1);
    expect(end?.payload[3]).toBe(ERROR_CODE.NO_ERROR);
    const frames = caller.frames.filter(({ streamId }) => streamId === 1).map(({ type }) => type);
    expect(frames).toEqual([FRAME.HEADERS, FRAME.DATA, FRAME.RST_STREAM]);
    // Content that was under way is nobody's fault.
    caller.send(data(1, "more", 0));
    caller.send(headers(3));
    expect(await caller.until(({ type, streamId }) => type === FRAME.HEADERS && streamId === 3)).toBeDefined();
  });

  test("of an HTTP/2 endpoint reaches a caller by HTTP/1.1, whose connection ends behind it", async () => {
    using upstream = await startH2Origin((stream) => {
      stream.respond({ ":status": 413, "content-length": "3" });
      stream.end("no.");
    });
    await using worker = await startWorker(meshText({ documents: h2Docs(upstream.port) }));
    const caller = await connectRaw({ port: worker.outbound });
    caller.send("PUT / HTTP/1.1\r\nHost: orders\r\nContent-Length: 100000\r\n\r\nbegin");
    const head = await caller.readThrough("\r\n\r\n");
    expect(head).toStartWith("HTTP/1.1 413 ");
    expect(head.toLowerCase()).toContain("connection: close\r\n");
    expect((await caller.read(3)).toString()).toBe("no.");
    await caller.until(() => caller.hasEnded);
    caller.destroy();
  });
});

test("HEAD and 304 have no content on either side", async () => {
  using upstream = await startH2Origin((stream, received) => {
    stream.respond({ ":status": received[":path"] === "/304" ? 304 : 200, "content-length": "5" }, { endStream: true });
  });
  await using worker = await startWorker(meshText({ documents: h2Docs(upstream.port) }));
  const caller = await connectRaw({ port: worker.outbound });
  for (const request of ["HEAD / HTTP/1.1", "GET /304 HTTP/1.1", "HEAD / HTTP/1.1"]) {
    caller.send(`${request}\r\nHost: orders\r\n\r\n`);
    const head = await caller.readThrough("\r\n\r\n");
    expect(head.toLowerCase()).toContain("content-length: 5\r\n");
  }
  caller.destroy();
  await using client = await H2Client.open(worker.outbound);
  const got = await client.ask({ ":method": "HEAD" });
  expect(got.headers["content-length"]).toBe("5");
  expect(got.body.length).toBe(0);
});
