import { describe, expect } from "bun:test";
import { join } from "node:path";
import { nodeServerName } from "../../../src/identity/node-names.ts";
import { startOrigin } from "../../support/mesh-load.ts";
import { testWith } from "../../support/needs.ts";
import { MACHINES_NEEDS } from "../../support/two-machines.ts";
import { TwoNodeShop } from "../../support/two-node-shop.ts";
import { Visitor } from "../../support/visitor.ts";

/** Nobody who listens may learn any of these. */
const SECRETS = [
  ...["orders", "payments", "intruder", "svc.cluster", "orders-v2", "till-1", "till-2", "shop.mesh", "spiffe"],
  ...["/accounts/4711", "x-api-key", "header-of-nobodys-business", "body-of-nobodys-business", "RBAC"],
  ...["x-selvedge", "x-forwarded", "traceparent", "application/problem", "BEGIN CERT"],
];
const CONTROL = "told-in-the-clear";

describe("what crosses between two machines", () => {
  testWith(MACHINES_NEEDS)("is readable by nobody who listens, from the first joining to the last call", async () => {
    await using shop = await TwoNodeShop.start({ weights: [0, 1] }, { joined: [] });
    await using recorder = await shop.lab.record("till-1", join(shop.node("till-1").base, "line.pcap"));
    const token = await shop.join("till-2");
    await shop.startNode("till-2");
    await shop.untilConnected(["till-1", "till-2"]);
    const secret = { "x-api-key": "header-of-nobodys-business" };
    const errand = { method: "POST", headers: secret, body: "body-of-nobodys-business ".repeat(400) };
    for (let call = 0; call < 20; call++) {
      const answer = await shop.call("till-1", "web", "orders", "/accounts/4711", errand);
      expect([answer.status, answer.body]).toEqual([200, `orders-v2  ${errand.body}`]);
    }
    // The proof that somebody who does not encrypt would have been overheard.
    const wrapper = shop.lab.machine("till-2").enter;
    await using plain = await startOrigin("plain", undefined, { wrapper, hostname: "0.0.0.0" });
    await using visitor = await Visitor.start(shop.lab.machine("till-1").enter);
    await visitor.get(`http://${shop.lab.machine("till-2").address}:${plain.port}/`, {
      headers: { "x-token": CONTROL },
    });

    const capture = await recorder.stop();
    expect(capture.readable([...SECRETS, token, CONTROL])).toEqual([CONTROL]);
    const names = new Set(capture.serverNames());
    expect([...names].sort()).toEqual(["till-1", "till-2"].map((node) => nodeServerName("shop.mesh", node)).sort());
    expect(capture.bytes).toBeGreaterThan(20 * errand.body.length);
    console.log(`${capture.frames.length} frames, ${capture.bytes} bytes, ${names.size} server names, all hashes`);
  });
});
