import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Keeper } from "../../src/keeper/keeper.ts";
import { StartError } from "../../src/keeper/start-error.ts";
import { isAlive } from "../../src/keeper/workers/process-identity.ts";
import { startTimeOf } from "../../src/kernel/process-facts.ts";
import { COUNTER } from "../../src/telemetry/fixed-metrics.ts";
import { basicRecords, KeeperFixture } from "../support/keeper-fixture.ts";

let fixture: KeeperFixture;
beforeEach(() => {
  fixture = new KeeperFixture();
});
afterEach(() => fixture.close());

const fake = (act: string) => ({ kind: "fake", key: `fake/${act}`, act });
const service = (n: number, extra: object = {}) => ({
  kind: "service",
  key: `service/prod/s${n}`,
  ports: [{ port: 80, endpoints: [{ workload: `workload/prod/s${n}`, hostname: "127.0.0.1", port: 9000 + n }] }],
  ...extra,
});

function retries(keeper: Keeper): number {
  return keeper.stats.sources().reduce((sum, source) => sum + source.counter(COUNTER.retries), 0);
}

function killWorker(keeper: Keeper): number {
  const pid = keeper.fleet.workers[0]?.pid ?? 0;
  process.kill(pid, "SIGKILL");
  return pid;
}

describe("a keeper that starts", () => {
  test("is ready when its worker has its listeners, and says where", async () => {
    const keeper = await fixture.start();
    const ready = await fixture.event("ready");
    expect(ready.generation).toBe(1);
    expect(ready.site).toBe("store");
    expect(ready.outbound).toBe(keeper.addressOf("outbound"));
    expect(ready.outbound).toMatch(/^127\.0\.0\.1:2\d{4}$/);
    expect(ready.degraded).toBeUndefined();
    expect(readdirSync(join(fixture.statePath, "generations"))).toEqual(["1.ndjson"]);
  });

  test("refuses a configuration with errors where there is no earlier one, and leaves nothing running", async () => {
    fixture.write("error no such thing");
    const refused = fixture.start();
    await expect(refused).rejects.toBeInstanceOf(StartError);
    await refused.catch((error: StartError) => expect(error.issues[0]?.message).toBe("no such thing"));
    expect(fixture.events.filter((event) => event.event === "ready")).toEqual([]);
  });

  test("serves the last good generation where the files are broken, and where they are gone", async () => {
    await (await fixture.start()).stop();
    for (const text of ["error broken", "die"]) {
      fixture.write(text);
      const from = fixture.events.length;
      const keeper = await fixture.start();
      const ready = await fixture.event("ready", from);
      expect(ready).toMatchObject({ generation: 1, degraded: "config" });
      await keeper.stop();
    }
  });

  test("compiles nothing where the sources are as they were, and keeps its number", async () => {
    await (await fixture.start()).stop();
    const keeper = await fixture.start({
      compileProgram: { bun: process.execPath, program: "/nonexistent.ts" },
    });
    expect(keeper.configuration.served?.generation).toBe(1);
    expect(keeper.degraded).toEqual([]);
  });

  test("refuses a state directory that another one holds", async () => {
    await fixture.start();
    await expect(fixture.start()).rejects.toThrow(`in use by process ${process.pid}`);
  });

  test("starts from its sources where current and generations are torn, and never reuses a number", async () => {
    await (await fixture.start()).stop();
    for (const name of ["current", "workers", "counters.ndjson", join("generations", "1.ndjson")]) {
      const path = join(fixture.statePath, name);
      writeFileSync(path, readFileSync(path).subarray(0, 20));
    }
    const keeper = await fixture.start();
    expect(keeper.configuration.served?.generation).toBe(2);
    expect((await fixture.event("ready", 1, (event) => event.generation === 2)).degraded).toBe("state");
  });
});

describe("a worker that dies", () => {
  test("is back within 500 ms, on the same port, with its counts", async () => {
    const keeper = await fixture.start();
    const before = { outbound: keeper.addressOf("outbound"), count: retries(keeper) };
    const from = fixture.events.length;
    const killedAtMs = performance.now();
    const pid = killWorker(keeper);
    const died = await fixture.event("worker_died", from);
    expect(died).toMatchObject({ pid, signal: "SIGKILL", restartAfterMs: 0 });
    while (!keeper.fleet.isReady) await keeper.fleet.changed();
    expect(performance.now() - killedAtMs).toBeLessThan(500);
    expect(keeper.addressOf("outbound")).toBe(before.outbound as string);
    expect(retries(keeper)).toBe(before.count + 1);
  });

  test("three times on one generation takes the node back to the last good one", async () => {
    const keeper = await fixture.start();
    fixture.write(basicRecords([service(1)]));
    expect(await keeper.reload(true)).toMatchObject({ ok: true, generation: 2 });
    const from = fixture.events.length;
    for (let death = 0; death < 3; death++) {
      const pid = killWorker(keeper);
      await fixture.event("worker_died", from, (event) => event.pid === pid);
      while (!keeper.fleet.isReady) await keeper.fleet.changed();
    }
    expect(await fixture.event("crash_loop", from)).toMatchObject({ bad: 2, generation: 3 });
    expect(keeper.configuration.served?.file).toBe("1.ndjson");
    expect(keeper.degraded).toContain("crash_loop");
  });

  test("while it takes up a new generation leaves the old one serving", async () => {
    const keeper = await fixture.start();
    fixture.write(basicRecords([fake("exit")]));
    const outcome = await keeper.reload(true);
    expect(outcome).toMatchObject({ ok: false });
    while (!keeper.fleet.isReady) await keeper.fleet.changed();
    expect(keeper.configuration.served?.file).toBe("1.ndjson");
    expect(keeper.degraded).toEqual(["config"]);
  });
});

describe("a change of configuration", () => {
  test("reaches all workers, and is on disk as current", async () => {
    const keeper = await fixture.start({ workers: 2 });
    fixture.write(basicRecords([service(1)]));
    expect(await keeper.reload(true)).toMatchObject({ ok: true, generation: 2, isPersisted: true });
    expect(keeper.fleet.workers.map((worker) => worker.acked)).toEqual([2, 2]);
    expect(await fixture.event("config_applied")).toMatchObject({ generation: 2, mode: "delta" });
    expect(keeper.state.readCurrent()).toMatchObject({ generation: 2, file: "2.ndjson" });
  });

  test("that a worker refuses is taken back everywhere", async () => {
    const keeper = await fixture.start({ workers: 2 });
    fixture.write(basicRecords([fake("nack")]));
    expect(await keeper.reload(true)).toMatchObject({ ok: false, reason: "cannot take 2 on 1" });
    while (!keeper.fleet.isReady) await keeper.fleet.changed();
    expect(keeper.configuration.served?.file).toBe("1.ndjson");
    fixture.write(basicRecords([service(2)]));
    expect(await keeper.reload(true)).toMatchObject({ ok: true });
    expect(keeper.degraded).toEqual([]);
  });

  test("with errors is refused with all of them, and a fixed one is taken", async () => {
    const keeper = await fixture.start();
    fixture.write("error one\nerror two");
    const refused = await keeper.reload(false);
    expect(refused.ok === false && refused.issues.map((issue) => issue.message)).toEqual(["one", "two"]);
    expect(keeper.configuration.issues).toHaveLength(2);
    fixture.write(basicRecords([service(3)]));
    expect(await keeper.reload(false)).toMatchObject({ ok: true });
    expect(keeper.configuration.issues).toEqual([]);
  });

  test("of files is seen by itself", async () => {
    const keeper = await fixture.start({ source: "files" });
    fixture.write(basicRecords([service(4)]));
    expect(await fixture.event("config_applied")).toMatchObject({ generation: 2 });
    expect(keeper.configuration.served?.records).toBe(3);
  });

  test("to the same records makes no generation", async () => {
    const keeper = await fixture.start();
    fixture.write(`\n${basicRecords()}\n`);
    expect(await keeper.reload(true)).toMatchObject({ ok: true, generation: 1 });
    expect(readdirSync(join(fixture.statePath, "generations"))).toEqual(["1.ndjson"]);
  });
});

describe("an endpoint", () => {
  const inRotation = (event: { endpoint: string }) => event.endpoint.startsWith("service/prod/s1 ");

  test("is drained by a delta, stays drained across a restart, and comes back", async () => {
    fixture.write(basicRecords([service(1), service(2)]));
    const keeper = await fixture.start();
    const from = fixture.events.length;
    expect(await keeper.configuration.drain("workload/prod/s1", true)).toMatchObject({ ok: true, generation: 2 });
    expect((await fixture.event("endpoint", from, inRotation)).endpoint).toEndWith("drained");
    await keeper.stop();
    const again = fixture.events.length;
    const next = await fixture.start();
    expect(next.configuration.served?.generation).toBe(2);
    expect((await fixture.event("endpoint", again, inRotation)).endpoint).toEndWith("drained");
    const back = fixture.events.length;
    expect(await next.configuration.drain("workload/prod/s1", false)).toMatchObject({ ok: true, generation: 3 });
    expect((await fixture.event("endpoint", back, inRotation)).endpoint).toEndWith("rotation");
  });

  test("that does not exist cannot be drained", async () => {
    const keeper = await fixture.start();
    expect(await keeper.configuration.drain("workload/prod/nobody", true)).toMatchObject({ ok: false });
    expect(keeper.configuration.served?.generation).toBe(1);
  });
});

describe("a hostile worker", () => {
  test("that breaks the protocol is killed and replaced", async () => {
    const keeper = await fixture.start();
    fixture.write(basicRecords([fake("garbage")]));
    expect(await keeper.reload(true)).toMatchObject({ ok: false });
    expect((await fixture.event("worker_broken")).reason).toContain("frame type 255");
    while (!keeper.fleet.isReady) await keeper.fleet.changed();
    expect(keeper.configuration.served?.file).toBe("1.ndjson");
  });

  test("gets metrics in pieces and identities by the rules", async () => {
    const owner = { kind: "workload", key: "workload/prod/web", principal: "p", name: "web", namespace: "prod" };
    const local = { ...owner, serviceAccount: "web", isLocal: true, selectors: [[{ type: "uid", uid: 4321 }]] };
    fixture.write(basicRecords([local, fake("metrics"), fake("attest")]));
    await fixture.start();
    await fixture.event("endpoint", 0, (event) => event.endpoint === "scraped");
    const attested = await fixture.event("endpoint", 0, (event) => event.endpoint.startsWith("attested"));
    expect(attested).toMatchObject({ endpoint: "attested workload/prod/web", reason: "uid" });
  });
});

describe("a keeper that is killed", () => {
  test("leaves workers that the next one takes over with their counts", async () => {
    const argument = JSON.stringify({ statePath: fixture.statePath, sources: fixture.sources });
    const program = join(import.meta.dir, "../support/keeper-process.ts");
    const process1 = Bun.spawn([process.execPath, program, argument], { stdio: ["ignore", "pipe", "inherit"] });
    const ready = await firstReady(process1.stdout);
    const pid = ready.workers[0] as number;
    const orphan = { pid, startTime: startTimeOf(pid) ?? 0 };
    process1.kill("SIGKILL");
    await process1.exited;
    expect(isAlive(orphan)).toBe(true);
    const keeper = await fixture.start();
    const next = await fixture.event("ready");
    expect(next).toMatchObject({ takenOver: 1, outbound: ready.outbound, generation: 1 });
    expect(retries(keeper)).toBe(2);
    await fixture.event("orphan_gone");
    expect(isAlive(orphan)).toBe(false);
    expect(retries(keeper)).toBe(2);
  });
});

describe("a keeper that stops", () => {
  test("ends its workers and keeps their counts for the next one", async () => {
    const keeper = await fixture.start();
    const pid = keeper.fleet.workers[0]?.pid ?? 0;
    await keeper.stop();
    expect(startTimeOf(pid)).toBeNull();
    const next = await fixture.start();
    expect(retries(next)).toBe(2);
    expect(existsSync(join(fixture.statePath, "counters.ndjson"))).toBe(true);
  });
});

async function firstReady(stream: ReadableStream<Uint8Array>): Promise<{ workers: number[]; outbound: string }> {
  let text = "";
  for await (const chunk of stream) {
    text += new TextDecoder().decode(chunk);
    const line = text.split("\n").find((one) => one.includes('"event":"ready"'));
    if (line !== undefined) return JSON.parse(line);
  }
  throw new Error(`the keeper ended without being ready: ${text}`);
}
