import type { TimerWheel } from "../../base/timer-wheel.ts";
import type { RandomPool } from "../../telemetry/random-pool.ts";
import type { StatsWriter } from "../../telemetry/stats-writer.ts";
import type { DownstreamHost } from "../downstream/downstream.ts";
import type { Entrance } from "../downstream/entrance.ts";
import type { SessionFactory } from "../downstream/session-factory.ts";
import type { ExchangeHost } from "../exchange/exchange-host.ts";
import type { Target } from "../mesh/destination.ts";

/** Where the streams of one connection are. */
export interface StreamPlace {
  readonly host: DownstreamHost;
  readonly entrance: Entrance;
  readonly localIp: string;
  readonly sessions: SessionFactory;
}

/** What an exchange on a stream asks of its surroundings, as far as it is the worker's or the connection's. */
export abstract class OnStream<P extends StreamPlace> implements ExchangeHost {
  /** `null` while it serves none. */
  place: P | null = null;
  lastByteMs = 0;
  /** Its slot among the open ones of `place`. */
  slot = -1;
  /** A connection goes on behind any answer, and is drained as a whole. */
  readonly isDraining = false;

  abstract anotherTarget(failed: Target): Target;

  get host(): DownstreamHost {
    return this.place!.host;
  }
  get entrance(): Entrance {
    return this.place!.entrance;
  }
  get localIp(): string {
    return this.place!.localIp;
  }
  get wheel(): TimerWheel {
    return this.host.wheel;
  }
  get stats(): StatsWriter {
    return this.host.stats;
  }
  get random(): RandomPool {
    return this.host.random;
  }
  get scratch(): Buffer {
    return this.host.scratch;
  }
  get now(): number {
    return this.host.now;
  }

  nowMs(): number {
    return this.host.nowMs();
  }

  touch(_idleMs: number): void {
    this.lastByteMs = this.now;
  }
}
