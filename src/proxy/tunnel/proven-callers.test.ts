import { afterAll, beforeAll, expect, test } from "bun:test";
import { TunnelIdentities } from "../../../test/support/tunnel-identities.ts";
import { type TunnelNode, twoNodes } from "../../../test/support/tunnel-node.ts";
import { makeProof } from "../../identity/proof.ts";
import { isRefusal } from "../../identity/refusal.ts";
import type { Trust } from "../../identity/verify.ts";
import { TO_WORKER } from "../../wire/channel/frames.ts";
import type { Placements } from "./placements.ts";
import { ProvenCallers } from "./proven-callers.ts";
import type { TunnelLink } from "./tunnel-link.ts";

const WEB = "workload/prod/web";
const HANDLE = 7;
const DOMAIN = "store-042.fleet.example";

let identities: TunnelIdentities;
let one: TunnelNode;
let two: TunnelNode;
let link: TunnelLink;

beforeAll(async () => {
  identities = await TunnelIdentities.make(DOMAIN, ["till-1", "till-2"]);
  [one, two] = await twoNodes(identities, { "till-1": [WEB], "till-2": [] });
  link = await one.up("till-2");
});
afterAll(() => {
  one[Symbol.dispose]();
  two[Symbol.dispose]();
});

/** All that asks where a workload is placed is answered with where this one is. */
const placements = { has: () => true, workload: () => WEB } as unknown as Placements;

const trustAt = (nowMs: number): Trust => ({
  bundles: new Map([[DOMAIN, identities.bundle]]),
  bans: identities.bans,
  nowMs,
});

test("a caller is nobody from the moment on at which its certificate ends, whether anything has looked or not", async () => {
  const [, web] = (await identities.keyFrames("till-1", [{ key: WEB }])).flatMap((frame) =>
    frame.type === TO_WORKER.KEYS ? [frame] : [],
  );
  const [accepted] = two.tunnels.accepted;
  const callers = new ProvenCallers(accepted!.session);
  const proof = makeProof(link.session.binding, web!.chain, web!.key);
  const proven = callers.prove(HANDLE, proof, WEB, { trust: trustAt(identities.nowMs), placements }, 0);
  if (proven === "limit" || isRefusal(proven)) throw new Error(JSON.stringify(proven));
  const endMs = proven.verified.notAfterMs;
  expect(callers.caller(HANDLE, endMs)?.workload).toBe(WEB);
  expect(callers.caller(HANDLE, endMs + 1)).toBeUndefined();
  expect(callers.caller(HANDLE + 2, endMs)).toBeUndefined();
  // Known once: its node is asked for a new proof in place of being reported.
  expect([callers.hasEnded(HANDLE), callers.hasEnded(HANDLE + 2)]).toEqual([true, false]);
  expect(callers.takeExpired(trustAt(endMs))).toEqual([]);
  expect(callers.takeExpired(trustAt(endMs + 1)).map(({ handle }) => handle)).toEqual([HANDLE]);
  expect([callers.size, callers.hasEnded(HANDLE)]).toEqual([0, true]);
});
