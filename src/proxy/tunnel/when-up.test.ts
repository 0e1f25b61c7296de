import { expect, test } from "bun:test";
import { TunnelIdentities } from "../../../test/support/tunnel-identities.ts";
import { TunnelNode } from "../../../test/support/tunnel-node.ts";

test("who waits for a tunnel that is being made is told when it is up, unless he took himself back", async () => {
  const identities = await TunnelIdentities.make("store-042.fleet.example", ["till-1", "till-2"]);
  using one = new TunnelNode(identities, "till-1");
  using two = new TunnelNode(identities, "till-2");
  for (const node of [one, two]) {
    node.trust();
    await node.issue();
  }
  two.serve([{ name: "till-1" }, { name: "till-2" }], { hostname: "127.0.0.2", port: 0 });
  one.serve([{ name: "till-1" }, { name: "till-2", hostname: "127.0.0.2", port: two.tunnels.port }]);
  expect(one.tunnels.link("till-2")).toBeNull();
  const told: string[] = [];
  const takenBack = (isUp: boolean): void => void told.push(`taken back: ${isUp}`);
  one.tunnels.whenUp("till-2", takenBack);
  const waited = new Promise<void>((resolve) =>
    one.tunnels.whenUp("till-2", (isUp) => {
      told.push(`waited: ${isUp}`);
      resolve();
    }),
  );
  one.tunnels.forget("till-2", takenBack);
  await waited;
  expect(told).toEqual(["waited: true"]);
  expect(one.tunnels.link("till-2")).not.toBeNull();
  // At once where it is up.
  one.tunnels.whenUp("till-2", (isUp) => void told.push(`later: ${isUp}`));
  expect(told).toEqual(["waited: true", "later: true"]);
});
