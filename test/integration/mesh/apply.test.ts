import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startOrigin } from "../../support/mesh-load.ts";
import { MeshProcess } from "../../support/mesh-process.ts";
import { until } from "../../support/until.ts";

const OWN_UID = process.getuid?.() ?? 0;

const mesh = (port: number): string => `
mesh: store
namespace: prod
outbound: 127.0.0.1:0
metrics: 127.0.0.1:0
services:
  web: { run: "unix:uid:${OWN_UID}" }
  orders: { port: ${port}, allow: [web] }
`;

describe("selvedge apply --wait", () => {
  test("returns when the documents serve, refuses wrong ones with their places, and outlives a restart", async () => {
    await using first = await startOrigin("first");
    await using second = await startOrigin("second");
    await using node = new MeshProcess(mesh(first.port));
    await node.startAs();
    await until(() => node.stderr.includes("no service is known until `selvedge apply -f PATH`"), "the hint");
    const applied = await node.cli("apply", "-f", node.file, "--wait");
    expect(applied.code).toBe(0);
    await node.stop();
    await node.startAs();
    expect(node.stderr).not.toContain("no service is known");
    expect(await (await node.get("orders.prod")).text()).toStartWith("first");
    node.write(mesh(second.port));
    expect((await node.cli("apply", "-f", node.file, "--wait", "-o", "json")).code).toBe(0);
    // The command has returned: no request may see the old one any more.
    for (let call = 0; call < 20; call++) {
      expect(await (await node.get("orders.prod")).text()).toStartWith("second");
    }
    const generation = (await node.status()).generation;
    node.write(`${mesh(first.port)}  web: {}\n`);
    const refused = await node.cli("apply", "-f", node.file, "--wait");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/mesh\.yaml:\d+:\d+ {2}error {2}SV\d{4}/);
    expect(await node.status()).toMatchObject({ generation });
    expect(await (await node.get("orders.prod")).text()).toStartWith("second");
    expect(await node.stop()).toBe(0);
    expect(await node.startAs()).toMatchObject({ generation });
    expect(await (await node.get("orders.prod")).text()).toStartWith("second");
    await node.killKeeper();
    expect((await node.startAs()).generation).toBe(generation);
    expect(await (await node.get("orders.prod")).text()).toStartWith("second");
  });

  test("is refused under watched files where it differs from them", async () => {
    await using node = new MeshProcess(mesh(9));
    await node.start();
    const other = join(node.base, "other.yaml");
    writeFileSync(other, mesh(10));
    const refused = await node.cli("apply", "-f", other, "--wait");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("the documents of this node belong to");
    expect((await node.status()).generation).toBe(1);
    expect((await node.cli("apply", "-f", node.file, "--wait")).code).toBe(0);
  });
});
