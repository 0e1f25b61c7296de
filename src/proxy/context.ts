import type { TimerWheel } from "../base/timer-wheel.ts";
import type { RandomPool } from "../telemetry/random-pool.ts";
import type { StatsWriter } from "../telemetry/stats-writer.ts";
import type { Decider } from "./exchange/decide.ts";
import type { Mesh } from "./mesh/mesh.ts";
import type { Recorder } from "./recorder.ts";

/** What every connection shares: the one of each that a worker has. */
export interface ProxyContext {
  readonly wheel: TimerWheel;
  readonly stats: StatsWriter;
  readonly random: RandomPool;
  /** Memory for putting heads together; overwritten by whoever writes next. */
  readonly scratch: Buffer;
  readonly mesh: Mesh;
  readonly decider: Decider;
  readonly recorder: Recorder;
  readonly isDraining: boolean;
  /** Milliseconds on a clock that only goes forward; reading it sets `now`. */
  nowMs(): number;
  /** When the event that is being handled came in: as good as the clock for everything that follows from it at once. */
  readonly now: number;
}
