import { describe, expect } from "bun:test";
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
`;

describe("a generation on which workers die three times within a minute", () => {
  testWith({ root: true })("gives way to the last good one, says so, and is not taken up again by itself", async () => {
    await using good = await startOrigin("good");
    await using bad = await startOrigin("bad");
    await using node = new MeshProcess(mesh(good.port));
    const first = await node.start();
    node.write(mesh(bad.port));
    await node.admin({ op: "reload" });
    expect(await (await node.get("orders.prod")).text()).toStartWith("bad");
    for (let death = 0; death < 3; death++) {
      const from = node.events.length;
      const [pid] = await node.workers();
      process.kill(pid as number, "SIGKILL");
      await node.event("worker_started", from);
      await node.untilReady();
    }
    expect(await node.event("crash_loop")).toMatchObject({ bad: 2, generation: 3 });
    expect(node.ready.outbound).toBe(first.outbound);
    expect(await (await node.get("orders.prod")).text()).toStartWith("good");
    const status = await node.status();
    expect(status.degraded).toContain("crash_loop");
    expect(status.notices.join()).toContain("killed workers");
    expect((await node.cli("status")).stdout).toContain("degraded: crash_loop");
    expect(await node.stop()).toBe(0);
    expect(await node.start()).toMatchObject({ generation: 3 });
    expect(await (await node.get("orders.prod")).text()).toStartWith("good");
    node.write(`${mesh(bad.port)}assert: []\n`);
    await node.admin({ op: "reload" });
    expect(await (await node.get("orders.prod")).text()).toStartWith("bad");
    expect((await node.status()).degraded).toEqual([]);
  });
});
