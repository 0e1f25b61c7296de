import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OwnerSources } from "../../src/keeper/attest/attest-service.ts";
import { Keeper } from "../../src/keeper/keeper.ts";
import type { KeeperEvent } from "../../src/keeper/keeper-event.ts";
import type { KeeperOptions } from "../../src/keeper/keeper-options.ts";
import type { LaunchWorker } from "../../src/keeper/workers/worker-program.ts";
import { startTimeOf } from "../../src/kernel/process-facts.ts";
import { createRegion } from "../../src/kernel/shared-memory.ts";
import { REGION_BYTES } from "../../src/telemetry/layout.ts";

export const OUTBOUND_KEY = "listener/outbound/127.0.0.1:0";

/** The records that every test configuration starts from, one per line. */
export function basicRecords(extra: readonly object[] = []): string {
  const site = { kind: "site", key: "site", name: "store", trustDomain: "store.example", node: "till-1" };
  const listener = { kind: "listener", key: OUTBOUND_KEY, role: "outbound", hostname: "127.0.0.1", port: 0 };
  return [site, listener, ...extra].map((record) => JSON.stringify(record)).join("\n");
}

export const noOwners: OwnerSources = { trustedCgroup: () => undefined, holder: () => undefined };

/** Starts the stand-in for the worker directly, without a sandbox. */
export const launchFake: LaunchWorker = async (workerId) => {
  const region = createRegion(`test-${workerId}`, REGION_BYTES);
  const argument = { channelFd: 3, statsFd: 4, statsBytes: REGION_BYTES, workerId };
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "fake-worker.ts"), JSON.stringify(argument)], {
    stdio: ["ignore", "ignore", "inherit", "socket-fd", region.fd],
  });
  const exited = child.exited.then(() => ({
    code: child.exitCode,
    signal: child.signalCode === null ? null : String(child.signalCode),
  }));
  return {
    pid: child.pid,
    startTime: startTimeOf(child.pid) ?? 0,
    channelFd: child.stdio[3] as unknown as number,
    region: region.bytes,
    statsFd: 4,
    exited,
    releaseRegion: () => region.close(),
  };
};

/** Options of a keeper over stand-ins for worker and compiler. */
export function fakeOptions(statePath: string, sources: string, emit: (event: KeeperEvent) => void): KeeperOptions {
  return {
    paths: [sources],
    source: "applied",
    statePath,
    node: undefined,
    workers: 1,
    version: "test",
    compileProgram: { bun: process.execPath, program: join(import.meta.dir, "fake-compile.ts") },
    salt: () => "",
    launch: launchFake,
    owners: noOwners,
    listening: () => [],
    workerUid: 65534,
    adminPath: join(statePath, "admin.sock"),
    emit,
  };
}

/** A place for one test: a folder of sources, a state directory, and the events of its keepers. */
export class KeeperFixture {
  readonly base = mkdtempSync(join(tmpdir(), "selvedge-keeper-"));
  readonly statePath = join(this.base, "state");
  readonly sources = join(this.base, "sources");
  readonly events: KeeperEvent[] = [];
  readonly keepers: Keeper[] = [];
  #waiting: (() => void)[] = [];

  constructor() {
    mkdirSync(this.sources);
    this.write(basicRecords());
  }

  write(text: string): void {
    writeFileSync(join(this.sources, "mesh.yaml"), text);
  }

  options(changes: Partial<KeeperOptions> = {}): KeeperOptions {
    const emit = (event: KeeperEvent): void => {
      this.events.push(event);
      for (const resolve of this.#waiting.splice(0)) resolve();
    };
    return { ...fakeOptions(this.statePath, this.sources, emit), ...changes };
  }

  async start(changes: Partial<KeeperOptions> = {}): Promise<Keeper> {
    const keeper = await Keeper.start(this.options(changes));
    this.keepers.push(keeper);
    return keeper;
  }

  /** The next event of a kind since `from` events, waiting for it. */
  async event<Kind extends KeeperEvent["event"]>(
    kind: Kind,
    from = 0,
    accept: (event: Extract<KeeperEvent, { event: Kind }>) => boolean = () => true,
  ): Promise<Extract<KeeperEvent, { event: Kind }>> {
    while (true) {
      const found = this.events
        .slice(from)
        .find((event): event is Extract<KeeperEvent, { event: Kind }> =>
          event.event === kind ? accept(event as Extract<KeeperEvent, { event: Kind }>) : false,
        );
      if (found !== undefined) return found;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await promise;
    }
  }

  async close(): Promise<void> {
    for (const keeper of this.keepers) await keeper.stop();
    rmSync(this.base, { recursive: true, force: true });
  }
}
