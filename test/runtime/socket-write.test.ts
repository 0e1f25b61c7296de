import { afterEach, expect, test } from "bun:test";
import { type End, openPair, type Pair, type PairOptions, pattern } from "../support/plain-pair.ts";
import { clientOptions, makePki, serverOptions } from "../support/tls.ts";

const MIB = 1024 * 1024;
const pki = makePki();
const KINDS: Readonly<Record<string, PairOptions>> = {
  plain: {},
  TLS: { listen: { tls: serverOptions(pki) }, connect: { tls: clientOptions(pki) } },
};
const pairs: Pair[] = [];
afterEach(() => {
  for (const pair of pairs.splice(0)) pair.close();
});

async function open(options: PairOptions): Promise<Pair> {
  const pair = await openPair(options);
  pairs.push(pair);
  return pair;
}

/** Writes all of `bytes`, keeping what was not taken until the next drain. */
async function writeAll({ socket }: End, bytes: Buffer, drained: () => Promise<void>): Promise<number> {
  let refusals = 0;
  for (let at = 0; at < bytes.length; ) {
    const taken = socket.write(bytes, at, bytes.length - at);
    if (taken < 0) throw new Error("closed");
    at += taken;
    if (at < bytes.length) {
      refusals++;
      await drained();
    }
  }
  return refusals;
}

for (const [kind, options] of Object.entries(KINDS)) {
  test(`${kind}: write takes what the peer's window holds, then nothing, and says when it drains`, async () => {
    const { client, server } = await open(options);
    server.socket.pause();
    const bytes = pattern(48 * MIB);
    const first = client.socket.write(bytes);
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(bytes.length);
    let taken = first;
    for (let more = first; more > 0; taken += more) more = client.socket.write(bytes, taken, bytes.length - taken);
    expect(taken).toBeLessThan(bytes.length);
    const before = client.events.length;
    server.socket.resume();
    await client.saw("drain");
    await server.heard(taken);
    expect(client.events.slice(before)).toContain("drain");
    expect(server.bytes().equals(bytes.subarray(0, taken))).toBe(true);
  });

  test(`${kind}: what write did not take is ours to keep; with that, all bytes arrive once and in order`, async () => {
    const { client, server } = await open(options);
    const bytes = pattern(16 * MIB);
    let seen = 0;
    const drained = async () => {
      const drains = () => client.events.filter((event) => event === "drain").length;
      while (drains() <= seen) await new Promise((resolve) => setImmediate(resolve));
      seen = drains();
    };
    const refusals = await writeAll(client, bytes, drained);
    await server.heard(bytes.length);
    expect(refusals).toBeGreaterThan(0);
    expect(server.bytes().equals(bytes)).toBe(true);
  });

  test(`${kind}: write answers -1 once the socket is closed, on both ends`, async () => {
    const { client, server } = await open(options);
    expect(client.socket.write("x")).toBe(1);
    server.socket.terminate();
    await client.saw("close");
    expect(server.socket.write("x")).toBe(-1);
    expect(client.socket.write("x")).toBe(-1);
    expect(client.socket.write("")).toBeLessThanOrEqual(0);
  });

  test(`${kind}: a paused socket hears nothing until it is resumed, then everything in order`, async () => {
    const { client, server } = await open(options);
    server.socket.pause();
    const bytes = pattern(256 * 1024);
    let written = 0;
    // An echo in the other direction proves that the loop has turned while nothing was heard here.
    for (let round = 0; round < 20; round++) {
      const taken = client.socket.write(bytes, written, 8192);
      expect(taken).toBe(8192);
      written += taken;
      server.socket.write("tick");
      await client.heard((round + 1) * 4);
    }
    expect(server.bytes().length).toBe(0);
    server.socket.resume();
    await server.heard(written);
    expect(server.bytes().equals(bytes.subarray(0, written))).toBe(true);
  });
}
