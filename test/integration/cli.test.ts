import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $ } from "bun";
import { testWith } from "../support/needs.ts";

const main = join(import.meta.dir, "../../src/cli/main.ts");
const bases: string[] = [];

afterAll(() => {
  for (const base of bases) rmSync(base, { recursive: true, force: true });
});

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A started `selvedge up -o json`, with its events as they come. */
class Node {
  readonly base = mkdtempSync(join(tmpdir(), "selvedge-cli-"));
  readonly state = join(this.base, "state");
  readonly file = join(this.base, "mesh.yaml");
  readonly events: Record<string, unknown>[] = [];
  stderr = "";
  process: Bun.Subprocess<"ignore", "pipe", "pipe"> | undefined;
  #wake = () => {};

  constructor(mesh: string) {
    bases.push(this.base);
    writeFileSync(this.file, mesh);
  }

  start(...args: string[]): void {
    const child = Bun.spawn([process.execPath, main, "up", "--state", this.state, "-o", "json", ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, XDG_RUNTIME_DIR: this.base },
    });
    this.process = child;
    void this.#read(child.stdout, (line) => this.events.push(JSON.parse(line)));
    void this.#read(child.stderr, (line) => {
      this.stderr += `${line}\n`;
    });
  }

  async event(name: string, from = 0): Promise<Record<string, unknown>> {
    while (true) {
      const found = this.events.slice(from).find((event) => event["event"] === name);
      if (found !== undefined) return found;
      if (this.process?.exitCode !== null) throw new Error(`up ended with ${this.process?.exitCode}: ${this.stderr}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  async ask(...args: string[]): Promise<Finished> {
    return selvedge([...args, "--state", this.state]);
  }

  async stop(): Promise<number> {
    if (this.process === undefined) return 0;
    this.process.kill("SIGTERM");
    return this.process.exited;
  }

  async #read(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
    let held = "";
    for await (const chunk of stream) {
      held += new TextDecoder().decode(chunk);
      const lines = held.split("\n");
      held = lines.pop() ?? "";
      for (const line of lines) onLine(line);
      this.#wake();
    }
    await this.process?.exited;
    this.#wake();
  }
}

async function selvedge(args: readonly string[]): Promise<Finished> {
  const child = Bun.spawn([process.execPath, main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}

const MESH = `
mesh: store
outbound: 127.0.0.1:0
metrics: 127.0.0.1:0
services:
  web: { namespace: prod, run: "unix:uid:61101", calls: [orders] }
  orders: { namespace: prod, run: "unix:uid:61102", port: 19002, allow: [web], clusterIP: 127.77.0.5 }
  client: { namespace: prod }
`;

let node: Node;
beforeEach(() => {
  node = new Node(MESH);
});
afterEach(async () => {
  await node.stop();
});

describe("selvedge up", () => {
  test("says first that it serves, and where, and ends with 0 on SIGTERM", async () => {
    node.start("-f", node.file, "--node", "till-1");
    const ready = await node.event("ready");
    expect(node.events[0]).toBe(ready);
    expect(ready).toMatchObject({
      generation: 1,
      node: "till-1",
      site: "store",
      admin: join(node.state, "admin.sock"),
    });
    expect(statSync(String(ready["admin"])).mode & 0o777).toBe(0o600);
    const answer = await fetch(`http://${ready["metrics"]}/metrics`);
    expect(await answer.text()).toContain("selvedge_config_generation 1");
    expect(await node.stop()).toBe(0);
  });

  test("reports every problem with its place, and exits with 1 where there is nothing to fall back to", async () => {
    writeFileSync(node.file, "mesh: store\nservices:\n  web: { prot: 80 }\n  orders: { nmespace: prod }\n");
    node.start("-f", node.file);
    expect(await node.process?.exited).toBe(1);
    expect(node.stderr).toMatch(/mesh\.yaml:3:\d+ {2}error {2}SV\d{4} {2}/);
    expect(node.stderr).toMatch(/mesh\.yaml:4:\d+ {2}error/);
    expect(node.events).toEqual([]);
  });

  test("keeps serving when a changed file is wrong, and serves the next right one", async () => {
    node.start("-f", node.file);
    await node.event("ready");
    writeFileSync(node.file, "mesh: [");
    const rejected = await node.event("config_rejected");
    expect(rejected["generation"]).toBe(1);
    expect(JSON.parse((await node.ask("status", "-o", "json")).stdout)).toMatchObject({
      degraded: ["config"],
      generation: 1,
    });
    writeFileSync(node.file, MESH.replace("port: 19002", "port: 19003"));
    expect(await node.event("config_applied")).toMatchObject({ generation: 2 });
  });

  test("starts degraded from the last good generation when the file is gone", async () => {
    node.start("-f", node.file);
    await node.event("ready");
    await node.stop();
    rmSync(node.file);
    const from = node.events.length;
    node.start("-f", node.file);
    expect(await node.event("ready", from)).toMatchObject({ generation: 1, degraded: "config" });
  });
});

describe("two meshes on one machine", () => {
  test("never share a port: the second one says who has it", async () => {
    node.start("-f", node.file);
    const ready = await node.event("ready");
    const second = new Node(MESH.replace("outbound: 127.0.0.1:0", `outbound: ${ready["outbound"]}`));
    second.start("-f", second.file);
    expect(await second.process?.exited).toBe(1);
    expect(second.stderr).toContain(`cannot listen on ${ready["outbound"]}`);
  });
});

describe("commands about a running node", () => {
  test("show status, routes, hosts and traffic", async () => {
    node.start("-f", node.file);
    const ready = await node.event("ready");
    const refused = await fetch(`http://${ready["outbound"]}/`, { headers: { host: "orders.prod" } });
    expect(refused.status).toBe(403);
    const id = refused.headers.get("x-selvedge-id") ?? "";
    const status = await node.ask("status");
    expect(status.code).toBe(0);
    expect(status.stdout).toContain("prod/orders");
    expect((await node.ask("routes")).stdout).toContain("127.77.0.5");
    expect((await node.ask("hosts")).stdout).toMatch(/^127\.77\.0\.5 .*orders\.prod/);
    const why = (await node.ask("why", id)).stdout;
    expect(why).toContain("403 RBAC");
    expect(why).toContain("no identity");
    const logs = (await node.ask("logs", "-o", "json")).stdout.trim().split("\n");
    expect(logs.map((line) => JSON.parse(line)["selvedge_id"])).toEqual([id]);
  });

  test("drain an endpoint and put it back", async () => {
    node.start("-f", node.file);
    await node.event("ready");
    const drained = JSON.parse((await node.ask("endpoint", "drain", "prod/orders", "-o", "json")).stdout);
    expect(drained).toMatchObject({ ok: true, generation: 2, isPersisted: true });
    expect((await node.ask("routes")).stdout).toContain("(drained)");
    expect((await node.ask("endpoint", "undrain", "prod/orders")).code).toBe(0);
    expect((await node.ask("endpoint", "drain", "prod/nobody")).code).toBe(1);
    const routes = (await node.ask("routes")).stdout;
    const [address = ""] = /127\.0\.0\.1:\d+/.exec(routes) ?? [];
    expect((await node.ask("endpoint", "drain", "prod/orders", address)).code).toBe(0);
    expect((await node.ask("routes")).stdout).toContain("(drained)");
    expect((await node.ask("endpoint", "undrain", "prod/orders")).code).toBe(0);
    expect((await node.ask("routes")).stdout).toBe(routes);
  });

  test("exit with 3 where no node answers, and with 2 on wrong usage", async () => {
    expect((await selvedge(["status", "--state", join(node.base, "nowhere")])).code).toBe(3);
    expect((await selvedge(["status", "--no-such-option"])).code).toBe(2);
    expect((await selvedge(["up", "--workers", "0"])).code).toBe(2);
    for (const words of [
      ["node", "ls"],
      ["identity", "list"],
    ])
      expect((await selvedge([...words, "--state", join(node.base, "nowhere")])).code).toBe(3);
    expect((await selvedge(["version"])).code).toBe(0);
  });
});

describe("selvedge apply", () => {
  test("serves documents that it was given, keeps them across a restart, and refuses wrong ones", async () => {
    node.start();
    await node.event("ready");
    const applied = await node.ask("apply", "-f", node.file, "--wait", "-o", "json");
    expect(JSON.parse(applied.stdout)).toMatchObject({ ok: true, generation: 2 });
    const bad = join(node.base, "bad.yaml");
    writeFileSync(bad, "mesh: store\nservices:\n  web: { prot: 80 }\n");
    const refused = await node.ask("apply", "-f", bad, "--wait");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`${bad}:3:`);
    await node.stop();
    const from = node.events.length;
    node.start();
    expect(await node.event("ready", from)).toMatchObject({ generation: 2, site: "store" });
  });

  test("is refused under watched files, except for these files themselves", async () => {
    node.start("-f", node.file);
    await node.event("ready");
    const other = join(node.base, "other.yaml");
    writeFileSync(other, MESH.replace("store", "shop"));
    expect((await node.ask("apply", "-f", other)).code).toBe(1);
    expect((await node.ask("apply", "-f", node.file)).code).toBe(0);
  });
});

describe("selvedge run", () => {
  const script = (text: string): string => {
    const path = join(node.base, "program.sh");
    writeFileSync(path, text);
    return path;
  };

  test("starts the program as the workload, with a proxy, and ends with its code", async () => {
    node.start("-f", node.file);
    const ready = await node.event("ready");
    const path = script(`echo "$http_proxy"; exit 7\n`);
    const done = await selvedge(["run", "--state", node.state, "--workload", "prod/client", "--", "sh", path]);
    expect(done.stdout.trim()).toBe(`http://${ready["outbound"]}`);
    expect(done.code).toBe(7);
    expect((await selvedge(["run", "--state", node.state, "--workload", "prod/nobody", "--", "true"])).code).toBe(1);
  });

  test("keeps the program away from the admin socket", async () => {
    node.start("-f", node.file);
    await node.event("ready");
    const inner = [process.execPath, main, "status", "--state", node.state];
    const done = await selvedge(["run", "--state", node.state, "--workload", "prod/client", "--", ...inner]);
    expect(done.code).toBe(1);
    expect(done.stderr).toContain("may not operate the node");
  });
});

describe("a disk that is full", () => {
  const mount = { root: true, programs: ["mount", "umount"], also: { "a mountable tmpfs": canMount() } };

  testWith(mount)("does not keep the node from serving, and the node says so", async () => {
    mkdirSync(node.state, { mode: 0o700 });
    await $`mount -t tmpfs -o size=4k,mode=0700 tmpfs ${node.state}`;
    try {
      writeFileSync(join(node.state, "filler"), Buffer.alloc(4096));
      node.start("-f", node.file);
      const ready = await node.event("ready");
      expect(ready).toMatchObject({ generation: 1, degraded: "state" });
      const answer = await fetch(`http://${ready["outbound"]}/`, { headers: { host: "orders.prod" } });
      expect(answer.status).toBe(403);
      writeFileSync(node.file, MESH.replace("port: 19002", "port: 19003"));
      expect(await node.event("config_applied")).toMatchObject({ generation: 2 });
      const status = JSON.parse((await node.ask("status", "-o", "json")).stdout);
      expect(status.stateTrouble.map((trouble: { what: string }) => trouble.what)).toContain("generations");
      expect(await node.stop()).toBe(0);
    } finally {
      await $`umount ${node.state}`;
    }
  });
});

function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const place = mkdtempSync(join(tmpdir(), "selvedge-mount-"));
  const isMounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", place]).success;
  if (isMounted) Bun.spawnSync(["umount", place]);
  rmSync(place, { recursive: true, force: true });
  return isMounted;
}
