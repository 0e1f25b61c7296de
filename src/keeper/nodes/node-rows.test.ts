import { describe, expect, test } from "bun:test";
import { NO_BANS, withBan } from "../../identity/bans.ts";
import { NodeContacts } from "./node-contacts.ts";
import { hostPort, nodeRows, type RowFacts } from "./node-rows.ts";

const [oldKey, newKey] = ["aa".repeat(32), "bb".repeat(32)];
const banned = withBan(NO_BANS, { keyHash: oldKey, node: "till-2", state: "banned", reason: "lost", atMs: 0 });

const facts = (more: Partial<RowFacts>): RowFacts => ({
  ownNode: "till-1",
  ownHoldsRoot: true,
  records: [
    { name: "till-1", hostname: "10.0.0.11", port: 15008 },
    { name: "till-2", hostname: "10.0.0.12", port: 15008 },
  ],
  issuers: [],
  bans: NO_BANS,
  contacts: [],
  invited: new Set(),
  nowMs: 5_000,
  ...more,
});

const stateOf = (more: Partial<RowFacts>) => nodeRows(facts(more)).find(({ name }) => name === "till-2")?.state;

describe("the state of a node", () => {
  test("that was off for longer than its issuer lives says until when it comes back by itself, on the root's node", () => {
    const [endMs, dayMs] = [Date.UTC(2026, 10, 22), 86_400_000];
    const issuers = [{ node: "till-2", keyHash: newKey, notAfterMs: endMs }];
    const row = (nowMs: number, more: Partial<RowFacts> = {}) => nodeRows(facts({ issuers, nowMs, ...more }))[1];
    expect(row(endMs + 1)).toMatchObject({
      state: "joined",
      problem: "issuer ended 2026-11-22; renews by itself when it is back, until 2027-12-27",
    });
    expect(row(endMs - 1)?.problem).toBe("");
    expect(row(endMs + 401 * dayMs)?.problem).toBe("");
    expect(row(endMs + 1, { ownHoldsRoot: false })?.problem).toBe("");
    const ban = { keyHash: newKey, node: "till-2", state: "banned", reason: "sold", atMs: 0 } as const;
    expect(row(endMs + 1, { bans: withBan(NO_BANS, ban) })).toMatchObject({ state: "banned", problem: "sold" });
  });

  const contacts = new NodeContacts();
  const tunnel = (direction: "dialer" | "listener", isUp: boolean) =>
    contacts.tunnel(1, { node: "till-2", direction, isUp, address: "10.0.0.12", reason: "gone" }, 5);

  test("goes from unknown by invited and joined to reachable and connected, and back", () => {
    const issuers = [{ node: "till-2", keyHash: newKey, notAfterMs: 9 }];
    expect(stateOf({})).toBe("unknown");
    expect(stateOf({ invited: new Set(["till-2"]) })).toBe("invited");
    expect(stateOf({ issuers })).toBe("joined");
    tunnel("listener", true);
    tunnel("listener", true);
    expect(stateOf({ issuers, contacts: contacts.all })).toBe("reachable");
    expect(tunnel("dialer", true)).toBe(true);
    expect(tunnel("dialer", true)).toBe(false);
    expect(stateOf({ issuers, contacts: contacts.all })).toBe("connected");
    tunnel("dialer", false);
    tunnel("listener", false);
    expect(stateOf({ issuers, contacts: contacts.all })).toBe("reachable");
    contacts.forget(1);
    expect(stateOf({ issuers, contacts: contacts.all })).toBe("joined");
    expect(nodeRows(facts({ contacts: contacts.all }))[1]).toMatchObject({
      problem: "gone",
      lastContact: expect.any(String),
    });
  });

  test("is that of its newest key: a name whose old box is banned is not", () => {
    const old = { node: "till-2", keyHash: oldKey, notAfterMs: 9 };
    expect(stateOf({ bans: banned, issuers: [old] })).toBe("banned");
    expect(stateOf({ bans: banned })).toBe("banned");
    expect(stateOf({ bans: banned, issuers: [old], invited: new Set(["till-2"]) })).toBe("invited");
    expect(stateOf({ bans: banned, issuers: [old, { ...old, keyHash: newKey }] })).toBe("joined");
    // A renewal that is older in the list than the banned one still counts.
    expect(stateOf({ bans: banned, issuers: [{ ...old, keyHash: newKey }, old] })).toBe("joined");
  });

  test("is shown also of nodes that no document names any more", () => {
    const rows = nodeRows(facts({ records: [], bans: banned }));
    expect(rows.map(({ name, state, address }) => [name, state, address])).toEqual([
      ["till-1", "this", ""],
      ["till-2", "banned", ""],
    ]);
  });
});

test("addresses are written so that they can be dialed", () => {
  expect([hostPort("10.0.0.1", 1), hostPort("fe80::1", 2)]).toEqual(["10.0.0.1:1", "[fe80::1]:2"]);
});
