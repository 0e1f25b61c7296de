/** How long a node waits before it dials again: longer and longer, never as long as the others, and not at all when there is news. */
import { beforeAll, expect, test } from "bun:test";
import type { TCPSocketListener } from "bun";
import { TunnelIdentities } from "../../../test/support/tunnel-identities.ts";
import { TunnelNode } from "../../../test/support/tunnel-node.ts";
import { until } from "../../../test/support/until.ts";
import { REDIAL_MS_FIRST, REDIAL_MS_MAX } from "./limits.ts";

let identities: TunnelIdentities;
beforeAll(async () => {
  identities = await TunnelIdentities.make("store-042.fleet.example", ["till-1", "till-2"]);
});

/** Somebody who hangs up on everybody, and notes when they came. */
function hangingUp(): { readonly listener: TCPSocketListener; readonly atMs: number[] } {
  const atMs: number[] = [];
  const listener = Bun.listen({
    hostname: "127.0.0.2",
    port: 0,
    socket: {
      open(socket) {
        atMs.push(performance.now());
        socket.terminate();
      },
      data() {},
      error() {},
    },
  });
  return { listener, atMs };
}

/** A node whose jitter is always this share, dialing there. */
async function dialing(port: number, share: number): Promise<TunnelNode> {
  const node = new TunnelNode(identities, "till-1");
  node.random = () => share;
  node.trust();
  await node.issue();
  node.serve([{ name: "till-1" }, { name: "till-2", hostname: "127.0.0.2", port }]);
  return node;
}

/** Between the visits that came, in ms. */
const gaps = (atMs: readonly number[]): number[] => atMs.slice(1).map((ms, at) => ms - (atMs[at] ?? 0));

test("each wait is drawn from a span twice as long as the one before", async () => {
  const { listener, atMs } = hangingUp();
  using _ = await dialing(listener.port, 0.99);
  await until(() => atMs.length === 4, "four dials", 10_000);
  listener.stop(true);
  for (const [at, gap] of gaps(atMs).entries()) expect(gap).toBeGreaterThan(REDIAL_MS_FIRST * 2 ** (at + 1) * 0.95);
  // 1.4 s where the machine has nothing else to do.
  expect((atMs.at(-1) ?? 0) - (atMs[0] ?? 0)).toBeLessThan(4_000);
});

test("a node that draws little is back long before one that draws much, so that no two keep coming together", async () => {
  const { listener, atMs } = hangingUp();
  using _ = await dialing(listener.port, 0.05);
  await until(() => atMs.length === 4, "four dials", 10_000);
  listener.stop(true);
  // Drawn at 0.99 this takes 1.4 s.
  expect((atMs.at(-1) ?? 0) - (atMs[0] ?? 0)).toBeLessThan(700);
});

test("the span ends where a node that comes back would wait too long", async () => {
  const { listener, atMs } = hangingUp();
  // Without its end the span of the 12th wait is 400 s, and a hundredth of that 4 s.
  using _ = await dialing(listener.port, 0.01);
  await until(() => atMs.length === 13, "thirteen dials", 10_000);
  listener.stop(true);
  expect(Math.max(...gaps(atMs))).toBeLessThan(0.01 * REDIAL_MS_MAX + 1_000);
});

test("another address in the documents is dialed at once, however long the wait had become", async () => {
  const [first, second] = [hangingUp(), hangingUp()];
  using node = await dialing(first.listener.port, 0.99);
  await until(() => first.atMs.length === 3, "three dials", 10_000);
  const movedMs = performance.now();
  node.serve([{ name: "till-1" }, { name: "till-2", hostname: "127.0.0.2", port: second.listener.port }]);
  await until(() => second.atMs.length > 0, "a dial to the new address", 10_000);
  for (const { listener } of [first, second]) listener.stop(true);
  expect((second.atMs[0] ?? 0) - movedMs).toBeLessThan(REDIAL_MS_FIRST * 2 ** 3 * 0.7);
});
