import { afterEach, beforeEach, describe, expect } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startOrigin } from "../../support/mesh-load.ts";
import { MeshProcess } from "../../support/mesh-process.ts";
import { testWith } from "../../support/needs.ts";

const mesh = (port: number): string => `
mesh: store
namespace: prod
outbound: 127.0.0.1:0
metrics: 127.0.0.1:0
services:
  web: { run: "unix:uid:0" }
  orders: { port: ${port}, allow: [web] }
  payments: { port: ${port}, allow: [orders] }
`;

const mount = (...args: string[]): boolean => Bun.spawnSync(["mount", ...args]).success;

function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const place = mkdtempSync(join(tmpdir(), "selvedge-mount-"));
  const isMounted = mount("-t", "tmpfs", "-o", "size=4k", "tmpfs", place);
  if (isMounted) Bun.spawnSync(["umount", place]);
  rmSync(place, { recursive: true, force: true });
  return isMounted;
}

const needs = { root: true, programs: ["mount", "umount"], also: { "a mountable tmpfs": canMount() } };

let disk: string;
beforeEach(() => {
  disk = mkdtempSync(join(tmpdir(), "selvedge-disk-"));
  mkdirSync(join(disk, "state"), { mode: 0o700 });
  if (needs.also["a mountable tmpfs"]) mount("-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", join(disk, "state"));
});
afterEach(() => {
  Bun.spawnSync(["umount", "-l", join(disk, "state")]);
  rmSync(disk, { recursive: true, force: true });
});

/** Takes what room there is. */
function fill(state: string): void {
  const { bavail, bsize } = statfsSync(state);
  writeFileSync(join(state, "filler"), Buffer.alloc(bavail * bsize));
}

describe("a disk of one MiB", () => {
  testWith(needs)(
    "that fills up keeps the node serving and changing, which says so until there is room again",
    async () => {
      await using first = await startOrigin("first");
      await using second = await startOrigin("second");
      const state = join(disk, "state");
      await using node = new MeshProcess(mesh(first.port), { state });
      await node.start();
      fill(state);
      node.write(mesh(second.port));
      expect(await node.admin({ op: "reload" })).toMatchObject({ isPersisted: false });
      expect(await (await node.get("orders.prod")).text()).toStartWith("second");
      expect((await node.get("payments.prod")).status).toBe(403);
      const status = await node.status();
      expect(status.degraded).toContain("state");
      expect(status.stateTrouble.map((one) => one.what)).toContain("current");
      expect((await node.cli("status")).stdout).toContain("degraded: state");
      // A worker that dies meanwhile comes back with what serves now.
      const from = node.events.length;
      process.kill((await node.workers())[0] as number, "SIGKILL");
      await node.event("worker_started", from);
      await node.untilReady();
      expect(await (await node.get("orders.prod")).text()).toStartWith("second");
      // So does a keeper, from the files; without them from what the disk has.
      await node.killKeeper();
      // The disk did not take the note of the worker, which is found nevertheless: it must not serve on beside the new one.
      expect(await node.start()).toMatchObject({ degraded: "state", takenOver: 1 });
      await node.event("orphan_gone");
      expect(await (await node.get("orders.prod")).text()).toStartWith("second");
      rmSync(join(state, "filler"));
      node.write(mesh(first.port));
      expect(await node.admin({ op: "reload" })).toMatchObject({ isPersisted: true });
      while ((await node.status()).degraded.length > 0) await Bun.sleep(50);
      expect(await node.stop()).toBe(0);
      rmSync(node.file);
      expect((await node.start()).degraded).toBe("config");
      expect(await (await node.get("orders.prod")).text()).toStartWith("first");
    },
  );

  testWith(needs)("that is read-only keeps nobody from starting, with and without the files", async () => {
    await using orders = await startOrigin("orders");
    const state = join(disk, "state");
    await using node = new MeshProcess(mesh(orders.port), { state });
    await node.start();
    await node.stop();
    mount("-o", "remount,ro", state);
    expect((await node.start()).degraded).toBe("state");
    expect((await node.get("orders.prod")).status).toBe(200);
    expect((await node.get("payments.prod")).status).toBe(403);
    expect(await node.stop()).toBe(0);
    rmSync(node.file);
    expect((await node.start()).degraded).toBe("config");
    expect((await node.get("orders.prod")).status).toBe(200);
    expect((await node.get("payments.prod")).status).toBe(403);
  });
});
