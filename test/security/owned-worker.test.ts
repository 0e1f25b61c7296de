/** Whoever owns a worker has its channel to the keeper: what he can say there costs the keeper little and claims nothing. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import {
  REPORT_CHARACTERS_MAX,
  REPORTS_MAX,
  REPORTS_TOLD_PER_SECOND_MAX,
  Worker,
} from "../../src/keeper/workers/worker.ts";
import { TO_KEEPER } from "../../src/wire/channel/frames.ts";
import type { ToKeeperFrame } from "../../src/wire/channel/to-keeper-frame.ts";
import type { Flood } from "../support/channel-flood.ts";

const PROGRAM = join(import.meta.dir, "../support/channel-flood.ts");

interface Seen {
  readonly worker: Worker;
  readonly frames: number;
  readonly broken: readonly string[];
}

/** A worker that was sent generation 7 says what it says until its channel ends. */
async function flooded(flood: Flood): Promise<Seen> {
  const child = Bun.spawn([process.execPath, PROGRAM, JSON.stringify(flood)], {
    stdio: ["ignore", "ignore", "inherit", "socket-fd"],
  });
  const channelFd = child.stdio[3];
  if (typeof channelFd !== "number") throw new Error("no channel");
  let frames = 0;
  const broken: string[] = [];
  const ended = Promise.withResolvers<void>();
  const worker = await Worker.adopt(
    1,
    {
      pid: child.pid,
      startTime: 0,
      channelFd,
      region: new Uint8Array(0),
      statsFd: 4,
      exited: child.exited.then((code) => ({ code, signal: null })),
      releaseRegion: () => undefined,
    },
    {
      onFrame: () => {
        frames++;
      },
      onBroken: (_worker, reason) => {
        broken.push(reason);
        ended.resolve();
      },
    },
    () => 0,
  );
  worker.offered = 7;
  await ended.promise;
  await child.exited;
  return { worker, frames, broken };
}

function charactersOf({ worker }: Seen): number {
  let characters = 0;
  for (const [key, { message }] of worker.listeners) characters += key.length + message.length;
  for (const [key, { reason }] of worker.endpoints) characters += key.length + reason.length;
  return characters;
}

test("saying again and again that it is ready is heard once, since each makes the keeper write to the disk", async () => {
  const seen = await flooded({ frame: { type: TO_KEEPER.READY, generation: 7 }, count: 5_000 });
  expect(seen.worker.ready).toBe(7);
  expect(seen.frames).toBe(1);
});

for (const type of [TO_KEEPER.ACK, TO_KEEPER.READY] as const) {
  test(`frame ${type} about a generation that it was never sent ends it`, async () => {
    const seen = await flooded({ frame: { type, generation: 8 }, count: 3 });
    expect(seen.broken.length).toBe(1);
    expect(seen.broken[0]).toContain("generation 8");
    expect([seen.frames, seen.worker.acked, seen.worker.ready]).toEqual([0, 0, 0]);
  });
}

const endless: readonly (readonly [string, ToKeeperFrame])[] = [
  ["listeners", { type: TO_KEEPER.LISTENING, listener: "{n}{long}", port: 1, errno: 0, message: "{long}" }],
  ["endpoints", { type: TO_KEEPER.ENDPOINT, endpoint: "{n}{long}", state: "down", reason: "{long}" }],
];
for (const [what, frame] of endless) {
  test(`endless ${what} with long names take a bounded amount of memory`, async () => {
    const seen = await flooded({ frame, count: 10_000 });
    expect(charactersOf(seen)).toBeLessThanOrEqual(REPORT_CHARACTERS_MAX);
    expect(seen.worker.listeners.size + seen.worker.endpoints.size).toBeGreaterThan(1_000);
  });
}

const flapping: readonly (readonly [string, ToKeeperFrame])[] = [
  ["an endpoint", { type: TO_KEEPER.ENDPOINT, endpoint: "a", state: "up", reason: "{n}" }],
  [
    "a tunnel",
    { type: TO_KEEPER.TUNNEL, node: "till-2", direction: "dialer", isUp: true, address: "10.0.0.2", reason: "" },
  ],
  ["a refusal", { type: TO_KEEPER.REFUSED, node: "till-2", address: "10.0.0.2", reason: "{n}", detail: "" }],
];
for (const [what, frame] of flapping) {
  test(`${what} that is told without end fills no log`, async () => {
    const seen = await flooded({ frame, count: 5_000 });
    expect(seen.frames).toBe(REPORTS_TOLD_PER_SECOND_MAX);
  });
}

test("short names are bounded by their number, and what comes up again makes room", async () => {
  const down: ToKeeperFrame = { type: TO_KEEPER.ENDPOINT, endpoint: "{n}", state: "down", reason: "" };
  const seen = await flooded({ frame: down, count: REPORTS_MAX + 1_000 });
  expect(seen.worker.endpoints.size).toBe(REPORTS_MAX);
});
