/**
 * h2spec against the listener of a tunnel: by a bridge that makes the connections of another node and proves a workload on each,
 * since nobody else gets a word in. Behind it the frames are h2spec's own, whatever is wrong with them.
 */
import { afterAll, beforeAll, expect } from "bun:test";
import { TO_KEEPER } from "../../../src/wire/channel/frames.ts";
import { startBridge } from "../../support/h2-bridge.ts";
import { H2Client } from "../../support/h2-client.ts";
import { H2SPEC_CASES, H2SPEC_NEEDED, runH2spec } from "../../support/h2spec.ts";
import { testWith } from "../../support/needs.ts";
import { answering, answerText } from "../../support/raw-http.ts";
import { listenRaw, type RawServer } from "../../support/raw-peer.ts";
import { serviceDoc } from "../../support/test-mesh.ts";
import { TunnelIdentities } from "../../support/tunnel-identities.ts";
import {
  addressOf,
  NODES,
  nodeWorkload,
  pairPort,
  pairText,
  startNode,
  TRUST_DOMAIN,
} from "../../support/tunnel-pair.ts";
import type { WorkerHarness } from "../../support/worker-harness.ts";

/** Answers come this late. Reason: several cases are about a stream that is still open when their second frame arrives. */
const ANSWER_AFTER_MS = 20;

let upstream: RawServer;
let worker: WorkerHarness;
let bridge: RawServer;

beforeAll(async () => {
  upstream = listenRaw(
    answering(async () => {
      await Bun.sleep(ANSWER_AFTER_MS);
      return answerText("x".repeat(1000));
    }),
  );
  const identities = await TunnelIdentities.make(TRUST_DOMAIN, NODES);
  const port = pairPort();
  const documents = [nodeWorkload("shop", "till-2", upstream.port), serviceDoc("shop")];
  worker = await startNode("till-2", pairText({ documents }, "till-2", port), identities, []);
  bridge = await startBridge({
    identities,
    node: "till-1",
    workload: "workload/prod/web",
    there: { node: "till-2", hostname: addressOf("till-2"), port },
    pin: `service/prod/shop:80 service/prod/shop:80 workload/prod/shop|127.0.0.1:${upstream.port}`,
  });
});
afterAll(async () => {
  bridge[Symbol.dispose]();
  await worker[Symbol.asyncDispose]();
  upstream[Symbol.dispose]();
});

testWith({})("the bridge carries the requests of a proven workload to the endpoint", async () => {
  await using caller = await H2Client.open(bridge.port);
  for (let i = 0; i < 3; i++) {
    const answer = await caller.ask({ ":authority": "shop" }, i === 0 ? undefined : "some content");
    expect([answer.status, answer.body.length]).toEqual([200, 1000]);
  }
});

testWith({ also: H2SPEC_NEEDED })(
  "h2spec finds nothing wrong with the listener of a tunnel",
  async () => {
    expect(await runH2spec({ port: bridge.port })).toEqual({ cases: H2SPEC_CASES, failed: [], skipped: [] });
    // Whom the bridge did not speak for was refused, and most cases are content with any answer.
    expect(worker.frames.filter((frame) => frame.type === TO_KEEPER.REFUSED && frame.reason === "no_handle")).toEqual(
      [],
    );
  },
  60_000,
);
