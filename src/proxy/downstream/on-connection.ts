import type { TimerWheel } from "../../base/timer-wheel.ts";
import type { RandomPool } from "../../telemetry/random-pool.ts";
import type { StatsWriter } from "../../telemetry/stats-writer.ts";
import type { ExchangeHost } from "../exchange/exchange-host.ts";
import type { Target } from "../mesh/destination.ts";
import type { MessageSink } from "../message-sink.ts";
import type { Downstream } from "./downstream.ts";

/** What an exchange asks of its surroundings, as far as it is the worker's or the connection's. */
export abstract class OnConnection implements ExchangeHost {
  readonly #connection: Downstream;

  constructor(connection: Downstream) {
    this.#connection = connection;
  }

  abstract anotherTarget(failed: Target): Target;

  get wheel(): TimerWheel {
    return this.#connection.host.wheel;
  }
  get stats(): StatsWriter {
    return this.#connection.host.stats;
  }
  get random(): RandomPool {
    return this.#connection.host.random;
  }
  get scratch(): Buffer {
    return this.#connection.host.scratch;
  }
  get isDraining(): boolean {
    return this.#connection.host.isDraining;
  }
  get out(): MessageSink {
    return this.#connection.out;
  }
  get now(): number {
    return this.#connection.host.now;
  }

  nowMs(): number {
    return this.#connection.host.nowMs();
  }

  touch(_idleMs: number): void {
    this.#connection.lastByteMs = this.now;
  }
}
