import { describe, expect, test } from "bun:test";
import { PEER_STATUS } from "../../wire/channel/frames.ts";
import { JOIN_REPEAT_MS } from "./invite.ts";
import { INVITES_OPEN_MAX, Invites } from "./invites.ts";
import { JoinConnectionError, splitAddress } from "./join-connection.ts";
import { CONTACTS_MAX, NodeContacts } from "./node-contacts.ts";
import { PEER_CALLS_MAX, PeerCalls } from "./peer-calls.ts";
import { REFUSAL_QUIET_MS, REFUSALS_PER_MINUTE_MAX, RefusalLog } from "./refusal-log.ts";
import { TRIES_PER_ADDRESS_MAX, TRY_ADDRESSES_MAX, TryLimit } from "./try-limit.ts";

const invite = (id: string, more: object = {}) => ({
  id: id.padStart(32, "0"),
  node: "till-2",
  keyHash: "00".repeat(32),
  createdAtMs: 0,
  expiresAtMs: 100,
  binding: null,
  isReplacing: false,
  tries: 0,
  spent: null,
  ...more,
});

describe("invitations", () => {
  test("are so many and no more, and expired ones make room", () => {
    const invites = new Invites({ read: () => undefined, write: () => undefined });
    for (let n = 0; n < INVITES_OPEN_MAX; n++) invites.add(invite(String(n)), 0);
    expect(invites.fullness(0)).toBeDefined();
    expect(invites.fullness(101)).toBeUndefined();
    const laterMs = 101 + JOIN_REPEAT_MS;
    invites.add(invite("99", { expiresAtMs: laterMs + 1 }), laterMs);
    expect(invites.all).toHaveLength(1);
  });

  test("that cannot be written are none, and a rotten file holds none", () => {
    const full = new Invites({
      read: () => [{ id: "not one" }],
      write: () => {
        throw new Error("ENOSPC");
      },
    });
    expect(full.all).toEqual([]);
    expect(() => full.add(invite("1"), 0)).toThrow("ENOSPC");
    expect(full.all).toEqual([]);
  });

  test("that were withdrawn while somebody joined are not spent", () => {
    const invites = new Invites({ read: () => undefined, write: () => undefined });
    const one = invite("1");
    invites.add(one, 0);
    expect(invites.take(one.id)).toBe(true);
    expect(invites.revoke("till-2", 0)).toBe(1);
    expect(() => invites.spend(one.id, { atMs: 0, address: "", keyHash: "", issuer: "" })).toThrow("withdrawn");
  });
});

describe("knocking", () => {
  test("is limited by address, and addresses without end do not fill the memory", () => {
    let nowMs = 0;
    const tries = new TryLimit(() => nowMs);
    for (let n = 0; n < TRIES_PER_ADDRESS_MAX; n++) tries.count("a");
    expect([tries.isSpent("a"), tries.isSpent("b")]).toEqual([true, false]);
    for (let n = 0; n < TRY_ADDRESSES_MAX; n++) tries.count(`other ${n}`);
    expect(tries.isSpent("a")).toBe(false);
    for (let n = 0; n < TRIES_PER_ADDRESS_MAX; n++) tries.count("a");
    nowMs = 60_000;
    expect(tries.isSpent("a")).toBe(false);
  });

  test("is written down once in a while with a count, and never more than so many lines a minute", () => {
    let nowMs = 0;
    const log = new RefusalLog(() => nowMs);
    expect([log.note("a"), log.note("a"), log.note("a"), log.note("b")]).toEqual([0, undefined, undefined, 0]);
    nowMs = REFUSAL_QUIET_MS;
    expect(log.note("a")).toBe(2);
    let written = 0;
    for (let n = 0; n < 1000; n++) if (log.note(`c${n}`) !== undefined) written++;
    expect(written).toBe(REFUSALS_PER_MINUTE_MAX - 1);
  });
});

describe("messages to other keepers", () => {
  const worker = { id: 1, send: () => true };

  test("are answered by the worker that was asked, and end with it", async () => {
    const calls = new PeerCalls();
    const [first, second] = [1, 2].map(() => calls.send(worker, "till-2", 1, new Uint8Array()));
    calls.replied(2, 1, PEER_STATUS.OK, Uint8Array.of(1));
    calls.replied(1, 1, PEER_STATUS.OK, Uint8Array.of(2));
    expect(await first).toEqual({ status: PEER_STATUS.OK, bytes: Uint8Array.of(2) });
    calls.forget(1);
    expect((await second)?.status).toBe(PEER_STATUS.NOT_CONNECTED);
  });

  test("are so many at a time, and none through a worker that is gone", async () => {
    const calls = new PeerCalls();
    const under = Array.from({ length: PEER_CALLS_MAX }, () => calls.send(worker, "till-2", 1, new Uint8Array()));
    expect((await calls.send(worker, "till-2", 1, new Uint8Array())).status).toBe(PEER_STATUS.REFUSED);
    calls.close();
    for (const one of under) expect((await one).status).toBe(PEER_STATUS.NOT_CONNECTED);
    const dead = { id: 2, send: () => false };
    expect((await calls.send(dead, "till-2", 1, new Uint8Array())).status).toBe(PEER_STATUS.NOT_CONNECTED);
  });
});

test("a worker that names nodes without end fills no memory", () => {
  const contacts = new NodeContacts();
  for (let n = 0; n < CONTACTS_MAX + 50; n++) contacts.heard(`node-${n}`, "", 1);
  expect(contacts.all).toHaveLength(CONTACTS_MAX);
});

test("an address is a host with a port, IPv6 in brackets, and nothing else", () => {
  expect(splitAddress("10.0.0.1:15008")).toEqual({ hostname: "10.0.0.1", port: 15008 });
  expect(splitAddress("[fe80::1]:15008")).toEqual({ hostname: "fe80::1", port: 15008 });
  for (const wrong of ["10.0.0.1", "fe80::1:15008", "host:0", "host:70000", ":1", "host:1/x"]) {
    expect(() => splitAddress(wrong)).toThrow(JoinConnectionError);
  }
});
