import { afterAll, beforeAll, expect, test } from "bun:test";
import { presentProof } from "../../../test/support/present-proof.ts";
import { TunnelIdentities } from "../../../test/support/tunnel-identities.ts";
import { type TunnelNode, twoNodes } from "../../../test/support/tunnel-node.ts";
import { until } from "../../../test/support/until.ts";
import { makeProof, PROOF_BYTES_MAX } from "../../identity/proof.ts";
import { TO_WORKER } from "../../wire/channel/frames.ts";
import { keyingMaterialOf } from "./tls-session.ts";
import type { TunnelLink } from "./tunnel-link.ts";

// What a stolen node could try: it has its own keys, its issuer's, and all that was ever sent to it.

const WEB = "workload/prod/web";
const OTHER = "workload/prod/other";
const THIRD = "workload/prod/third";
const RIGHT_PLACES = { "till-1": [WEB, OTHER], "till-2": [THIRD] };

interface TestKeys {
  readonly chain: readonly Uint8Array[];
  readonly key: Uint8Array;
}

let identities: TunnelIdentities;
let one: TunnelNode;
let two: TunnelNode;
let link: TunnelLink;

beforeAll(async () => {
  identities = await TunnelIdentities.make("store-042.fleet.example", ["till-1", "till-2", "till-3"]);
  [one, two] = await twoNodes(identities, RIGHT_PLACES);
  link = await one.up("till-2");
});
afterAll(() => {
  one[Symbol.dispose]();
  two[Symbol.dispose]();
});

/** Certificates and keys by a node's issuer; `""`: the node's own. */
async function keysBy(node: string, ...workloads: readonly string[]): Promise<TestKeys[]> {
  const frames = await identities.keyFrames(
    node,
    workloads.map((key) => ({ key })),
  );
  return frames.flatMap((frame) => (frame.type === TO_WORKER.KEYS ? [{ chain: frame.chain, key: frame.key }] : []));
}

/** Presents a proof that must be refused, and answers why it was. */
async function refusedFor(node: TunnelNode, on: TunnelLink, proof: Uint8Array): Promise<string> {
  const before = node.refused.length;
  const { status, handle } = await presentProof(on, proof, WEB);
  for (const tunnel of node.tunnels.accepted) expect(tunnel.caller(handle)).toBeUndefined();
  const report = node.refused.at(before);
  return `${status} ${report?.node} ${report?.reason}`;
}

test("the control: what the workload's own key signed for this connection is believed", async () => {
  const [, web] = await keysBy("till-1", WEB);
  const { status, handle } = await presentProof(link, makeProof(link.session.binding, web!.chain, web!.key), WEB);
  expect(status).toBe(200);
  const [tunnel] = two.tunnels.accepted;
  expect(tunnel!.caller(handle)?.workload).toBe(WEB);
});

test("a node that claims a workload for which it has no key is refused and reported", async () => {
  const [, web, other] = await keysBy("till-1", WEB, OTHER);
  const proof = makeProof(link.session.binding, web!.chain, other!.key);
  expect(await refusedFor(two, link, proof)).toBe("403 till-1 proof_signature");
});

test("a workload that the documents place on another node is refused, whoever signed for it", async () => {
  const [own, third, anywhere] = await keysBy("till-1", THIRD, "workload/prod/nowhere");
  const proofOf = ({ chain, key }: TestKeys) => makeProof(link.session.binding, chain, key);
  expect(await refusedFor(two, link, proofOf(third!))).toBe("403 till-1 not_placed");
  expect(await refusedFor(two, link, proofOf(anywhere!))).toBe("403 till-1 not_placed");
  expect(await refusedFor(two, link, proofOf(own!))).toBe("403 till-1 leaf_kind");
  const [, theirs] = await keysBy("till-2", THIRD);
  expect(await refusedFor(two, link, proofOf(theirs!))).toBe("403 till-1 proof_sender");
  const [, stranger] = await keysBy("till-3", WEB);
  expect(await refusedFor(two, link, proofOf(stranger!))).toBe("403 till-1 proof_sender");
});

test("a proof is of no use to whoever receives it: sent back, it is refused", async () => {
  const [, web] = await keysBy("till-1", WEB);
  const proof = makeProof(link.session.binding, web!.chain, web!.key);
  expect((await presentProof(link, proof, WEB)).status).toBe(200);
  const back = await two.up("till-1");
  expect(await refusedFor(one, back, proof)).toBe("403 till-2 proof_sender");
});

test("a proof is of no use on another connection, not even between the same nodes", async () => {
  const [, web] = await keysBy("till-1", WEB);
  const proof = makeProof(link.session.binding, web!.chain, web!.key);
  await one.issue([WEB, OTHER]);
  const next = await until(() => {
    const current = one.tunnels.link("till-2");
    return current !== link && current !== null ? current : undefined;
  }, "another connection");
  expect(await refusedFor(two, next, proof)).toBe("403 till-1 proof_signature");
  const again = makeProof(next.session.binding, web!.chain, web!.key);
  expect((await presentProof(next, again, WEB)).status).toBe(200);
  link = next;
});

test("a proof made for the other role is refused", async () => {
  const [, web] = await keysBy("till-1", WEB);
  const { binding } = link.session;
  const swapped = { ...binding, senderNode: binding.receiverNode, receiverNode: binding.senderNode };
  const { socket } = link.session.connection;
  const asListener = { ...binding, keyingMaterial: keyingMaterialOf(socket as never, "listener")! };
  for (const wrong of [{ ...binding, sender: "listener" as const }, swapped, asListener]) {
    expect(await refusedFor(two, link, makeProof(wrong, web!.chain, web!.key))).toBe("403 till-1 proof_signature");
  }
});

test("what is no proof is refused, however it is wrong", async () => {
  const [, web] = await keysBy("till-1", WEB);
  const proof = makeProof(link.session.binding, web!.chain, web!.key);
  const cut = proof.subarray(0, -1);
  for (const wrong of [Buffer.alloc(1), Buffer.from("{}"), cut, Buffer.concat([proof, Buffer.alloc(1)])]) {
    expect(await refusedFor(two, link, wrong)).toBe("403 till-1 proof_form");
  }
  expect((await presentProof(link, Buffer.alloc(PROOF_BYTES_MAX + 1), WEB)).status).toBe(0);
  // The connection is as good as before.
  expect((await presentProof(link, proof, WEB)).status).toBe(200);
});
