import { expect, test } from "bun:test";
import type { EdgeStats } from "../../telemetry/edge-stats.ts";
import type { StatsWriter } from "../../telemetry/stats-writer.ts";
import type { MessageSink } from "../message-sink.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { Relay, type RelayClient } from "./relay.ts";

const sink = () => ({ queuedBytes: 0, end() {}, give: () => true }) as unknown as MessageSink & { queuedBytes: number };

/** An endpoint on another node: its stream, once over, has no sink any more. */
function streamLike() {
  let out: MessageSink | null = sink();
  const upstream = {
    get out() {
      if (out === null) throw new Error("the stream is over");
      return out;
    },
    lend() {},
    resume() {},
    pause() {},
    close() {
      out = null;
    },
  };
  return upstream as unknown as Upstream & { close(): void };
}

function relayOf(upstream: Upstream) {
  const ends: boolean[] = [];
  const out = sink();
  const client: RelayClient = {
    out,
    pauseReading() {},
    resumeReading() {},
    relayEnded: (isClean) => void ends.push(isClean),
  };
  const edge = { tcpOpened() {}, tcpClosed() {}, tcpBytes() {} } as unknown as EdgeStats;
  const host = { nowMs: () => 0, stats: {} as StatsWriter, wheel: { arm() {}, remove() {} } };
  return { relay: new Relay(client, upstream, edge, host), ends, out };
}

test("an endpoint that ends and is reset ends the relay cleanly, once the caller has everything", () => {
  const upstream = streamLike();
  const { relay, ends, out } = relayOf(upstream);
  out.queuedBytes = 10;
  relay.onUpstreamEnded(upstream);
  upstream.close();
  relay.onUpstreamClosed(upstream);
  expect(ends).toEqual([]);
  out.queuedBytes = 0;
  relay.clientDrained();
  expect(ends).toEqual([true]);
});

test("an endpoint that is reset before its last byte cuts the caller", () => {
  const upstream = streamLike();
  const { relay, ends } = relayOf(upstream);
  upstream.close();
  relay.onUpstreamClosed(upstream);
  relay.clientDrained();
  expect(ends).toEqual([false]);
});
