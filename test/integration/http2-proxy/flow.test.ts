/** Large contents both ways, readers that stall, and streams that share a connection. */
import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import type { ServerHttp2Stream } from "node:http2";
import { methodWith } from "../../support/downgrade-vectors.ts";
import { H2Client } from "../../support/h2-client.ts";
import { describeRequest, startH2Origin } from "../../support/h2-origin.ts";
import { data, FLAG, FRAME, headers } from "../../support/http2-frames.ts";
import { ownBytesOf } from "../../support/own-bytes.ts";
import { RawH2 } from "../../support/raw-h2.ts";
import { readRequest } from "../../support/raw-http.ts";
import { connectRaw, listenRaw } from "../../support/raw-peer.ts";
import { backendDocs, meshText, serviceDoc, workloadDoc } from "../../support/test-mesh.ts";
import { until } from "../../support/until.ts";
import { startWorker } from "../../support/worker-harness.ts";

const MEGABYTES = 8;
const CONTENT = Buffer.from(Array.from({ length: MEGABYTES * 2 ** 20 }, (_, i) => (i * 7919) >>> 5));

/** More than the kernel keeps on the way. */
const UPLOAD_BYTES = 1024 * 16_384;
const FRAME_OF_CONTENT = "x".repeat(16_384);
const STREAM_WINDOW = 256 * 1024;

/** What the proxy has allowed on a stream so far, or on the connection (0). */
function windowOf(caller: RawH2, id: number, initial: number): number {
  let window = initial;
  for (const { streamId, type, payload } of caller.read()) {
    if (type === FRAME.WINDOW_UPDATE && streamId === id) window += Buffer.from(payload).readUInt32BE(0);
  }
  return window;
}

const h2Docs = (name: string, port: number) => [workloadDoc(name, port), serviceDoc(name, {}, 80, "kubernetes.io/h2c")];

/** Sends back what comes. */
const echo = (stream: ServerHttp2Stream): void => {
  stream.respond({ ":status": 200 });
  stream.pipe(stream);
};

describe("megabytes come back as they were", () => {
  test("by HTTP/2 on both sides", async () => {
    using upstream = await startH2Origin(echo);
    await using worker = await startWorker(meshText({ documents: h2Docs("orders", upstream.port) }));
    await using client = await H2Client.open(worker.outbound);
    const [one, other] = await Promise.all([client.ask({}, CONTENT), client.ask({}, CONTENT)]);
    expect(one.body.equals(CONTENT)).toBe(true);
    expect(other.body.equals(CONTENT)).toBe(true);
  }, 15_000);

  test("from a caller by HTTP/2 to an HTTP/1.1 endpoint", async () => {
    using upstream = listenRaw(async (peer) => {
      const request = await readRequest(peer);
      peer.send(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${request.body.length.toString(16)}\r\n`);
      peer.send(request.body);
      peer.send("\r\n0\r\n\r\n");
    });
    await using worker = await startWorker(meshText({ documents: backendDocs("orders", upstream.port) }));
    await using client = await H2Client.open(worker.outbound);
    const got = await client.ask({ "content-length": CONTENT.length }, CONTENT);
    expect(got.body.equals(CONTENT)).toBe(true);
  }, 15_000);

  test("from a caller by HTTP/1.1 to an HTTP/2 endpoint", async () => {
    using upstream = await startH2Origin(echo);
    await using worker = await startWorker(meshText({ documents: h2Docs("orders", upstream.port) }));
    const answer = await fetch(`http://127.0.0.1:${worker.outbound}/`, {
      method: "POST",
      headers: { host: "orders" },
      body: CONTENT,
    });
    expect(Buffer.from(await answer.arrayBuffer()).equals(CONTENT)).toBe(true);
  }, 15_000);
});

describe("somebody who does not read", () => {
  test("holds back the endpoint, and others on the endpoint's connection are served", async () => {
    const pour = (stream: ServerHttp2Stream): void => {
      stream.respond({ ":status": 200 });
      stream.write(CONTENT.subarray(0, 2 ** 20));
    };
    using upstream = await startH2Origin((stream, headers) =>
      headers[":path"] === "/pour" ? pour(stream) : describeRequest(stream, headers),
    );
    await using worker = await startWorker(meshText({ documents: h2Docs("orders", upstream.port) }));
    await using client = await H2Client.open(worker.outbound);
    await client.ask();
    const idle = ownBytesOf(worker.pid);
    const stalled = Array.from({ length: 8 }, () => {
      const stream = client.session.request({ ":path": "/pour", ":authority": "orders" });
      stream.on("error", () => undefined);
      return stream;
    });
    await Promise.all(stalled.map((stream) => once(stream, "response")));
    // All the windows there are have been used up once nothing moves any more.
    let before = -1;
    await until(() => {
      const now = ownBytesOf(worker.pid);
      const isStill = now === before;
      before = now;
      return isStill;
    }, "the endpoint to be held back");
    expect(ownBytesOf(worker.pid) - idle).toBeLessThan(32 * 2 ** 20);
    await using other = await H2Client.open(worker.outbound);
    expect((await other.ask()).status).toBe(200);
    for (const stream of stalled) stream.close();
  }, 15_000);

  test("an endpoint that does not take a body holds back its caller, and gets all of it when it reads on", async () => {
    const go = Promise.withResolvers<void>();
    using upstream = listenRaw(async (peer) => {
      await peer.readThrough("\r\n\r\n");
      peer.pause();
      await go.promise;
      peer.resume();
      await peer.until(() => peer.totalBytes > UPLOAD_BYTES);
      peer.send("HTTP/1.1 204 No Content\r\n\r\n");
    });
    await using worker = await startWorker(meshText({ documents: backendDocs("shop", upstream.port) }));
    using caller = await RawH2.open(worker.outbound);
    caller.send(headers(1, methodWith("PUT", ["content-length", String(UPLOAD_BYTES)]), FLAG.END_HEADERS));
    let sent = 0;
    let isHeldBack = false;
    const upload = (async () => {
      while (sent < UPLOAD_BYTES) {
        isHeldBack = false;
        const room = Math.min(windowOf(caller, 0, 65_535), windowOf(caller, 1, STREAM_WINDOW)) - sent;
        if (room < 16_384) {
          isHeldBack = true;
          const before = caller.peer.totalBytes;
          await caller.peer.until(() => caller.peer.totalBytes > before);
          continue;
        }
        sent += 16_384;
        caller.send(data(1, FRAME_OF_CONTENT, sent === UPLOAD_BYTES ? FLAG.END_STREAM : 0));
      }
    })();
    let before = -1;
    await until(() => {
      const isStill = isHeldBack && before === sent;
      before = sent;
      return isStill;
    }, "the caller to be held back");
    expect(sent).toBeLessThan(UPLOAD_BYTES);
    go.resolve();
    await upload;
    expect((await caller.until(({ streamId, type }) => streamId === 1 && type === FRAME.HEADERS))?.type).toBe(
      FRAME.HEADERS,
    );
  }, 15_000);

  test("a small answer does not wait for a large one on the same connection", async () => {
    using upstream = await startH2Origin((stream, headers) => {
      if (headers[":path"] !== "/large") {
        describeRequest(stream, headers);
        return;
      }
      stream.respond({ ":status": 200 });
      stream.end(CONTENT);
    });
    await using worker = await startWorker(meshText({ documents: h2Docs("orders", upstream.port) }));
    await using client = await H2Client.open(worker.outbound);
    const large = client.ask({ ":path": "/large" });
    let isLargeDone = false;
    large.then(() => {
      isLargeDone = true;
    });
    expect((await client.ask({ ":path": "/small" })).status).toBe(200);
    expect(isLargeDone).toBe(false);
    expect((await large).body.length).toBe(CONTENT.length);
  }, 15_000);
});

test("an HTTP/1.1 caller that stalls holds back an HTTP/2 endpoint, and loses nothing when it reads on", async () => {
  let sent = 0;
  using upstream = await startH2Origin((stream) => {
    stream.respond({ ":status": 200 });
    stream.write(CONTENT, () => {
      sent += CONTENT.length;
    });
    stream.write(CONTENT, () => {
      sent += CONTENT.length;
    });
    stream.end();
  });
  await using worker = await startWorker(meshText({ documents: h2Docs("orders", upstream.port) }));
  const caller = await connectRaw({ port: worker.outbound });
  caller.send("GET / HTTP/1.1\r\nHost: orders\r\n\r\n");
  await caller.readThrough("\r\n\r\n");
  caller.pause();
  await Bun.sleep(100);
  expect(sent).toBeLessThan(2 * CONTENT.length);
  caller.resume();
  await caller.until(() => caller.received.subarray(-5).equals(Buffer.from("0\r\n\r\n")));
  expect(caller.received.length).toBeGreaterThan(2 * CONTENT.length);
  caller.destroy();
}, 15_000);
