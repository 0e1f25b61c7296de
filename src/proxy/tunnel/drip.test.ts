import { expect, test } from "bun:test";
import { block, FRAME, frame, REQUEST } from "../../../test/support/http2-frames.ts";
import { TunnelIdentities } from "../../../test/support/tunnel-identities.ts";
import { twoNodes } from "../../../test/support/tunnel-node.ts";
import { until } from "../../../test/support/until.ts";
import { LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import { FRAME_TIMEOUT_MS, HEAD_TIMEOUT_MS } from "../limits.ts";

const BLOCK = block(REQUEST);

for (const [what, bytes, limit, timeoutMs] of [
  ["a frame", frame(0x42, 0, 0, new Array<number>(64).fill(0)).slice(0, 20), "frame_timeout", FRAME_TIMEOUT_MS],
  ["a head", frame(FRAME.HEADERS, 0, 1, BLOCK.slice(0, 8)), "head_timeout", HEAD_TIMEOUT_MS],
] as const) {
  test(`${what} that a proven node begins and does not end, ends its tunnel in time, and is counted`, async () => {
    const identities = await TunnelIdentities.make("store-042.fleet.example", ["till-1", "till-2"]);
    const [one, two] = await twoNodes(identities);
    using _one = one;
    using _two = two;
    const { socket } = (await one.up("till-2")).session.connection;
    const [accepted] = two.tunnels.accepted;
    const { connection } = accepted!.link;
    socket?.write(Uint8Array.from(bytes));
    await until(() => connection.reader.isMidFrame || connection.continuedId > 0, "the beginning");
    two.pass(timeoutMs - 500);
    expect(accepted!.link.isOver).toBe(false);
    two.pass(1_000);
    expect(accepted!.link.isOver).toBe(true);
    expect(two.counted.get(LIMIT_COUNTER[limit])).toBe(1);
    const ends = two.states.filter(({ direction, isUp }) => direction === "listener" && !isUp);
    expect(ends.map(({ reason }) => reason)).toEqual([limit]);
  });
}

test("frames that end are waited for as often as they come", async () => {
  const identities = await TunnelIdentities.make("store-042.fleet.example", ["till-1", "till-2"]);
  const [one, two] = await twoNodes(identities);
  using _one = one;
  using _two = two;
  const { socket } = (await one.up("till-2")).session.connection;
  const [accepted] = two.tunnels.accepted;
  const { reader } = accepted!.link.connection;
  const whole = Uint8Array.from(frame(0x42, 0, 0, new Array<number>(64).fill(0)));
  // Less than after what a silent peer is asked for a sign of life.
  const somewhatMs = (FRAME_TIMEOUT_MS * 2) / 3;
  socket?.write(whole.subarray(0, 20));
  await until(() => reader.isMidFrame, "half a frame");
  two.pass(somewhatMs);
  const { completed } = reader;
  socket?.write(Buffer.concat([whole.subarray(20), whole.subarray(0, 20)]));
  await until(() => reader.completed > completed && reader.isMidFrame, "the rest, and half of the next one");
  two.pass(somewhatMs);
  expect(accepted!.link.isOver).toBe(false);
  expect(two.counted.get(LIMIT_COUNTER.frame_timeout)).toBeUndefined();
});
