import { LIMIT_COUNTER } from "../telemetry/fixed-metrics.ts";
import { METHOD, NEED_MORE, RequestHead } from "../wire/http1/head.ts";
import { parseRequestHead } from "../wire/http1/parse-request.ts";
import { latin1 } from "./bytes.ts";
import type { Connection } from "./downstream/connection.ts";
import type { Session } from "./downstream/session.ts";
import { HEAD_TIMEOUT_MS, SCRAPES_MAX } from "./limits.ts";

/** Where the text comes from: the keeper, piece by piece. */
export interface MetricsSource {
  /** Scrapes under way. */
  readonly active: number;
  /**
   * Begins a scrape; `null` where nobody can be asked. `chunk` is called with each piece, `done` once at the end; `false` as
   * its argument: the text broke off.
   */
  begin(chunk: (bytes: Uint8Array) => void, done: (isComplete: boolean) => void): MetricsScrape | null;
}

export interface MetricsScrape {
  /** The reader took what it was given: send more. */
  more(): void;
  cancel(): void;
}

/** `GET /metrics`, read-only, and nothing else; one request per connection, since a scrape comes every few seconds at most. */
export class MetricsSession implements Session {
  readonly #connection: Connection;
  readonly #source: MetricsSource;
  readonly #head = new RequestHead();
  readonly #startedMs: number;
  #input: Buffer = Buffer.alloc(0);
  #scrape: MetricsScrape | null = null;
  #isAnswering = false;

  constructor(connection: Connection, source: MetricsSource) {
    this.#connection = connection;
    this.#source = source;
    this.#startedMs = connection.host.nowMs();
  }

  received(bytes: Buffer): void {
    if (this.#isAnswering) return;
    this.#input = this.#input.length === 0 ? bytes : Buffer.concat([this.#input, bytes]);
    const end = parseRequestHead(this.#input, 0, this.#input.length, this.#head);
    if (end === NEED_MORE) return;
    this.#isAnswering = true;
    if (end < 0) this.#answer("400 Bad Request");
    else this.#serve();
  }

  drained(): void {
    this.#scrape?.more();
  }

  ended(): void {
    if (!this.#isAnswering) this.#connection.close();
  }

  gone(): void {
    this.#scrape?.cancel();
    this.#scrape = null;
  }

  quiet(): number {
    const leftMs = HEAD_TIMEOUT_MS - (this.#connection.host.nowMs() - this.#startedMs);
    if (leftMs > 0) return leftMs;
    this.#scrape?.cancel();
    this.#connection.cut();
    return 0;
  }

  drain(): void {
    if (!this.#isAnswering) this.#connection.close();
  }

  #serve(): void {
    const head = this.#head;
    const path = latin1(this.#input, head.pathStart, head.pathEnd);
    if (path !== "/metrics") this.#answer("404 Not Found");
    else if (head.method !== METHOD.GET) this.#answer("405 Method Not Allowed", "allow: GET\r\n");
    else if (this.#source.active >= SCRAPES_MAX) {
      this.#connection.host.stats.counter(LIMIT_COUNTER.scrapes);
      this.#answer("503 Service Unavailable");
    } else this.#stream();
  }

  #stream(): void {
    const { out } = this.#connection;
    let hasBegun = false;
    this.#scrape = this.#source.begin(
      (bytes) => {
        if (!hasBegun) {
          hasBegun = true;
          const start = Buffer.from(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\nconnection: close\r\n\r\n",
          );
          out.write(start, 0, start.length, false);
        }
        if (out.write(bytes, 0, bytes.length, true)) this.#scrape?.more();
      },
      (isComplete) => {
        this.#scrape = null;
        if (isComplete && hasBegun) this.#connection.close();
        else if (hasBegun) this.#connection.cut();
        else this.#answer("503 Service Unavailable");
      },
    );
    if (!this.#scrape && !hasBegun) this.#answer("503 Service Unavailable");
  }

  #answer(status: string, lines = ""): void {
    const bytes = Buffer.from(`HTTP/1.1 ${status}\r\n${lines}content-length: 0\r\nconnection: close\r\n\r\n`);
    this.#connection.out.write(bytes, 0, bytes.length, false);
    this.#connection.close();
  }
}
