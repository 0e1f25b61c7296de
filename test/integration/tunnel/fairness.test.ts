/** Bulk on a tunnel beside small requests: both get on. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { TCPSocketListener } from "bun";
import { answering, answerText, ask, getText, readResponse } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer, type RawServer } from "../../support/raw-peer.ts";
import { serviceDoc } from "../../support/test-mesh.ts";
import { nodeWorkload, startPair, type TunnelPair } from "../../support/tunnel-pair.ts";
import { until } from "../../support/until.ts";

const BULK_BYTES = 128 * 2 ** 20;
/** Beyond every window on the way. */
const UP_BYTES = 64 * 2 ** 20;
const STUCK_BYTES = 2 * 2 ** 20;
/** A request waits for a few frames of others, not for a window of them. */
const SMALL_P99_MS_MAX = 100;

type Pour = ReturnType<typeof pouring>;

let upstream: RawServer;
let fount: TCPSocketListener<Pour>;
let pair: TunnelPair;
/** Takes what it gets over TCP. */
let sink: TCPSocketListener<undefined>;
let sunk = 0;
/** Answers a request once its body is there, or with a large body. */
let bodies: Server;

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
  sink = Bun.listen<undefined>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (_socket, bytes) => {
        sunk += bytes.length;
      },
    },
  });
  bodies = createServer((request, response) => {
    if (request.method === "POST") request.on("end", () => response.end("taken")).resume();
    else response.setHeader("content-length", BULK_BYTES).end(Buffer.alloc(BULK_BYTES, "x"));
  });
  await new Promise<void>((resolve) => bodies.listen(0, "127.0.0.1", resolve));
  const bodiesPort = (bodies.address() as AddressInfo).port;
  pair = await startPair({
    documents: [
      nodeWorkload("orders", "till-2", upstream.port),
      serviceDoc("orders"),
      nodeWorkload("fount", "till-2", fount.port),
      serviceDoc("fount", {}, 5432, "tcp"),
      nodeWorkload("sink", "till-2", sink.port),
      serviceDoc("sink", {}, 5432, "tcp"),
      nodeWorkload("films", "till-2", bodiesPort),
      serviceDoc("films"),
      nodeWorkload("drain", "till-2", bodiesPort),
      serviceDoc("drain"),
    ],
  });
});

afterAll(async () => {
  await pair[Symbol.asyncDispose]();
  upstream[Symbol.dispose]();
  fount.stop(true);
  sink.stop(true);
  bodies.closeAllConnections();
  bodies.close();
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

test("bulk in both directions, TCP and bodies, lets small requests pass", async () => {
  const target = pair.source.outbound;
  const upload = async (first: string, ends: (peer: RawPeer) => Promise<unknown>): Promise<void> => {
    const peer = await connectRaw({ port: target });
    peer.send(first);
    const piece = Buffer.alloc(256 * 1024, 120);
    for (let left = UP_BYTES; left > 0; left -= piece.length) {
      peer.send(piece);
      while (!peer.isFlushed) await Bun.sleep(1);
    }
    await ends(peer);
    peer.destroy();
  };
  const startedMs = performance.now();
  const post = `POST / HTTP/1.1\r\nHost: drain\r\nContent-Length: ${UP_BYTES}\r\n\r\n`;
  const bulk = [
    counted(target, "CONNECT fount:5432 HTTP/1.1\r\nHost: fount:5432\r\n\r\n"),
    counted(target, "GET / HTTP/1.1\r\nHost: films\r\nConnection: close\r\n\r\n"),
    upload(post, (peer) => readResponse(peer)),
    upload("CONNECT sink:5432 HTTP/1.1\r\nHost: sink:5432\r\n\r\n", () =>
      until(() => sunk >= UP_BYTES, "the last byte"),
    ),
  ];
  const tookMs = await small(Promise.all(bulk));
  const gbits = (2 * (BULK_BYTES + UP_BYTES) * 8) / (performance.now() - startedMs) / 1e6;
  console.log(`both ways: ${gbits.toFixed(2)} Gbit/s, p99 of small requests ${p99(tookMs).toFixed(1)} ms`);
  expect(tookMs.length).toBeGreaterThan(10);
  expect(p99(tookMs)).toBeLessThan(SMALL_P99_MS_MAX);
}, 30_000);

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
