import { expect, test } from "bun:test";
import { presentProof } from "../../../test/support/present-proof.ts";
import { TunnelIdentities } from "../../../test/support/tunnel-identities.ts";
import { twoNodes } from "../../../test/support/tunnel-node.ts";
import { until } from "../../../test/support/until.ts";
import { makeProof } from "../../identity/proof.ts";
import { TO_WORKER } from "../../wire/channel/frames.ts";
import { GOAWAY_GAP_MS } from "./limits.ts";

const WEB = "workload/prod/web";

test("what was on its way when a listener began to go is served, and the connection ends once nothing is left", async () => {
  const identities = await TunnelIdentities.make("store-042.fleet.example", ["till-1", "till-2"]);
  const [one, two] = await twoNodes(identities, { "till-1": [WEB], "till-2": [] });
  using _one = one;
  using _two = two;
  const link = await one.up("till-2");
  const [, web] = (await identities.keyFrames("till-1", [{ key: WEB }])).flatMap((frame) =>
    frame.type === TO_WORKER.KEYS ? [frame] : [],
  );
  const [accepted] = two.tunnels.accepted;
  const proof = makeProof(link.session.binding, web!.chain, web!.key);
  // The dialer cannot know yet: both happen in one turn.
  accepted!.drain();
  expect(link.isGoing).toBe(false);
  const presented = presentProof(link, proof, WEB);
  expect((await presented).status).toBe(200);
  await until(() => link.isGoing, "the dialer to hear of it");
  await until(() => !two.tunnels.accepted.has(accepted!), "the connection to end", GOAWAY_GAP_MS + 4_000);
});
