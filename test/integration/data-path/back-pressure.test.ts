import { expect, test } from "bun:test";
import { ownBytesOf } from "../../support/own-bytes.ts";
import { readRequest } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer } from "../../support/raw-peer.ts";
import { backendDocs, meshText } from "../../support/test-mesh.ts";
import { until } from "../../support/until.ts";
import { startWorker } from "../../support/worker-harness.ts";

const PEERS = 20;
const PROMISED_BYTES = 2 ** 30;
/** What goes through once the stalled ones read on; a whole GiB each would only take longer. */
const CHUNK = Buffer.alloc(64 * 1024, "selvedge");
const PER_PEER_BYTES_MAX = 2 * 2 ** 20;
const FLOWING_BYTES_MAX = 64 * 2 ** 20;

/** Sends a gigabyte, or until the connection is gone. */
async function pour(peer: RawPeer, bytes: number): Promise<void> {
  for (let sent = 0; sent < bytes && !peer.isClosed; sent += CHUNK.length) {
    peer.send(CHUNK);
    if (!peer.isFlushed) await peer.until(() => peer.isFlushed);
  }
}

/** Takes bytes out and checks that they are the ones that were sent. */
async function takeIntact(peer: RawPeer, bytes: number): Promise<void> {
  for (let taken = 0; taken < bytes; ) {
    await peer.until(() => peer.received.length > 0);
    const part = await peer.read(Math.min(peer.received.length, bytes - taken));
    const offset = taken % 8;
    const expected = CHUNK.subarray(offset, offset + Math.min(part.length, 32 * 1024));
    if (!part.subarray(0, expected.length).equals(expected)) throw new Error(`other bytes at ${taken}`);
    taken += part.length;
  }
}

test("20 readers that stall in the middle of 1 GiB cost at most 2 MiB each, and lose nothing when they read on", async () => {
  using upstream = listenRaw(async (peer) => {
    await readRequest(peer);
    peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${PROMISED_BYTES}\r\n\r\n`);
    await pour(peer, PROMISED_BYTES);
  });
  await using worker = await startWorker(meshText({ documents: backendDocs("orders", upstream.port) }));
  const callers = await Promise.all(Array.from({ length: PEERS }, () => connectRaw({ port: worker.outbound })));
  const idle = ownBytesOf(worker.pid);
  for (const caller of callers) caller.send("GET / HTTP/1.1\r\nHost: orders\r\n\r\n");
  let flowing = 0;
  await Promise.all(
    callers.map(async (caller) => {
      await caller.readThrough("\r\n\r\n");
      await takeIntact(caller, 8 * 2 ** 20);
      flowing = Math.max(flowing, ownBytesOf(worker.pid));
      caller.pause();
    }),
  );
  expect(flowing - idle).toBeLessThan(FLOWING_BYTES_MAX);
  // Stalled: nothing moves at the endpoint any more.
  let before = -1;
  await until(() => {
    const now = upstream.peers.reduce((sum, peer) => sum + (peer.isFlushed ? 1 : 0), 0);
    const isStill = now === before && now === 0;
    before = now;
    return isStill;
  }, "the endpoint to be held back");
  expect((ownBytesOf(worker.pid) - idle) / PEERS).toBeLessThan(PER_PEER_BYTES_MAX);
  await Promise.all(
    callers.map(async (caller) => {
      caller.resume();
      // Bytes from before the stall start anywhere: read up to the next start of the pattern.
      const at = 8 * 2 ** 20;
      expect(at % 8).toBe(0);
      await takeIntact(caller, 8 * 2 ** 20);
      caller.destroy();
    }),
  );
}, 20_000);

test("20 uploads to an endpoint that stalls cost at most 2 MiB each, and arrive whole when it reads on", async () => {
  // More than the kernel keeps on the four sockets of the way.
  const uploadBytes = 40 * 2 ** 20;
  const go = Promise.withResolvers<void>();
  using upstream = listenRaw(async (peer) => {
    await peer.readThrough("\r\n\r\n");
    peer.pause();
    await go.promise;
    peer.resume();
    await takeIntact(peer, uploadBytes);
    peer.send("HTTP/1.1 204 No Content\r\n\r\n");
  });
  await using worker = await startWorker(meshText({ documents: backendDocs("orders", upstream.port) }));
  const callers = await Promise.all(Array.from({ length: PEERS }, () => connectRaw({ port: worker.outbound })));
  const idle = ownBytesOf(worker.pid);
  const all = callers.map(async (caller) => {
    caller.send(`PUT / HTTP/1.1\r\nHost: orders\r\nContent-Length: ${uploadBytes}\r\n\r\n`);
    await pour(caller, uploadBytes);
    expect(await caller.readThrough("\r\n\r\n")).toStartWith("HTTP/1.1 204 ");
    caller.destroy();
  });
  const uploads = Promise.all(all);
  // Looked at below; until then nothing may count as unhandled.
  uploads.catch(() => undefined);
  await until(() => callers.every((caller) => !caller.isFlushed), "the callers to be held back", 8_000);
  await Bun.sleep(200);
  expect(callers.every((caller) => !caller.isFlushed)).toBe(true);
  expect((ownBytesOf(worker.pid) - idle) / PEERS).toBeLessThan(PER_PEER_BYTES_MAX);
  go.resolve();
  await uploads;
}, 20_000);
