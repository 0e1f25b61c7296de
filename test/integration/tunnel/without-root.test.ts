/** The root's node is away for a month of the nodes' time, and then for too long: what goes on, what ends, how it comes back. */
import { expect, test } from "bun:test";
import { TO_KEEPER } from "../../../src/wire/channel/frames.ts";
import type { RawPeer } from "../../support/raw-peer.ts";
import { echoed, openTcp, SteadyCallers } from "../../support/steady-load.ts";
import { SteadyServices } from "../../support/steady-services.ts";
import { NODES, startPair, type TunnelPair } from "../../support/tunnel-pair.ts";
import { until } from "../../support/until.ts";

const HOUR_MS = 3_600_000;
/** How often keepers make new certificates. */
const STEP_HOURS = 12;
const STEPS_PER_DAY = 24 / STEP_HOURS;
/** Of the real time: enough for what is under way when it begins. */
const HOUR_TAKES_MS = 4;

/** Lets half a day pass at both nodes, and brings them certificates of then by the issuers that they have. */
async function pass(pair: TunnelPair): Promise<void> {
  const { identities } = pair;
  for (let hour = 0; hour < STEP_HOURS; hour++) {
    identities.aheadMs += HOUR_MS;
    for (const worker of [pair.source, pair.there]) worker.send(identities.trustFrame());
    await Bun.sleep(HOUR_TAKES_MS);
  }
  const was = ups(pair);
  await pair.renew("till-2");
  await pair.renew("till-1");
  await until(() => ups(pair) > was, "a tunnel with these", 8_000);
}

/** Times that the tunnel from `till-1` came up. */
const ups = (pair: TunnelPair): number =>
  pair.source.frames.filter((frame) => frame.type === TO_KEEPER.TUNNEL && frame.direction === "dialer" && frame.isUp)
    .length;

const refusals = (pair: TunnelPair) => {
  const all = [...pair.source.frames, ...pair.there.frames];
  return new Set(all.flatMap((frame) => (frame.type === TO_KEEPER.REFUSED ? [frame.reason] : [])));
};

test("30 days without the root's node lose no request; when issuers end calls are refused, and a new issuer ends that", async () => {
  await using services = await SteadyServices.start();
  await using pair = await startPair({ documents: services.documents("till-2") });
  const callers = new SteadyCallers(pair.source.outbound, { keepAlive: 8 });
  const streams: RawPeer[] = [];
  let outlived = 0;
  for (let step = 0; step < 30 * STEPS_PER_DAY; step++) {
    if (step % 10 === 0) streams.push(await openTcp(pair.source.outbound));
    await pass(pair);
    if (step % 10 !== 0) continue;
    expect(await echoed(streams.at(-1) as RawPeer, "half a day later")).toBe("");
    outlived++;
  }
  await callers.stop();
  expect(Object.fromEntries(callers.failures)).toEqual({});
  // Time goes in steps here, so that an old connection with a stream on it is found to be over.
  expect([...refusals(pair)]).toEqual(["expired"]);
  // A day later the certificate that opened them was over, and so were they.
  await Promise.all(streams.map((stream) => stream.ended()));

  for (let step = 0; step < 14 * STEPS_PER_DAY; step++) await pass(pair);
  const stillGood = new SteadyCallers(pair.source.outbound, { keepAlive: 2 });
  await until(() => stillGood.done.keepAlive > 20, "calls on the 44th day");
  await stillGood.stop();
  expect(Object.fromEntries(stillGood.failures)).toEqual({});

  pair.identities.aheadMs += 2 * 24 * HOUR_MS;
  for (const worker of [pair.source, pair.there]) worker.send(pair.identities.trustFrame());
  const refused = new SteadyCallers(pair.source.outbound, { keepAlive: 2 });
  await until(() => refused.failed > 5, "refusals once the issuers are over");
  const goodBefore = refused.done.keepAlive;
  expect(goodBefore).toBe(0);
  const backAtMs = performance.now();
  for (const node of NODES) {
    await pair.identities.renewIssuer(node);
    await pair.renew(node);
  }
  await until(() => refused.done.keepAlive > 0, "calls with new issuers", 10_000);
  const backMs = refused.goodAtMs - backAtMs;
  await refused.stop();
  expect([...refused.failures.keys()].filter((what) => !what.startsWith("keepAlive: 503 "))).toEqual([]);
  console.log(
    `30 days in ${30 * STEPS_PER_DAY} steps: ${callers.done.keepAlive} requests, failed ${callers.failed}, ${outlived} TCP streams outlived half a day; after the 45th day ${JSON.stringify(Object.fromEntries(refused.failures))}, back ${Math.round(backMs)} ms after a new issuer`,
  );
}, 60_000);
