/** Certificates, issuers and the root are replaced a hundred times while calls of every kind are under way: none may fail. */
import { expect, test } from "bun:test";
import { OLD_TUNNELS_MAX } from "../../../src/proxy/tunnel/limits.ts";
import { TO_KEEPER } from "../../../src/wire/channel/frames.ts";
import type { RawPeer } from "../../support/raw-peer.ts";
import { echoed, openTcp, SteadyCallers } from "../../support/steady-load.ts";
import { SteadyServices } from "../../support/steady-services.ts";
import { NODES, startPair, type TunnelPair } from "../../support/tunnel-pair.ts";
import { until } from "../../support/until.ts";

const ROTATIONS = 100;
/** Among them, from one of these on: every tenth brings new issuers too; a new root is told of, signs, and the old one goes. */
const ROOT_ADDED_AT = 20;
const ROOT_SIGNS_AT = 30;
const ROOT_GONE_AT = 70;
/** The calls that are under way longest take 1 s. */
const ROTATION_MS = 100;

/** Times that the tunnel from `till-1` came up. */
const ups = (pair: TunnelPair): number =>
  pair.source.frames.filter(
    (frame) => frame.type === TO_KEEPER.TUNNEL && frame.direction === "dialer" && frame.isUp && frame.node === "till-2",
  ).length;

function tellTrust(pair: TunnelPair): void {
  pair.source.send(pair.identities.trustFrame());
  pair.there.send(pair.identities.trustFrame());
}

test(`${ROTATIONS} rotations of certificates, issuers and the root under load lose no call, and TCP streams outlive them`, async () => {
  await using services = await SteadyServices.start();
  await using pair = await startPair({ documents: services.documents("till-2") });
  const callers = new SteadyCallers(pair.source.outbound, { keepAlive: 8, long: 3, chats: 3, tcp: 3 });
  const before = await openTcp(pair.source.outbound);
  const { identities } = pair;
  const beganMs = performance.now();
  let next: Awaited<ReturnType<typeof identities.addRoot>> | undefined;
  for (let rotation = 0; rotation < ROTATIONS; rotation++) {
    const startedMs = performance.now();
    if (rotation === ROOT_ADDED_AT) next = await identities.addRoot();
    if (rotation === ROOT_SIGNS_AT && next !== undefined) identities.signBy(next);
    if (rotation === ROOT_ADDED_AT || rotation === ROOT_SIGNS_AT) tellTrust(pair);
    if (rotation === ROOT_GONE_AT) {
      expect(await echoed(before, "still here after seventy rotations")).toBe("");
      identities.dropOldRoot();
      tellTrust(pair);
      // It came over a connection that the old root vouched for.
      await before.closed();
    }
    if (rotation % 10 === 0) for (const node of NODES) await identities.renewIssuer(node);
    const was = ups(pair);
    await pair.renew("till-2");
    await pair.renew("till-1");
    await until(() => ups(pair) > was, `the tunnel after rotation ${rotation}`, 8_000);
    await Bun.sleep(Math.max(0, ROTATION_MS - (performance.now() - startedMs)));
  }
  const tookMs = performance.now() - beganMs;
  const after = await openTcp(pair.source.outbound);
  expect(await echoed(after, "a new one")).toBe("");
  after.destroy();
  await callers.stop();
  const { keepAlive, long, chats, tcp } = callers.done;
  console.log(
    `${ROTATIONS} rotations in ${Math.round(tookMs)} ms: ${keepAlive} requests, ${long} long answers, ${chats} gRPC streams, ${tcp} TCP streams; failed ${callers.failed}; slowest request ${Math.round(Math.max(...callers.tookMs))} ms`,
  );
  expect(Object.fromEntries(callers.failures)).toEqual({});
  expect(keepAlive).toBeGreaterThan(1_000);
  for (const count of [long, chats, tcp]) expect(count).toBeGreaterThan(5);
}, 60_000);

test("more rotations than there may be old connections, each with a stream open on it, cut no stream and no call", async () => {
  await using services = await SteadyServices.start();
  await using pair = await startPair({ documents: services.documents("till-2") });
  const callers = new SteadyCallers(pair.source.outbound, { keepAlive: 2 });
  const streams: RawPeer[] = [];
  for (let rotation = 0; rotation < OLD_TUNNELS_MAX + 6; rotation++) {
    const stream = await openTcp(pair.source.outbound);
    expect(await echoed(stream, "first")).toBe("");
    streams.push(stream);
    const was = ups(pair);
    await pair.renew("till-1");
    if (rotation < OLD_TUNNELS_MAX) await until(() => ups(pair) > was, `the tunnel after rotation ${rotation}`);
    else expect([await echoed(stream, "second"), ups(pair)]).toEqual(["", was]);
  }
  for (const stream of streams) expect(await echoed(stream, "last")).toBe("");
  const was = ups(pair);
  streams[0]?.destroy();
  await until(() => ups(pair) > was, "the newest certificate to be used once there is room", 10_000);
  await callers.stop();
  expect(Object.fromEntries(callers.failures)).toEqual({});
  expect(pair.there.frames.filter(({ type }) => type === TO_KEEPER.REFUSED)).toEqual([]);
  for (const stream of streams) stream.destroy();
}, 30_000);
