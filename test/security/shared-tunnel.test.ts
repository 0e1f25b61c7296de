/** What one caller, or one endpoint, can do to the tunnel that its whole node shares. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { TO_KEEPER } from "../../src/wire/channel/frames.ts";
import { answering, answerText, ask, getText } from "../support/raw-http.ts";
import { connectRaw, listenRaw, type RawServer } from "../support/raw-peer.ts";
import { serviceDoc } from "../support/test-mesh.ts";
import { nodeWorkload, startPair, type TunnelPair } from "../support/tunnel-pair.ts";

let upstream: RawServer;
let pair: TunnelPair;

beforeAll(async () => {
  upstream = listenRaw(
    answering(({ line }) => {
      const path = line.split(" ")[1]!;
      if (path === "/many") return answerText("ok", ...MANY);
      if (path === "/long") return answerText("ok", ...LONG);
      return answerText("ok");
    }),
  );
  pair = await startPair({ documents: [nodeWorkload("orders", "till-2", upstream.port), serviceDoc("orders")] });
});
afterAll(async () => {
  await pair[Symbol.asyncDispose]();
  upstream[Symbol.dispose]();
});

/** More lines than a head may have, once a node has added its own; and longer, with what HTTP/2 counts for each. */
const MANY = Array.from({ length: 126 }, (_, i) => `x-${i}: 1`);
const LONG = Array.from({ length: 100 }, (_, i) => `x-${i}: ${"a".repeat(300)}`);

const downs = () => pair.source.frames.filter((frame) => frame.type === TO_KEEPER.TUNNEL && !frame.isUp).length;

const CASES: readonly (readonly [name: string, request: string])[] = [
  ["heads with as many lines as there may be", getText("/", "orders", ...MANY)],
  ["heads as long as they may be", getText("/", "orders", ...LONG)],
  ["answers with as many lines as there may be", getText("/many", "orders")],
  ["answers as long as they may be", getText("/long", "orders")],
];

test.each(CASES)(
  "2,400 %s do not end it",
  async (_name, request) => {
    const before = downs();
    const statuses = new Map<number, number>();
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        let peer = await connectRaw({ port: pair.source.outbound });
        for (let i = 0; i < 150; i++) {
          const { status } = await ask(peer, request).catch(() => ({ status: 0 }));
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          if (status !== 0 && !peer.hasEnded) continue;
          peer.destroy();
          peer = await connectRaw({ port: pair.source.outbound });
        }
        peer.destroy();
      }),
    );
    expect(statuses.get(0) ?? 0).toBe(0);
    expect(downs() - before).toBe(0);
  },
  30_000,
);
