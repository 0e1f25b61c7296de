import { describe, expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startOrigin } from "../../support/mesh-load.ts";
import { MeshProcess } from "../../support/mesh-process.ts";
import { testWith } from "../../support/needs.ts";
import { seededRandom } from "../../support/seeded-random.ts";

const mesh = (port: number, allowed: string): string => `
mesh: store
namespace: prod
outbound: 127.0.0.1:0
metrics: 127.0.0.1:0
services:
  web: { run: "unix:uid:0" }
  other: { run: "unix:uid:61219" }
  orders: { port: ${port}, allow: [web] }
  payments: { port: ${port}, allow: [${allowed}] }
`;

type Rot = (bytes: Buffer) => Buffer;

/** What disks do to files. */
function rots(random: () => number): Readonly<Record<string, Rot>> {
  return {
    torn: (bytes) => bytes.subarray(0, Math.floor(bytes.length / 2)),
    emptied: () => Buffer.alloc(0),
    "with a flipped bit": (bytes) => {
      const flipped = Buffer.from(bytes);
      const at = Math.floor(random() * flipped.length);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << Math.floor(random() * 8));
      return flipped;
    },
    "of noise": (bytes) => Buffer.from(bytes.map(() => Math.floor(random() * 256))),
    "of zeroes": (bytes) => Buffer.alloc(bytes.length),
  };
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}

async function expectRightAnswers(node: MeshProcess): Promise<void> {
  expect((await node.get("orders.prod")).status).toBe(200);
  expect((await node.get("payments.prod")).status).toBe(403);
}

describe("a state directory in which something is rotten", () => {
  testWith({ root: true })("always starts, serves what the files say, and never lets anybody in", async () => {
    const random = seededRandom(7);
    await using orders = await startOrigin("orders");
    await using node = new MeshProcess(mesh(orders.port, "other"));
    let highest = (await node.start()).generation;
    await (await node.get("payments.prod")).text();
    await node.stop();
    const kinds = Object.entries(rots(random));
    const names = filesBelow(node.state).map((path) => path.slice(node.state.length + 1));
    expect(names).toEqual(expect.arrayContaining(["current", "workers", "counters.ndjson", "logs/access.ndjson"]));
    for (const [index, name] of names.entries()) {
      for (const offset of [0, 2]) {
        const [kind, rot] = kinds[(index + offset) % kinds.length] as [string, Rot];
        const path = join(node.state, name);
        if (!existsSync(path)) continue;
        writeFileSync(path, rot(readFileSync(path)));
        const ready = await node.start();
        expect(ready.generation, `${name} ${kind}`).toBeGreaterThanOrEqual(highest);
        highest = ready.generation;
        await expectRightAnswers(node);
        expect(await node.stop(), `${name} ${kind}`).toBe(0);
      }
    }
  });

  testWith({ root: true })(
    "starts from an older good generation where the newest is rotten and the files are gone",
    async () => {
      await using orders = await startOrigin("orders");
      await using node = new MeshProcess(mesh(orders.port, "other"));
      await node.start();
      node.write(mesh(orders.port, "web"));
      await node.admin({ op: "reload" });
      expect((await node.get("payments.prod")).status).toBe(200);
      await node.stop();
      rmSync(node.file);
      const newest = join(node.state, "generations/2.ndjson");
      const text = readFileSync(newest, "utf8");
      writeFileSync(newest, text.replace("61219", "61220"));
      const ready = await node.start();
      expect(ready).toMatchObject({ degraded: "config", generation: 3 });
      await expectRightAnswers(node);
      expect((await node.status()).stateTrouble.map((one) => one.what)).toContain("2.ndjson");
      await node.stop();
      // Now nothing is left that is whole.
      for (const name of readdirSync(join(node.state, "generations"))) {
        const path = join(node.state, "generations", name);
        writeFileSync(path, readFileSync(path, "utf8").replace(/"port":\d+/, '"port":1'));
      }
      node.launch("-f", node.file);
      expect(await node.exited).toBe(1);
      expect(node.stderr).toContain("no such file");
    },
  );

  testWith({ root: true })("starts from its files where current names a generation that is not there", async () => {
    await using orders = await startOrigin("orders");
    await using node = new MeshProcess(mesh(orders.port, "other"));
    await node.start();
    await node.stop();
    rmSync(join(node.state, "generations/1.ndjson"));
    expect((await node.start()).generation).toBeGreaterThan(1);
    await expectRightAnswers(node);
  });
});
