import { afterEach, expect, test } from "bun:test";
import { openPair, type Pair, type PairOptions, pattern } from "../support/plain-pair.ts";

const HALF_OPEN: PairOptions = { listen: { allowHalfOpen: true }, connect: { allowHalfOpen: true } };
const MIB = 1024 * 1024;
const pairs: Pair[] = [];
afterEach(() => {
  for (const pair of pairs.splice(0)) pair.close();
});

async function open(options: PairOptions): Promise<Pair> {
  const pair = await openPair(options);
  pairs.push(pair);
  return pair;
}

/** Writes all of it, as the loop lets us. */
async function send(from: Pair["client"], bytes: Buffer): Promise<boolean> {
  for (let at = 0; at < bytes.length; ) {
    const taken = from.socket.write(bytes, at, bytes.length - at);
    if (taken < 0) return false;
    at += taken;
    if (taken === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return true;
}

for (const side of ["client", "server"] as const) {
  const other = side === "client" ? "server" : "client";

  test(`after shutdown by the ${side} the ${other} hears the end, and its bytes still arrive`, async () => {
    const pair = await open(HALF_OPEN);
    pair[side].socket.write("request");
    pair[side].socket.shutdown();
    await pair[other].saw("end");
    expect(pair[other].bytes().toString()).toBe("request");
    const answer = pattern(8 * MIB);
    expect(await send(pair[other], answer)).toBe(true);
    pair[other].socket.shutdown();
    await Promise.all([pair[side].saw("close"), pair[side].heard(answer.length)]);
    expect(pair[side].bytes().equals(answer)).toBe(true);
  });

  test(`after its shutdown the ${side} cannot write`, async () => {
    const pair = await open(HALF_OPEN);
    pair[side].socket.shutdown();
    expect(pair[side].socket.write("more")).toBe(-1);
  });

  test(`when the ${other} ends too both close, and the ${side}, which shut down first, hears no end but only that`, async () => {
    const pair = await open(HALF_OPEN);
    pair[side].socket.shutdown();
    await pair[other].saw("end");
    expect(pair[other].events).not.toContain("close");
    pair[other].socket.shutdown();
    await Promise.all([pair[side].saw("close"), pair[other].saw("close")]);
    expect(pair[side].events).toEqual(["close"]);
    expect(pair[side].socket.write("late")).toBe(-1);
  });
}

test("without allowHalfOpen on listen the server is closed by the client's end: it must be set there", async () => {
  const pair = await open({ connect: { allowHalfOpen: true } });
  pair.client.socket.shutdown();
  await pair.server.saw("close");
  expect(pair.server.socket.write("late")).toBe(-1);
});

test("without allowHalfOpen on connect the client is closed by the server's end: it must be set there too", async () => {
  const pair = await open({ listen: { allowHalfOpen: true } });
  pair.server.socket.shutdown();
  await pair.client.saw("close");
  expect(pair.client.socket.write("late")).toBe(-1);
});

test("end drops what the peer is still sending, where shutdown does not", async () => {
  const pair = await open(HALF_OPEN);
  pair.client.socket.end();
  await pair.server.saw("end");
  await send(pair.server, pattern(8 * MIB));
  await pair.client.saw("close");
  expect(pair.client.bytes().length).toBeLessThan(8 * MIB);
});
