import { expect, test } from "bun:test";
import { TimerWheel } from "../../base/timer-wheel.ts";
import { KeeperRelay } from "./keeper-relay.ts";
import {
  PEER_MESSAGE_BURST,
  PEER_MESSAGE_SOURCES_MAX,
  PEER_MESSAGE_TIMEOUT_MS,
  PEER_MESSAGES_MAX,
  PEER_MESSAGES_PER_NODE_MAX,
  PEER_MESSAGES_PER_SECOND,
} from "./limits.ts";

function relayAt() {
  let wake = (): void => undefined;
  const clock = { nowMs: 0, hasKeeper: true, asked: [] as number[], wake: () => wake() };
  const wheel = new TimerWheel({
    nowMs: () => clock.nowMs,
    wakeAfter: (_ms, next) => {
      wake = next;
    },
  });
  const relay = new KeeperRelay({
    wheel,
    nowMs: () => clock.nowMs,
    request: (requestId) => {
      if (clock.hasKeeper) clock.asked.push(requestId);
      return clock.hasKeeper;
    },
  });
  return { relay, clock };
}

const from = (node: string, address = "10.0.0.1") => ({
  door: node === "" ? ("join" as const) : ("tunnel" as const),
  node,
  address,
  kind: 1,
  bytes: new Uint8Array(0),
});

test("an answer reaches whoever asked, once; one that nobody asked for reaches nobody", () => {
  const { relay, clock } = relayAt();
  const answers: string[] = [];
  relay.ask(from("till-2"), (status, bytes) => answers.push(`${status} ${bytes.length}`));
  relay.answered(99, 0, new Uint8Array(1));
  relay.answered(clock.asked[0]!, 200, new Uint8Array(3));
  relay.answered(clock.asked[0]!, 201, new Uint8Array(3));
  expect(answers).toEqual(["200 3"]);
});

test("without an answer in time, and without a keeper, there is none", () => {
  const { relay, clock } = relayAt();
  const answers: (number | null)[] = [];
  relay.ask(from("till-2"), (status) => answers.push(status));
  clock.nowMs = PEER_MESSAGE_TIMEOUT_MS + 100;
  clock.wake();
  expect(answers).toEqual([null]);
  relay.ask(from("till-2"), (status) => answers.push(status));
  relay.cut();
  expect(answers).toEqual([null, null]);
  clock.hasKeeper = false;
  expect(relay.ask(from("till-2"), () => undefined)).toBeNull();
});

test("one node, one address at the door, and all of them together have only so many questions under way", () => {
  const { relay } = relayAt();
  for (const asker of [from("till-2"), from("", "10.0.0.5")]) {
    for (let i = 0; i < PEER_MESSAGES_PER_NODE_MAX; i++) expect(relay.ask(asker, () => undefined)).not.toBeNull();
    expect(relay.ask(asker, () => undefined)).toBeNull();
  }
  const left = PEER_MESSAGES_MAX - 2 * PEER_MESSAGES_PER_NODE_MAX;
  const ids = Array.from({ length: left }, (_, i) => relay.ask(from(`node-${i}`), () => undefined));
  expect(relay.ask(from("one-more"), () => undefined)).toBeNull();
  relay.forget(ids[0]!);
  expect(relay.ask(from("one-more"), () => undefined)).not.toBeNull();
});

/** Asks and is answered, until there is no answer; how often there was one. */
function askUntilRefused({ relay, clock }: ReturnType<typeof relayAt>, asker: ReturnType<typeof from>): number {
  for (let count = 0; ; count++) {
    if (relay.ask(asker, () => undefined) === null) return count;
    relay.answered(clock.asked.at(-1)!, 0, new Uint8Array(0));
  }
}

test("one node, or one address at the door, asks so often at once and so often a second, whoever else asks", () => {
  const at = relayAt();
  for (const asker of [from("till-2"), from("", "10.0.0.5")]) {
    expect(askUntilRefused(at, asker)).toBe(PEER_MESSAGE_BURST);
  }
  expect(at.relay.takes("till-2")).toBe(false);
  expect(at.relay.takes("till-3")).toBe(true);
  at.clock.nowMs = 1000;
  expect(at.relay.takes("till-2")).toBe(true);
  expect(askUntilRefused(at, from("till-2"))).toBe(PEER_MESSAGES_PER_SECOND);
  at.clock.nowMs = 3_600_000;
  expect(askUntilRefused(at, from("till-2"))).toBe(PEER_MESSAGE_BURST);
});

test("whoever asked last is remembered longest, and only so many are", () => {
  const at = relayAt();
  askUntilRefused(at, from("till-2"));
  for (let i = 1; i < PEER_MESSAGE_SOURCES_MAX; i++) {
    at.relay.ask(from(`node-${i}`), () => undefined);
    at.relay.answered(at.clock.asked.at(-1)!, 0, new Uint8Array(0));
  }
  expect(at.relay.ask(from("till-2"), () => undefined)).toBeNull();
  for (let i = 0; i < PEER_MESSAGE_SOURCES_MAX; i++) {
    at.relay.ask(from(`other-${i}`), () => undefined);
    at.relay.answered(at.clock.asked.at(-1)!, 0, new Uint8Array(0));
  }
  expect(at.relay.ask(from("till-2"), () => undefined)).not.toBeNull();
});
