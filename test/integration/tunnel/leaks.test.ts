/** What comes and goes thousands of times leaves nothing: connections, streams that are reset, proofs that end. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { TO_KEEPER } from "../../../src/wire/channel/frames.ts";
import type { ToWorkerFrame } from "../../../src/wire/channel/to-worker-frame.ts";
import { ownBytesOf } from "../../support/own-bytes.ts";
import { getText } from "../../support/raw-http.ts";
import { connectRaw } from "../../support/raw-peer.ts";
import { CHAT_PORT, CHAT_SERVICE, SteadyCallers } from "../../support/steady-load.ts";
import { SteadyServices } from "../../support/steady-services.ts";
import { startPair, type TunnelPair } from "../../support/tunnel-pair.ts";
import { until } from "../../support/until.ts";

/** For a longer run than continuous integration has time for: 2000 reconnects, 20000 resets. One address gets 64 handshakes, then 16 a second. */
const RECONNECTS = Number(process.env["SELVEDGE_TEST_RECONNECTS"] ?? 60);
const RESETS = Number(process.env["SELVEDGE_TEST_RESETS"] ?? 3_000);
const PROOFS = 500;
/** Callers that leave at the same time. */
const LEAVING = 40;
const HOUR_MS = 3_600_000;
/** What a heap may be larger for no reason than when it was last swept. */
const GROWTH_MIB_MAX = 20;
const WEB = { key: "workload/prod/web" };
/** Is answered with a head at once, and with content when its own is there, which never happens. */
const CHAT = `POST /test.Chat/Talk HTTP/1.1\r\nHost: ${CHAT_SERVICE}:${CHAT_PORT}\r\nContent-Type: application/grpc\r\nTE: trailers\r\nContent-Length: 100\r\n\r\n`;

let services: SteadyServices;
let pair: TunnelPair;

beforeAll(async () => {
  services = await SteadyServices.start();
  pair = await startPair({ documents: services.documents("till-2") });
  await resetMany(1_000);
});

afterAll(async () => {
  await pair[Symbol.asyncDispose]();
  await services[Symbol.asyncDispose]();
});

interface Weight {
  readonly mib: number;
  readonly fds: number;
}

function weightOf(pid: number): Weight {
  return { mib: ownBytesOf(pid) / 2 ** 20, fds: readdirSync(`/proc/${pid}/fd`).length };
}

const weights = (): readonly Weight[] => [weightOf(pair.source.pid), weightOf(pair.there.pid)];

/** Runs something, and compares what both workers weigh afterwards with before. */
async function weighed(what: string, run: () => Promise<void>): Promise<void> {
  const before = weights();
  await run();
  // Sockets that are closed stay for a moment, at both ends.
  await until(
    () => weights().every(({ fds }, at) => fds <= (before[at]?.fds ?? 0) + 2),
    "descriptors to be given back",
    8_000,
  );
  const after = weights();
  const words = after.map(
    ({ mib, fds }, at) =>
      `${before[at]?.mib.toFixed(1)} to ${mib.toFixed(1)} MiB, ${before[at]?.fds} to ${fds} descriptors`,
  );
  console.log(`${what}: caller's worker ${words[0]}; endpoint's ${words[1]}`);
  for (const [at, { mib }] of after.entries()) expect(mib - (before[at]?.mib ?? 0)).toBeLessThan(GROWTH_MIB_MAX);
}

const ups = (): number =>
  pair.source.frames.filter((frame) => frame.type === TO_KEEPER.TUNNEL && frame.direction === "dialer" && frame.isUp)
    .length;

const send = (frames: readonly ToWorkerFrame[]): void => {
  for (const frame of frames) pair.source.send(frame);
};

async function served(count: number): Promise<void> {
  const callers = new SteadyCallers(pair.source.outbound, { keepAlive: 2 });
  await until(() => callers.done.keepAlive >= count, "requests");
  await callers.stop();
  expect(Object.fromEntries(callers.failures)).toEqual({});
}

/**
 * Callers that leave in the middle: some before the answer, some within it; answers within how many they left. Of an endpoint that
 * speaks HTTP/2, where a reset costs no connection: of those that do, a caller has 500, and the rest would be refused.
 */
async function resetMany(count: number): Promise<number> {
  let left = count;
  let within = 0;
  const leave = async (): Promise<void> => {
    while (left-- > 0) {
      const isWithin = left % 2 === 0;
      const peer = await connectRaw({ port: pair.source.outbound });
      peer.send(CHAT);
      if (!isWithin) await Bun.sleep(1);
      else if ((await peer.readThrough("\r\n\r\n")).startsWith("HTTP/1.1 200 ")) within++;
      peer.destroy();
    }
  };
  await Promise.all(Array.from({ length: LEAVING }, leave));
  return within;
}

test(`${RECONNECTS} tunnels one after the other`, async () => {
  // Two identities in turn: every change of keys makes another connection.
  const turns = [await pair.identities.keyFrames("till-1", []), await pair.identities.keyFrames("till-1", [])];
  const again = async (times: number): Promise<void> => {
    for (let at = 0; at < times; at++) {
      const was = ups();
      send(turns[at % 2] ?? []);
      await until(() => ups() > was, `tunnel ${at}`);
    }
  };
  await again(20);
  await weighed(`${RECONNECTS} tunnels`, async () => again(RECONNECTS));
  await served(20);
}, 120_000);

test(`${RESETS} streams that their callers leave`, async () => {
  await weighed(`${RESETS} resets`, async () => {
    expect(await resetMany(RESETS)).toBe(Math.floor(RESETS / 2));
  });
  await served(20);
}, 120_000);

test(`${PROOFS} proofs on one connection, all of which end before it does`, async () => {
  const { identities } = pair;
  const [, ...workload] = await identities.keyFrames("till-1", [WEB]);
  const [, ...another] = await identities.keyFrames("till-1", [WEB]);
  const tell = (): void => {
    for (const worker of [pair.source, pair.there]) worker.send(identities.trustFrame());
  };
  identities.aheadMs += 12 * HOUR_MS;
  tell();
  const was = ups();
  await pair.renew("till-2");
  send(await identities.keyFrames("till-1", []));
  await until(() => ups() > was, "a tunnel that outlives them");
  await weighed(`${PROOFS} proofs`, async () => {
    for (let proof = 0; proof < PROOFS; proof++) {
      send(proof % 2 === 0 ? workload : another);
      const peer = await connectRaw({ port: pair.source.outbound });
      peer.send(getText("/echo/1", "orders", "Connection: close"));
      expect(await peer.readAll()).toStartWith("HTTP/1.1 200 ");
      peer.destroy();
    }
    identities.aheadMs += 12.5 * HOUR_MS;
    tell();
  });
  const [, ...fresh] = await identities.keyFrames("till-1", [WEB]);
  send(fresh);
  await served(20);
}, 60_000);
