import { TimerWheel } from "../../src/base/timer-wheel.ts";
import { Backlog } from "../../src/proxy/http2/backlog.ts";
import { FlushQueue } from "../../src/proxy/http2/flush-queue.ts";
import { SharedHeads } from "../../src/proxy/http2/shared-heads.ts";
import { REGION_BYTES } from "../../src/telemetry/layout.ts";
import { StatsWriter } from "../../src/telemetry/stats-writer.ts";

/** What endpoints need of a worker, where no connection is ever made: time stands still, nothing is reachable. */
export function loneEndpointHost() {
  return {
    stats: new StatsWriter(new Uint8Array(REGION_BYTES), { workerId: 1, startedAtMs: 0 }),
    wheel: new TimerWheel({ nowMs: () => 0, wakeAfter: () => undefined }),
    flushQueue: new FlushQueue(() => undefined),
    heads: new SharedHeads(),
    backlog: new Backlog(() => undefined),
    now: 0,
    upstreams: 0,
    hasDescriptor: true,
    nowMs: () => 0,
    connect: () => undefined,
    verifyListener: () => undefined,
    report: () => undefined,
    links: {
      link: () => null,
      whenUp: () => undefined,
      forget: () => undefined,
      whenKeys: () => undefined,
      forgetKeys: () => undefined,
      handleFor: () => 0,
      knownHandle: () => -1,
    },
  };
}
