import { expect, test } from "bun:test";
import { forgeSite } from "../../../test/support/forge-certificate.ts";
import { Keys, NODE_KEYS } from "./keys.ts";

const site = forgeSite({ nowMs: Date.now() });
const chain = [site.makeLeaf(), site.issuer, site.root];
const WEB = "workload/prod/web";

test("keys are copied, wiped in the frame, and wiped when others take their place or they are taken away", () => {
  const keys = new Keys();
  const frame = { workload: WEB, chain, key: Uint8Array.of(1, 2, 3) };
  expect(keys.take(frame)).toBe("");
  expect([...frame.key]).toEqual([0, 0, 0]);
  const first = keys.workload(WEB)!;
  expect([...first.key]).toEqual([1, 2, 3]);
  keys.take({ workload: WEB, chain, key: Uint8Array.of(4) });
  expect([...first.key]).toEqual([0, 0, 0]);
  const second = keys.workload(WEB)!;
  keys.take({ workload: WEB, chain: [], key: new Uint8Array(0) });
  expect([keys.workload(WEB), ...second.key]).toEqual([undefined, 0]);
});

test("the node's own keys are no workload's, and last as long as the first certificate of the chain", () => {
  const keys = new Keys();
  keys.take({ workload: NODE_KEYS, chain, key: Uint8Array.of(1) });
  expect(keys.workload(NODE_KEYS)).toBeUndefined();
  expect(keys.node?.notAfterMs).toBeLessThanOrEqual(site.nowMs + 86_400_000);
  const { key } = keys.node!;
  keys.clear();
  expect([keys.node, ...key]).toEqual([undefined, 0]);
});

test("a chain that cannot be read is no identity, and takes the one before with it", () => {
  const keys = new Keys();
  keys.take({ workload: WEB, chain, key: Uint8Array.of(1) });
  const wrong = { workload: WEB, chain: [Uint8Array.of(0x30)], key: Uint8Array.of(2) };
  expect(keys.take(wrong)).not.toBe("");
  expect(keys.workload(WEB)).toBeUndefined();
  expect([...wrong.key]).toEqual([0]);
});

test("who waits for keys is told once, by good ones of that workload alone, and not after taking it back", () => {
  const keys = new Keys();
  const told: string[] = [];
  const leaving = () => told.push("leaving");
  keys.whenHeld(WEB, () => told.push("web"));
  keys.whenHeld(WEB, leaving);
  keys.whenHeld("workload/prod/other", () => told.push("other"));
  keys.forget(WEB, leaving);
  keys.take({ workload: WEB, chain: [Uint8Array.of(0x30)], key: Uint8Array.of(1) });
  expect(told).toEqual([]);
  for (let time = 0; time < 2; time++) keys.take({ workload: WEB, chain, key: Uint8Array.of(1) });
  expect(told).toEqual(["web"]);
});
