import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { PIPELINE_BYTES_MAX } from "../../../src/proxy/limits.ts";
import { answering, answerText, ask, getText, headerOf, readResponse } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawServer } from "../../support/raw-peer.ts";
import { backendDocs, meshText } from "../../support/test-mesh.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

let upstream: RawServer;
let worker: WorkerHarness;
let release: () => void = () => undefined;

beforeAll(async () => {
  upstream = listenRaw(
    answering(async (request) => {
      if (request.line.includes("/slow"))
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      return answerText(request.line);
    }),
  );
  worker = await startWorker(meshText({ documents: backendDocs("orders", upstream.port) }));
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  upstream[Symbol.dispose]();
});

describe("keep-alive", () => {
  test("a connection carries one request after another, over one connection to the endpoint", async () => {
    const peer = await connectRaw({ port: worker.outbound });
    for (let i = 0; i < 20; i++) {
      const answer = await ask(peer, getText(`/${i}`, "orders"));
      expect(answer.status).toBe(200);
      expect(answer.body.toString()).toBe(`GET /${i} HTTP/1.1`);
      expect(headerOf(answer, "connection")).toBeUndefined();
    }
    peer.destroy();
    expect(upstream.peers.filter((one) => !one.isClosed).length).toBe(1);
  });

  test("`Connection: close` is answered by one, and the connection ends", async () => {
    const peer = await connectRaw({ port: worker.outbound });
    const answer = await ask(peer, getText("/", "orders", "Connection: close"));
    expect(headerOf(answer, "connection")).toBe("close");
    expect(await peer.readAll()).toBe("");
    peer.destroy();
  });

  test("HTTP/1.0 ends after its answer, and stays where it asks to", async () => {
    const once = await connectRaw({ port: worker.outbound });
    const first = await ask(once, "GET /a HTTP/1.0\r\nHost: orders\r\n\r\n");
    expect(first.body.toString()).toBe("GET /a HTTP/1.1");
    expect(headerOf(first, "connection")).toBe("close");
    expect(await once.readAll()).toBe("");
    once.destroy();
    const kept = await connectRaw({ port: worker.outbound });
    for (let i = 0; i < 3; i++) {
      const answer = await ask(kept, "GET /b HTTP/1.0\r\nHost: orders\r\nConnection: keep-alive\r\n\r\n");
      expect(headerOf(answer, "connection")).toBe("keep-alive");
      expect(answer.body.toString()).toBe("GET /b HTTP/1.1");
    }
    kept.destroy();
  });

  test("HTTP/1.0 without Host leads nowhere on the shared listener", async () => {
    const peer = await connectRaw({ port: worker.outbound });
    const answer = await ask(peer, "GET / HTTP/1.0\r\n\r\n");
    expect(answer.status).toBe(404);
    peer.destroy();
  });

  test("a refusal keeps the connection where the request had no body, or a small one that is skipped", async () => {
    const peer = await connectRaw({ port: worker.outbound });
    expect((await ask(peer, getText("/", "nowhere"))).status).toBe(404);
    const refused = await ask(peer, "POST / HTTP/1.1\r\nHost: nowhere\r\nContent-Length: 5\r\n\r\nhello");
    expect(refused.status).toBe(404);
    expect((await ask(peer, getText("/after", "orders"))).body.toString()).toBe("GET /after HTTP/1.1");
    peer.destroy();
  });

  test("a refusal closes the connection where a large body would follow", async () => {
    const peer = await connectRaw({ port: worker.outbound });
    const refused = await ask(peer, "POST / HTTP/1.1\r\nHost: nowhere\r\nContent-Length: 500000\r\n\r\n");
    expect(headerOf(refused, "connection")).toBe("close");
    expect(await peer.readAll()).toBe("");
    peer.destroy();
  });

  test("a caller that half-closes behind its request still gets the answer", async () => {
    const peer = await connectRaw({ port: worker.outbound });
    peer.send(getText("/half", "orders"));
    peer.finish();
    expect((await readResponse(peer)).body.toString()).toBe("GET /half HTTP/1.1");
    expect(await peer.readAll()).toBe("");
    peer.destroy();
  });
});

describe("pipelining", () => {
  test("answers come in the order of the requests", async () => {
    const peer = await connectRaw({ port: worker.outbound });
    let text = "";
    for (let i = 0; i < 50; i++) text += getText(`/${i}`, i % 5 === 4 ? "nowhere" : "orders");
    peer.send(text);
    for (let i = 0; i < 50; i++) {
      const answer = await readResponse(peer);
      if (i % 5 === 4) expect(answer.status).toBe(404);
      else expect(answer.body.toString()).toBe(`GET /${i} HTTP/1.1`);
    }
    peer.destroy();
  });

  test("requests that are cut anywhere are the same requests", async () => {
    const peer = await connectRaw({ port: worker.outbound });
    const text = `${getText("/1", "orders")}POST /2 HTTP/1.1\r\nHost: orders\r\nContent-Length: 4\r\n\r\nbody${getText("/3", "orders")}`;
    for (const byte of text) {
      peer.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const line of ["GET /1", "POST /2", "GET /3"]) {
      expect((await readResponse(peer)).body.toString()).toBe(`${line} HTTP/1.1`);
    }
    peer.destroy();
  });

  test("all pipelined requests are answered though the caller half-closed behind them", async () => {
    const peer = await connectRaw({ port: worker.outbound });
    peer.send(getText("/1", "orders") + getText("/2", "orders") + getText("/3", "orders"));
    peer.finish();
    for (const path of ["/1", "/2", "/3"]) {
      expect((await readResponse(peer)).body.toString()).toBe(`GET ${path} HTTP/1.1`);
    }
    expect(await peer.readAll()).toBe("");
    peer.destroy();
  });

  test("what waits behind a request that is being answered is bounded: the rest stays with the caller", async () => {
    const peer = await connectRaw({ port: worker.outbound });
    peer.send(getText("/slow", "orders"));
    await Bun.sleep(50);
    const filler = getText("/x", "orders", `X-Fill: ${"f".repeat(8000)}`);
    const count = 1000;
    peer.send(filler.repeat(count));
    await Bun.sleep(200);
    // The kernel's buffers take a few megabytes at most, the worker about PIPELINE_BYTES_MAX.
    expect(peer.isFlushed).toBe(false);
    expect(filler.length * count).toBeGreaterThan(64 * PIPELINE_BYTES_MAX);
    release();
    expect((await readResponse(peer)).status).toBe(200);
    for (let i = 0; i < count; i++) {
      const answer = await readResponse(peer);
      if (answer.body.toString() !== "GET /x HTTP/1.1") throw new Error(`answer ${i}: ${answer.body}`);
    }
    peer.destroy();
  });
});
