import { describe, expect, test } from "bun:test";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SOURCE_QUIET_MS } from "../../../src/keeper/reload/source-watch.ts";
import { startCallers, startOrigin } from "../../support/mesh-load.ts";
import { MeshProcess, runSelvedge } from "../../support/mesh-process.ts";

const OWN_UID = process.getuid?.() ?? 0;

const mesh = (port = 9, extra = ""): string => `
mesh: store
namespace: prod
outbound: 127.0.0.1:0
metrics: 127.0.0.1:0
services:
  web: { run: "unix:uid:${OWN_UID}" }
  orders: { port: ${port}, allow: [web], clusterIP: 127.77.0.5, servicePort: 18080 }
  payments: { port: ${port}, allow: [orders] }
${extra}`;

const BROKEN = "mesh: store\nservices:\n  web: { prot: 80 }\n  orders: { nmespace: prod }\n";

describe("selvedge up", () => {
  test("tells in its first line where everything is, and serves from then on", async () => {
    await using orders = await startOrigin("orders");
    await using node = new MeshProcess(mesh(orders.port));
    const ready = await node.start("--node", "till-1");
    expect(node.events[0]).toBe(ready);
    expect(ready).toMatchObject({
      event: "ready",
      generation: 1,
      site: "store",
      node: "till-1",
      admin: join(node.state, "admin.sock"),
      state: node.state,
      isolation: "none",
    });
    expect(ready.outbound).toMatch(/^127\.0\.0\.1:[1-9]\d+$/);
    expect(ready.metrics).toMatch(/^127\.0\.0\.1:[1-9]\d+$/);
    expect(ready.workers).toHaveLength(1);
    expect(ready).not.toContainKey("degraded");
    expect(await (await node.get("orders.prod", "/", { headers: { "x-token": "t1" } })).text()).toBe("orders t1 ");
    expect(statSync(ready.admin).mode & 0o777).toBe(0o600);
    expect((await node.get("payments")).headers.get("x-selvedge-reason")).toBe("RBAC");
  });

  test("lets requests finish after SIGTERM and exits with 0 within ten seconds", async () => {
    await using orders = await startOrigin("orders");
    await using node = new MeshProcess(mesh(orders.port));
    await node.start();
    const slow = node.get("orders.prod", "/slow/1500", { headers: { "x-token": "slow" } });
    const isAnswered = slow.then(() => true);
    while ((await orders.served()) === 0 && !(await Promise.race([isAnswered, Bun.sleep(5).then(() => false)])));
    const startedAtMs = performance.now();
    node.signal("SIGTERM");
    await node.event("draining");
    // The listeners close a moment after that was said; whoever still comes through is answered.
    while ((await node.get("orders.prod").catch(() => undefined)) !== undefined) await Bun.sleep(2);
    expect(await (await slow).text()).toBe("orders slow ");
    expect(await node.exited).toBe(0);
    expect(performance.now() - startedAtMs).toBeLessThan(10_000);
    expect(node.events.at(-1)).toMatchObject({ event: "stopped", streamsCut: 0 });
    expect(node.leftWorkers()).toEqual([]);
  });

  test("refuses a state directory that is in use, and says by which process", async () => {
    await using node = new MeshProcess(mesh());
    const ready = await node.start();
    const second = await runSelvedge(["up", "-f", node.file, "--state", node.state, "-o", "json"]);
    expect(second).toMatchObject({ code: 1, stdout: "" });
    expect(second.stderr).toContain(`in use by process ${ready.pid}`);
    expect((await node.get("orders.prod")).status).toBe(503);
  });

  test("lists every problem with its place and exits with 1 where nothing was ever good", async () => {
    await using node = new MeshProcess(BROKEN);
    node.launch("-f", node.file);
    expect(await node.exited).toBe(1);
    const lines = node.stderr.trim().split("\n");
    const problems = lines.filter((line) => !line.startsWith("  hint: "));
    for (const line of problems.slice(0, -1)) {
      expect(line).toMatch(/^\S*mesh\.yaml:[34]:\d+ {2}error {2}SV\d{4} {2}\S.+/);
    }
    expect(problems.slice(0, -1).map((line) => /:(\d):/.exec(line)?.[1])).toEqual(["3", "4"]);
    expect(node.events).toEqual([]);
  });

  test("serves the last good generation where the files are broken or gone, and says so", async () => {
    await using orders = await startOrigin("orders");
    await using node = new MeshProcess(mesh(orders.port));
    await node.start();
    expect(await node.stop()).toBe(0);
    node.write(BROKEN);
    expect(await node.start()).toMatchObject({ generation: 1, degraded: "config" });
    expect(node.stderr).toMatch(/mesh\.yaml:3:\d+ {2}error/);
    expect((await node.get("orders.prod")).status).toBe(200);
    expect(await node.stop()).toBe(0);
    rmSync(node.file);
    expect(await node.start()).toMatchObject({ generation: 1, degraded: "config" });
    expect((await node.get("orders.prod")).status).toBe(200);
    node.write(mesh(orders.port, "assert: []\n"));
    await node.event("config_unchanged");
    expect((await node.status()).degraded).toEqual([]);
  });

  test("takes up a changed file when it has been quiet for half a second, and at once after SIGHUP", async () => {
    await using orders = await startOrigin("orders");
    await using node = new MeshProcess(mesh());
    await node.start();
    expect((await node.get("orders.prod")).status).toBe(503);
    const changedAtMs = performance.now();
    node.write(mesh(orders.port));
    expect(await node.event("config_applied")).toMatchObject({ generation: 2 });
    const quietMs = performance.now() - changedAtMs;
    expect(quietMs).toBeGreaterThanOrEqual(SOURCE_QUIET_MS);
    expect((await node.get("orders.prod")).status).toBe(200);
    node.write(mesh());
    const askedAtMs = performance.now();
    node.signal("SIGHUP");
    await node.event("config_applied", 0, (event) => event["generation"] === 3);
    // Both are compiled alike, however long that takes on this machine today: the wait for quiet is the difference.
    expect(performance.now() - askedAtMs).toBeLessThan(quietMs - SOURCE_QUIET_MS / 2);
    expect((await node.get("orders.prod")).status).toBe(503);
  });

  test("leaves traffic untouched by a bad reload, and open connections too", async () => {
    await using orders = await startOrigin("orders");
    await using node = new MeshProcess(mesh(orders.port));
    await node.start();
    const load = { port: node.outboundPort, host: "orders.prod", connections: 8, gapMs: 2 };
    await using callers = await startCallers(load);
    for (const text of [BROKEN, "mesh: [", "", "\0", `${mesh(orders.port)}\nassert: ["web may not reach orders"]\n`]) {
      const from = node.events.length;
      node.write(text);
      node.signal("SIGHUP");
      expect(await node.event("config_rejected", from)).toMatchObject({ generation: 1 });
    }
    expect((await node.status()).degraded).toEqual(["config"]);
    const report = await callers.stop();
    expect(report).toMatchObject({ failures: [], connects: 8, statuses: { 200: report.sent } });
  });
});

describe("the commands", () => {
  test("exit with 0, 1, 2 and 3 as the contract says", async () => {
    await using node = new MeshProcess(mesh());
    const bad = join(node.base, "bad.yaml");
    writeFileSync(bad, BROKEN);
    const nowhere = ["--state", join(node.base, "nowhere")];
    const expectations: readonly (readonly [args: readonly string[], code: number])[] = [
      [["check", "-f", node.file], 0],
      [["check", "-f", bad], 1],
      [["check"], 2],
      [["expand", "-f", node.file], 0],
      [["status", ...nowhere], 3],
      [["stat", ...nowhere], 3],
      [["apply", "-f", node.file, ...nowhere], 3],
      [["run", "--workload", "prod/web", ...nowhere, "--", "true"], 3],
      [["status", "-o", "yaml"], 2],
      [["nonsense"], 2],
      [["up", "--workers", "many"], 2],
      [["up", "-f", join(node.base, "no-such-file"), "--state", node.state], 1],
      [["authz", "check", "--from", "prod/web", "--to", "prod/orders", "-f", node.file], 0],
      [["authz", "check", "--from", "prod/web", "--to", "prod/payments", "-f", node.file], 1],
      [["authz", "check", "--from", "prod/web"], 2],
      [["authz", "check", "--from", "web", "--to", "prod/orders", "-f", node.file], 2],
      [["authz", "check", "--from", "prod/web", "--to", "orders", "-f", node.file], 2],
    ];
    const codes = await Promise.all(
      expectations.map(async ([args]) => [args, (await runSelvedge(args)).code] as const),
    );
    expect(codes).toEqual([...expectations]);
  });

  test("expand into documents that mean the same", async () => {
    await using node = new MeshProcess(mesh());
    const expanded = await runSelvedge(["expand", "-f", node.file]);
    const again = join(node.base, "expanded.yaml");
    writeFileSync(again, expanded.stdout);
    expect((await runSelvedge(["check", "-f", again])).code).toBe(0);
    expect((await runSelvedge(["expand", "-f", again])).stdout).toBe(expanded.stdout);
    await node.start();
    node.write(expanded.stdout);
    node.signal("SIGHUP");
    const event = await Promise.race([node.event("config_unchanged"), node.event("config_applied")]);
    // Positions differ, the rest does not.
    expect(["config_unchanged", "config_applied"]).toContain(event.event);
    expect((await node.status()).degraded).toEqual([]);
  });

  test("answer in words and as JSON about a running node", async () => {
    await using orders = await startOrigin("orders");
    await using node = new MeshProcess(mesh(orders.port));
    await node.start();
    for (let call = 0; call < 5; call++) await (await node.get("orders.prod")).text();
    const denied = await node.get("payments.prod", "/pay");
    const id = denied.headers.get("x-selvedge-id") ?? "";
    const commands: readonly (readonly [command: readonly string[], words: string])[] = [
      [["status"], "store"],
      [["stat"], "orders"],
      [["edges"], "payments"],
      [["routes"], "prod/orders"],
      [["hosts"], "127.77.0.5"],
      [["logs"], "payments"],
      [["why", id], "RBAC"],
      [["authz", "check", "--from", "prod/web", "--to", "prod/orders"], "ALLOW"],
    ];
    for (const [command, words] of commands) {
      const [text, json] = await Promise.all([node.cli(...command), node.cli(...command, "-o", "json")]);
      expect([command, text.code, text.stdout]).toEqual([command, 0, expect.stringContaining(words)]);
      expect([command, json.code]).toEqual([command, 0]);
      for (const line of json.stdout.trim().split("\n")) expect(() => JSON.parse(line)).not.toThrow();
    }
    expect((await node.cli("authz", "check", "--from", "prod/web", "--to", "prod/payments")).code).toBe(1);
    expect((await node.cli("why", "0123456789abcdef")).code).toBe(1);
  });
});
