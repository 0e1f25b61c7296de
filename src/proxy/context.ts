import type { TimerWheel } from "../base/timer-wheel.ts";
import type { RandomPool } from "../telemetry/random-pool.ts";
import type { StatsWriter } from "../telemetry/stats-writer.ts";
import type { Decider } from "./exchange/decide.ts";
import type { Backlog } from "./http2/backlog.ts";
import type { Cancellations } from "./http2/cancellations.ts";
import type { FlushQueue } from "./http2/flush-queue.ts";
import type { SharedHeads } from "./http2/shared-heads.ts";
import type { Turns } from "./http2/turns.ts";
import type { Mesh } from "./mesh/mesh.ts";
import type { Recorder } from "./recorder.ts";

/** What every connection shares: the one of each that a worker has. */
export interface ProxyContext {
  readonly wheel: TimerWheel;
  readonly stats: StatsWriter;
  readonly random: RandomPool;
  /** Memory for putting heads together; overwritten by whoever writes next. */
  readonly scratch: Buffer;
  /** What leaves at the end of the turn. */
  readonly flushQueue: FlushQueue;
  /** Where heads by HTTP/2 are read into. */
  readonly heads: SharedHeads;
  readonly backlog: Backlog;
  readonly cancellations: Cancellations;
  /** What of the requests by HTTP/2 is done when. */
  readonly turns: Turns;
  readonly mesh: Mesh;
  readonly decider: Decider;
  readonly recorder: Recorder;
  readonly isDraining: boolean;
  /** Milliseconds on a clock that only goes forward; reading it sets `now`. */
  nowMs(): number;
  /** When the event that is being handled came in: as good as the clock for everything that follows from it at once. */
  readonly now: number;
}
