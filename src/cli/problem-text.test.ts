import { expect, test } from "bun:test";
import { join } from "node:path";
import { nodeTrouble } from "./commands/status-nodes.ts";
import { eventText } from "./event-printer.ts";
import { packageRoot } from "./package-facts.ts";
import { PROBLEM_WORDS, problemText } from "./problem-text.ts";

const row = { address: "10.0.0.12:15008", key: "", expiry: null, lastContact: null, holdsRoot: false };

test("Every word that nodes have for a trouble between them stands in the page on troubles", async () => {
  const page = await Bun.file(join(packageRoot, "docs/troubleshooting.md")).text();
  expect(PROBLEM_WORDS.filter((word) => !page.includes(`\`${word}\``))).toEqual([]);
});

test("A word without a text is shown as it is", () => {
  expect(problemText("chain_empty")).toBe("it showed no certificate (chain_empty)");
  expect(problemText("constructor")).toBe("constructor");
});

test("Status complains of nodes that cannot be called, and says what to do, but not of those that are there or meant to be gone", () => {
  const nodes = [
    { ...row, name: "till-1", state: "this" as const, problem: "" },
    { ...row, name: "till-2", state: "connected" as const, problem: "" },
    { ...row, name: "till-3", state: "banned" as const, problem: "stolen" },
    { ...row, name: "till-4", state: "joined" as const, problem: "connect_econnrefused" },
    { ...row, name: "till-5", state: "unknown" as const, problem: "" },
    { ...row, name: "till-6", state: "invited" as const, problem: "" },
  ];
  expect(nodeTrouble({ nodes })).toEqual([
    "node till-4 is not connected: nothing listens there: is the node up, and its tunnel on this port? (connect_econnrefused)",
    "node till-5 is unknown; if it has not joined, on the root's node: selvedge node invite till-5",
    "node till-6 is invited and has not joined",
  ]);
});

test("Events of tunnels say who dialed, and why they ended, in words", () => {
  const about = { event: "node" as const, node: "till-2", address: "10.0.0.12:15008" };
  const lines = [
    eventText({ ...about, what: "connected", detail: "dialer" }),
    eventText({ ...about, what: "disconnected", detail: "listener: drained" }),
    eventText({ ...about, what: "refused", detail: "chain_empty: chain: nothing" }),
    eventText({ ...about, what: "joined", detail: "joined" }),
  ];
  expect(lines).toEqual([
    "node till-2 at 10.0.0.12:15008: connected: this node dialed",
    "node till-2 at 10.0.0.12:15008: disconnected: it dialed; it went out of service (drained)",
    "node till-2 at 10.0.0.12:15008: refused: it showed no certificate (chain_empty): chain: nothing",
    "node till-2 at 10.0.0.12:15008: joined",
  ]);
});
