/** A name that takes its time keeps nothing alive that the documents have taken back in the meantime. */
import { afterEach, expect, spyOn, test } from "bun:test";
import { SockDiag } from "../../src/kernel/sock-diag.ts";
import { DataPath } from "../../src/proxy/worker/data-path.ts";
import { Listeners } from "../../src/proxy/worker/listeners.ts";
import { REGION_BYTES } from "../../src/telemetry/layout.ts";
import { StatsWriter } from "../../src/telemetry/stats-writer.ts";
import { ask, getText, headerOf } from "../support/raw-http.ts";
import { connectRaw } from "../support/raw-peer.ts";
import { meshText, type TestMesh } from "../support/test-mesh.ts";
import { until } from "../support/until.ts";
import { compileYaml } from "../support/worker-harness.ts";

const ALLOW_ANY: TestMesh = { site: { outboundTrafficPolicy: "ALLOW_ANY" } };

class InProcess implements Disposable {
  readonly #diag = new SockDiag();
  readonly #path: DataPath;
  readonly #listeners: Listeners;
  #generation = 0;

  constructor() {
    const stats = new StatsWriter(new Uint8Array(REGION_BYTES), { workerId: 1, startedAtMs: 0 });
    const metrics = { active: 0, begin: () => null };
    this.#path = new DataPath(stats, this.#diag, { ask: () => false, metrics, endpoint: () => undefined }, 100);
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

const lookup = spyOn(Bun.dns, "lookup");
afterEach(() => {
  lookup.mockReset();
});

for (const [how, text] of [
  ["a request", getText("/", "slow.example")],
  ["a CONNECT", "CONNECT slow.example:443 HTTP/1.1\r\nHost: slow.example:443\r\n\r\n"],
] as const) {
  for (const [change, mesh] of [
    ["the policy for calls that leave the mesh", {}],
    ["the caller's own list", { ...ALLOW_ANY, calls: ["other.example:443"] }],
  ] as const) {
    test(`${how} is judged by what holds when its name is known: ${change}`, async () => {
      using node = new InProcess();
      const port = node.serve(ALLOW_ANY);
      const answer = Promise.withResolvers<{ address: string; family: 4; ttl: number }[]>();
      lookup.mockImplementation(() => answer.promise as never);
      const peer = await connectRaw({ port });
      const asked = ask(peer, text);
      await until(() => lookup.mock.calls.length > 0, "the name to be looked up");
      node.serve(mesh);
      answer.resolve([{ address: "203.0.113.1", family: 4, ttl: 0 }]);
      const { status, ...rest } = await asked;
      expect(`${status} ${headerOf({ ...rest, status } as never, "x-selvedge-reason")}`).toMatch(/^40[34] (NR|CALLS)$/);
      peer.destroy();
    });
  }
}
