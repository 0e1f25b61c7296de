import type { TimerWheel } from "../../base/timer-wheel.ts";
import type { RandomPool } from "../../telemetry/random-pool.ts";
import type { StatsWriter } from "../../telemetry/stats-writer.ts";
import type { ExchangeHost } from "../exchange/exchange-host.ts";
import type { Target } from "../mesh/destination.ts";
import type { Output } from "../output.ts";
import type { Connection } from "./connection.ts";

/** What an exchange asks of its surroundings, as far as it is the worker's or the connection's. */
export abstract class OnConnection implements ExchangeHost {
  readonly #connection: Connection;

  constructor(connection: Connection) {
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
  get out(): Output {
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
