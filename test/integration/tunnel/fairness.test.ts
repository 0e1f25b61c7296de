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
/**
 * What of the bulk may arrive while a small request is under way, in the middle of all. Reason: it waits for what is in kernels' hands
 * and for a few frames of others, not for windows of megabytes. Bytes and not milliseconds: a machine with other work delays both.
 */
const PASSED_BYTES_MAX = 5 * 2 ** 20;

type Pour = ReturnType<typeof pouring>;

let upstream: RawServer;
let fount: TCPSocketListener<Pour>;
let pair: TunnelPair;
/** Takes what it gets over TCP. */
let sink: TCPSocketListener<undefined>;
let sunk = 0;
/** Bytes of bulk that have come to where they go to, ever. */
let arrived = 0;
/** Answers a request once its body is there, or with a large body. */
let bodies: Server;

beforeAll(async () => {
  upstream = listenRaw(answering(() => answerText("small")));
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
        arrived += bytes.length;
      },
    },
  });
  bodies = createServer((request, response) => {
    request.on("data", (part: Buffer) => {
      arrived += part.length;
    });
    if (request.method === "POST") request.on("end", () => response.end("taken"));
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

interface Took {
  readonly ms: number[];
  /** Of the bulk, that arrived meanwhile. */
  readonly passedBytes: number[];
}

/** Asks for small answers until `until` resolves. */
async function small(until: Promise<unknown>): Promise<Took> {
  let isOver = false;
  const over = until.finally(() => {
    isOver = true;
  });
  const peer = await connectRaw({ port: pair.source.outbound });
  const took: Took = { ms: [], passedBytes: [] };
  while (!isOver) {
    const [startedMs, startedBytes] = [performance.now(), arrived];
    expect((await ask(peer, getText("/", "orders"))).body.toString()).toBe("small");
    took.ms.push(performance.now() - startedMs);
    took.passedBytes.push(arrived - startedBytes);
    await Bun.sleep(1);
  }
  await over;
  peer.destroy();
  return took;
}

function at(list: readonly number[], share: number): number {
  return list.toSorted((a, b) => a - b)[Math.floor(list.length * share)] ?? 0;
}

/** Tells what was measured, and expects the small ones to have got through. */
function expectFair(what: string, { ms, passedBytes }: Took, bytes: number, startedMs: number): void {
  const gbits = (bytes * 8) / (performance.now() - startedMs) / 1e6;
  const passed = at(passedBytes, 0.5);
  console.log(
    `${what}: ${gbits.toFixed(2)} Gbit/s, ${ms.length} small requests: p50 ${at(ms, 0.5).toFixed(1)} ms, p99 ${at(ms, 0.99).toFixed(1)} ms, passed by ${(passed / 2 ** 20).toFixed(1)} MiB`,
  );
  expect(ms.length).toBeGreaterThan(5);
  expect(passed).toBeLessThan(PASSED_BYTES_MAX);
}

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
        arrived += chunk.length;
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
  const took = await small(Promise.all(bulk));
  for (const one of bulk) expect(await one).toBeGreaterThanOrEqual(BULK_BYTES);
  expectFair("bulk beside small requests", took, 3 * BULK_BYTES, startedMs);
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
  const took = await small(Promise.all(bulk));
  expectFair("both ways", took, 2 * (BULK_BYTES + UP_BYTES), startedMs);
}, 30_000);
