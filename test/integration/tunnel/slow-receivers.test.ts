/** Receivers that take nothing, on a tunnel that many share: what they cost, and whom. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { TCPSocketListener } from "bun";
import { answering, answerText, ask, getText } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer, type RawServer } from "../../support/raw-peer.ts";
import { serviceDoc } from "../../support/test-mesh.ts";
import { nodeWorkload, startPair, type TunnelPair } from "../../support/tunnel-pair.ts";

const MIB = 2 ** 20;
/** As many as would use up the connection's window several times over; of more the kernel would hold gigabytes. */
const STALLED = 60;
/** What a request takes at most on a machine that has other work. */
const SMALL_P99_MS_MAX = 50;
/** Times that this is measured before it is believed. */
const ROUNDS_MAX = 3;
/** Beyond what the kernel holds for a loopback connection, and every window on the way. */
const LARGE_BYTES = 1024 * MIB;

interface Pour {
  left: number;
}

/** Bytes that the origin has sent, ever. */
let poured = 0;

const CHUNK = Buffer.alloc(256 * 1024, 120);

function pour(socket: { data: Pour; write(bytes: Uint8Array): number }): void {
  while (socket.data.left > 0) {
    const sent = socket.write(CHUNK);
    if (sent <= 0) return;
    socket.data.left -= sent;
    poured += sent;
  }
}

let small: RawServer;
let large: TCPSocketListener<Pour>;
let pair: TunnelPair;

beforeAll(async () => {
  small = listenRaw(answering(() => answerText("small")));
  large = Bun.listen<Pour>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => {
        socket.data = { left: 0 };
      },
      data: (socket) => {
        socket.data.left = LARGE_BYTES;
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE_BYTES}\r\n\r\n`);
        pour(socket);
      },
      drain: pour,
    },
  });
  pair = await startPair({
    documents: [
      nodeWorkload("orders", "till-2", small.port),
      serviceDoc("orders"),
      nodeWorkload("films", "till-2", large.port),
      serviceDoc("films"),
    ],
  });
});

afterAll(async () => {
  await pair[Symbol.asyncDispose]();
  small[Symbol.dispose]();
  large.stop(true);
});

/** Asks for a film and reads none of it. */
async function stall(count: number): Promise<RawPeer[]> {
  const peers: RawPeer[] = [];
  for (let i = 0; i < count; i++) {
    const peer = await connectRaw({ port: pair.source.outbound });
    peer.pause();
    peer.send(getText("/film", "films"));
    peers.push(peer);
  }
  return peers;
}

/** Milliseconds that requests on one connection took, sorted. */
async function timed(count: number): Promise<number[]> {
  const peer = await connectRaw({ port: pair.source.outbound });
  const tookMs: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedMs = performance.now();
    expect((await ask(peer, getText("/", "orders"))).body.toString()).toBe("small");
    tookMs.push(performance.now() - startedMs);
  }
  peer.destroy();
  return tookMs.sort((a, b) => a - b);
}

const p99 = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length * 0.99)] ?? 0;

/** Resident memory of a process of the pair, bytes. */
function resident(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]) * 4096;
}

/** Waits until the origin has sent nothing for a while: all of them stand still. */
async function still(): Promise<void> {
  let quiet = 0;
  for (let before = poured; quiet < 5; before = poured) {
    await Bun.sleep(200);
    quiet = poured === before ? quiet + 1 : 0;
  }
}

test("twenty readers of 1 GiB who read nothing cost at most 2 MiB each on either node", async () => {
  await timed(500);
  const before = [pair.source.pid, pair.there.pid].map(resident);
  const stalled = await stall(20);
  await still();
  const after = [pair.source.pid, pair.there.pid].map(resident);
  const each = after.map((bytes, at) => (bytes - before[at]!) / 20 / MIB);
  console.log(`a stalled reader costs ${each.map((mib) => mib.toFixed(2)).join(" and ")} MiB`);
  for (const mib of each) expect(mib).toBeLessThan(2);
  for (const peer of stalled) peer.destroy();
}, 30_000);

test("sixty of them hold up no other request between the nodes", async () => {
  const alone = p99(await timed(1_000));
  const stalled = await stall(STALLED);
  await still();
  const before = resident(pair.source.pid);
  // What else runs on the machine can only add to it, and who is held up is held up every time.
  let beside = Number.POSITIVE_INFINITY;
  const mayTake = Math.max(SMALL_P99_MS_MAX, alone * 5);
  for (let round = 0; round < ROUNDS_MAX && beside >= mayTake; round++)
    beside = Math.min(beside, p99(await timed(1_000)));
  console.log(
    `p99 ${alone.toFixed(1)} ms alone, ${beside.toFixed(1)} ms beside ${STALLED} that are stalled; ${(before / MIB).toFixed(0)} MiB`,
  );
  expect(beside).toBeLessThan(mayTake);
  expect(stalled.filter((peer) => peer.isClosed)).toEqual([]);
  for (const peer of stalled) peer.destroy();
}, 60_000);
