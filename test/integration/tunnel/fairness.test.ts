/** Bulk on a tunnel beside small requests: both get on. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { TCPSocketListener } from "bun";
import { answering, answerText, ask, getText, readResponse } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer, type RawServer } from "../../support/raw-peer.ts";
import { serviceDoc } from "../../support/test-mesh.ts";
import { nodeWorkload, startPair, type TunnelPair } from "../../support/tunnel-pair.ts";

const BULK_BYTES = 128 * 2 ** 20;
/** Beyond every window on the way. */
const STUCK_BYTES = 2 * 2 ** 20;
/** A request waits for a few frames of others, not for a window of them. */
const SMALL_P99_MS_MAX = 100;

type Pour = ReturnType<typeof pouring>;

let upstream: RawServer;
let fount: TCPSocketListener<Pour>;
let pair: TunnelPair;

beforeAll(async () => {
  upstream = listenRaw(
    answering((request) => answerText(request.line.includes("/bulk") ? "x".repeat(STUCK_BYTES) : "small")),
  );
  fount = Bun.listen<Pour>({
    hostname: "127.0.0.1",
    port: 0,
    allowHalfOpen: true,
    socket: {
      open: (socket) => {
        socket.data = pouring(BULK_BYTES);
        socket.data(socket);
      },
      data: () => undefined,
      drain: (socket) => socket.data(socket),
    },
  });
  pair = await startPair({
    documents: [
      nodeWorkload("orders", "till-2", upstream.port),
      serviceDoc("orders"),
      nodeWorkload("fount", "till-2", fount.port),
      serviceDoc("fount", {}, 5432, "tcp"),
    ],
  });
});

afterAll(async () => {
  await pair[Symbol.asyncDispose]();
  upstream[Symbol.dispose]();
  fount.stop(true);
});

/** Asks for small answers until `until` resolves; answers how long each took, sorted. */
async function small(until: Promise<unknown>): Promise<number[]> {
  let isOver = false;
  const over = until.finally(() => {
    isOver = true;
  });
  const peer = await connectRaw({ port: pair.source.outbound });
  const tookMs: number[] = [];
  while (!isOver) {
    const startedMs = performance.now();
    expect((await ask(peer, getText("/", "orders"))).body.toString()).toBe("small");
    tookMs.push(performance.now() - startedMs);
    await Bun.sleep(1);
  }
  await over;
  peer.destroy();
  return tookMs.sort((a, b) => a - b);
}

const p99 = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length * 0.99)] ?? 0;

/** Sends text and counts what comes, keeping nothing; resolves with the number when the other end has sent its last byte. */
function counted(port: number, first: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  let bytes = 0;
  void Bun.connect({
    hostname: "127.0.0.1",
    port,
    allowHalfOpen: true,
    socket: {
      open: (socket) => void socket.write(first),
      data: (_socket, chunk) => {
        bytes += chunk.length;
      },
      end: (socket) => {
        socket.end();
        resolve(bytes);
      },
      close: () => resolve(bytes),
    },
  });
  return promise;
}

/** Pours bytes into a socket as it takes them, then ends it. */
function pouring(left: number) {
  const chunk = Buffer.alloc(256 * 1024, 120);
  return (socket: { write(bytes: Uint8Array): number; shutdown(): void }): void => {
    while (left > 0) {
      const sent = socket.write(left < chunk.length ? chunk.subarray(0, left) : chunk);
      if (sent <= 0) return;
      left -= sent;
    }
    socket.shutdown();
  };
}

test("small requests are answered while TCP streams are full, and these get on", async () => {
  const startedMs = performance.now();
  const connect = "CONNECT fount:5432 HTTP/1.1\r\nHost: fount:5432\r\n\r\n";
  const bulk = Array.from({ length: 3 }, () => counted(pair.source.outbound, connect));
  const tookMs = await small(Promise.all(bulk));
  const gbits = (3 * BULK_BYTES * 8) / (performance.now() - startedMs) / 1e6;
  for (const one of bulk) expect(await one).toBeGreaterThanOrEqual(BULK_BYTES);
  console.log(`bulk beside small requests: ${gbits.toFixed(2)} Gbit/s, p99 of these ${p99(tookMs).toFixed(1)} ms`);
  expect(tookMs.length).toBeGreaterThan(10);
  expect(p99(tookMs)).toBeLessThan(SMALL_P99_MS_MAX);
}, 20_000);

test("a stream whose receiver takes nothing holds up nobody else", async () => {
  const stuck: RawPeer[] = [];
  // As many as would use up the window of the connection, were it theirs.
  for (let i = 0; i < 40; i++) {
    const peer = await connectRaw({ port: pair.source.outbound });
    peer.send(getText("/bulk", "orders"));
    peer.pause();
    stuck.push(peer);
  }
  await Bun.sleep(200);
  const peer = await connectRaw({ port: pair.source.outbound });
  const startedMs = performance.now();
  peer.send(getText("/", "orders"));
  const answer = await Promise.race([readResponse(peer), Bun.sleep(3_000)]);
  expect(answer?.body.toString()).toBe("small");
  expect(performance.now() - startedMs).toBeLessThan(1_000);
  for (const one of [...stuck, peer]) one.destroy();
}, 20_000);
