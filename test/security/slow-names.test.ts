/** A name that takes its time keeps nothing alive that the documents have taken back in the meantime. */
import { afterAll, afterEach, expect, spyOn, test } from "bun:test";
import { InProcessMesh } from "../support/in-process-mesh.ts";
import { ask, getText, headerOf } from "../support/raw-http.ts";
import { connectRaw } from "../support/raw-peer.ts";
import type { TestMesh } from "../support/test-mesh.ts";
import { until } from "../support/until.ts";

const ALLOW_ANY: TestMesh = { site: { outboundTrafficPolicy: "ALLOW_ANY" } };

const lookup = spyOn(Bun.dns, "lookup");
afterEach(() => {
  lookup.mockReset();
});

afterAll(() => {
  lookup.mockRestore();
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
      using node = new InProcessMesh();
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
