import { SockDiag } from "../../src/kernel/sock-diag.ts";
import { DataPath } from "../../src/proxy/worker/data-path.ts";
import { Listeners } from "../../src/proxy/worker/listeners.ts";
import { REGION_BYTES } from "../../src/telemetry/layout.ts";
import { StatsWriter } from "../../src/telemetry/stats-writer.ts";
import { meshText, type TestMesh } from "./test-mesh.ts";
import { compileYaml } from "./worker-harness.ts";

const NO_TUNNEL_WIRE = {
  tunnel: () => undefined,
  refused: () => undefined,
  listening: () => undefined,
  request: () => false,
};

/** The data path of a worker within the test, so that the test decides when what it waits for happens. Dispose of it. */
export class InProcessMesh implements Disposable {
  readonly #diag = new SockDiag();
  readonly #path: DataPath;
  readonly #listeners: Listeners;
  #generation = 0;

  /** @param connectionsMax on either side. */
  constructor(connectionsMax = 100) {
    const stats = new StatsWriter(new Uint8Array(REGION_BYTES), { workerId: 1, startedAtMs: 0 });
    const metrics = { active: 0, begin: () => null };
    this.#path = new DataPath(
      stats,
      this.#diag,
      { ask: () => false, metrics, endpoint: () => undefined, tunnels: NO_TUNNEL_WIRE },
      connectionsMax,
    );
    this.#listeners = new Listeners(this.#path);
  }

  /** Answers the port of the outbound listener where it was opened now. */
  serve(mesh: TestMesh): number {
    const records = new Map(compileYaml(meshText(mesh)).map((record) => [record.key, record]));
    this.#path.store.replace(++this.#generation, records);
    this.#path.commit();
    const opened = this.#listeners.update(this.#path.store.all("listener"));
    for (const _ of this.#path.tunnels.recheck()) {
      // All at once.
    }
    return opened.find(({ key }) => key.startsWith("listener/outbound/"))?.port ?? 0;
  }

  [Symbol.dispose](): void {
    this.#listeners.stop();
    for (const connection of this.#path.connections) connection.cut();
    this.#diag.close();
  }
}
