import type { TimerWheel } from "../../base/timer-wheel.ts";
import type { RandomPool } from "../../telemetry/random-pool.ts";
import type { StatsWriter } from "../../telemetry/stats-writer.ts";
import type { Target } from "../mesh/destination.ts";

/** What an exchange needs of its connection and of the worker. */
export interface ExchangeHost {
  readonly wheel: TimerWheel;
  readonly stats: StatsWriter;
  readonly random: RandomPool;
  /** Memory for putting heads together; overwritten by whoever writes next. */
  readonly scratch: Buffer;
  readonly isDraining: boolean;
  nowMs(): number;
  /** When the event that is being handled came in. */
  readonly now: number;
  /** A byte moved: the stream's idle time begins anew. */
  touch(idleMs: number): void;
  /** Where to try next after `failed`, which may be itself where there is no other. */
  anotherTarget(failed: Target): Target;
}
