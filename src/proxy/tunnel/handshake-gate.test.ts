import { expect, test } from "bun:test";
import { HandshakeGate } from "./handshake-gate.ts";
import {
  HANDSHAKE_ADDRESSES_MAX,
  HANDSHAKE_BURST,
  HANDSHAKES_MAX,
  HANDSHAKES_PER_ADDRESS_MAX,
  HANDSHAKES_PER_SECOND,
  HANDSHAKES_RESERVED,
} from "./limits.ts";

test("one address has only so many handshakes under way, and gets each back when it is over", () => {
  const gate = new HandshakeGate();
  for (let i = 0; i < HANDSHAKES_PER_ADDRESS_MAX; i++) expect(gate.begin("10.0.0.1", false, 0)).toBeUndefined();
  expect(gate.begin("10.0.0.1", false, 0)).toBe("address");
  expect(gate.begin("10.0.0.2", false, 0)).toBeUndefined();
  gate.end("10.0.0.1");
  expect(gate.begin("10.0.0.1", false, 0)).toBeUndefined();
});

test("strangers from everywhere leave room for the addresses that the documents name", () => {
  const gate = new HandshakeGate();
  const strangers = HANDSHAKES_MAX - HANDSHAKES_RESERVED;
  for (let i = 0; i < strangers; i++) expect(gate.begin(`10.0.${i}.1`, false, 0)).toBeUndefined();
  expect(gate.begin("10.1.0.1", false, 0)).toBe("total");
  for (let i = 0; i < HANDSHAKES_RESERVED; i++) expect(gate.begin(`10.2.${i}.1`, true, 0)).toBeUndefined();
  expect(gate.begin("10.2.99.1", true, 0)).toBe("total");
  expect(gate.underWay).toBe(HANDSHAKES_MAX);
});

test("an address that begins one after the other is slowed down, and recovers with time", () => {
  const gate = new HandshakeGate();
  const attempt = (nowMs: number) => {
    const refusal = gate.begin("10.0.0.1", false, nowMs);
    if (refusal === undefined) gate.end("10.0.0.1");
    return refusal;
  };
  for (let i = 0; i < HANDSHAKE_BURST; i++) expect(attempt(0)).toBeUndefined();
  expect(attempt(0)).toBe("rate");
  expect(attempt(1000 / HANDSHAKES_PER_SECOND)).toBeUndefined();
  expect(attempt(1000 / HANDSHAKES_PER_SECOND)).toBe("rate");
});

test("whoever changes its address all the time grows no table, and takes nobody's place who is under way", () => {
  const gate = new HandshakeGate();
  for (let i = 0; i < HANDSHAKES_PER_ADDRESS_MAX; i++) gate.begin("10.0.0.1", false, 0);
  for (let i = 0; i < 3 * HANDSHAKE_ADDRESSES_MAX; i++) {
    gate.begin(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}x`, false, 0);
    gate.end(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}x`);
  }
  expect(gate.begin("10.0.0.1", false, 0)).toBe("address");
  expect(gate.underWay).toBe(HANDSHAKES_PER_ADDRESS_MAX);
});
