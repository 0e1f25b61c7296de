import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readRequest } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer } from "../../support/raw-peer.ts";
import { backendDocs, meshText } from "../../support/test-mesh.ts";
import { startWorker } from "../../support/worker-harness.ts";

const BODY_BYTES = 100 * 2 ** 20;
const PIECE = crypto.getRandomValues(new Uint8Array(128 * 1024));
const DIGEST = (() => {
  const hash = createHash("sha256");
  for (let at = 0; at < BODY_BYTES; at += PIECE.length) hash.update(PIECE);
  return hash.digest("hex");
})();

/** Sends the body, in chunks of changing sizes where it is to be chunked. */
async function pour(peer: RawPeer, isChunked: boolean): Promise<void> {
  for (let at = 0; at < BODY_BYTES; at += PIECE.length) {
    if (isChunked) {
      const cut = 1 + (at % 99_991);
      peer.send(`${cut.toString(16)}\r\n`);
      peer.send(PIECE.subarray(0, cut));
      peer.send(`\r\n${(PIECE.length - cut).toString(16).padStart(6, "0")}\r\n`);
      peer.send(PIECE.subarray(cut));
      peer.send("\r\n");
    } else peer.send(PIECE);
    if (!peer.isFlushed) await peer.until(() => peer.isFlushed);
  }
  if (isChunked) peer.send("0\r\n\r\n");
}

async function digestOf(peer: RawPeer, isChunked: boolean): Promise<string> {
  const hash = createHash("sha256");
  const take = async (bytes: number): Promise<void> => {
    for (let left = bytes; left > 0; ) {
      await peer.until(() => peer.received.length > 0);
      const part = await peer.read(Math.min(left, peer.received.length));
      hash.update(part);
      left -= part.length;
    }
  };
  if (!isChunked) await take(BODY_BYTES);
  else {
    for (;;) {
      const size = Number.parseInt(await peer.readThrough("\r\n"), 16);
      await take(size);
      await peer.readThrough("\r\n");
      if (size === 0) break;
    }
  }
  return hash.digest("hex");
}

const framing = (isChunked: boolean): string =>
  isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${BODY_BYTES}`;

describe("100 MiB arrive unchanged", () => {
  for (const isChunked of [false, true]) {
    test(`both ways, ${isChunked ? "in chunks" : "of known length"}`, async () => {
      let atEndpoint = "";
      using upstream = listenRaw(async (peer) => {
        await peer.readThrough("\r\n\r\n");
        atEndpoint = await digestOf(peer, isChunked);
        peer.send(`HTTP/1.1 200 OK\r\n${framing(isChunked)}\r\n\r\n`);
        await pour(peer, isChunked);
      });
      await using worker = await startWorker(meshText({ documents: backendDocs("orders", upstream.port) }));
      const caller = await connectRaw({ port: worker.outbound });
      caller.send(`PUT / HTTP/1.1\r\nHost: orders\r\n${framing(isChunked)}\r\n\r\n`);
      const answer = caller.readThrough("\r\n\r\n");
      await pour(caller, isChunked);
      expect(await answer).toStartWith("HTTP/1.1 200 ");
      expect(await digestOf(caller, isChunked)).toBe(DIGEST);
      expect(atEndpoint).toBe(DIGEST);
      caller.destroy();
    }, 10_000);
  }
});

test("the end of an answer reaches a caller that reads slowly, though the connection ends with it", async () => {
  const body = "slowly".repeat(500_000);
  using upstream = listenRaw(async (peer) => {
    await readRequest(peer);
    peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await peer.ended();
  });
  await using worker = await startWorker(meshText({ documents: backendDocs("orders", upstream.port) }));
  const caller = await connectRaw({ port: worker.outbound });
  caller.send("GET / HTTP/1.0\r\nHost: orders\r\n\r\n");
  await caller.readThrough("\r\n\r\n");
  caller.pause();
  // Longer than the worker waits for a caller's last byte: what the kernel holds must survive that.
  await Bun.sleep(2_500);
  caller.resume();
  expect((await caller.read(body.length)).toString("latin1") === body).toBe(true);
  caller.destroy();
}, 8_000);
