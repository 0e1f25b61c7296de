import { expect } from "bun:test";
import { HUNG_AFTER_MS } from "../../../src/keeper/workers/hang-watch.ts";
import { MeshProcess } from "../../support/mesh-process.ts";
import { testWith } from "../../support/needs.ts";

const MESH = `
mesh: store
outbound: 127.0.0.1:0
metrics: 127.0.0.1:0
services:
  orders: { port: 9 }
`;

testWith({ root: true, programs: [] })(
  "a worker whose loop stops turning is ended, and another one serves",
  async () => {
    await using node = new MeshProcess(MESH);
    const ready = await node.start();
    const from = node.events.length;
    process.kill(ready.workers[0] as number, "SIGSTOP");
    const broken = await node.event("worker_broken", from);
    expect(broken).toMatchObject({ pid: ready.workers[0] });
    await node.event("worker_started", from);
    expect(await node.stop()).toBe(0);
  },
  HUNG_AFTER_MS * 2,
);
