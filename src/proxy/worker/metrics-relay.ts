import type { MetricsScrape, MetricsSource } from "../metrics-session.ts";

interface Scrape {
  readonly chunk: (bytes: Uint8Array) => void;
  readonly done: (isComplete: boolean) => void;
}

/** How the keeper is told about scrapes. */
export interface MetricsWire {
  begin(requestId: number): boolean;
  more(requestId: number, isCancelled: boolean): void;
}

/** Hands the text that the keeper renders to those who scrape; the worker never looks into it. */
export class MetricsRelay implements MetricsSource {
  readonly #wire: MetricsWire;
  readonly #scrapes = new Map<number, Scrape>();
  #requestId = 0;

  constructor(wire: MetricsWire) {
    this.#wire = wire;
  }

  get active(): number {
    return this.#scrapes.size;
  }

  begin(chunk: (bytes: Uint8Array) => void, done: (isComplete: boolean) => void): MetricsScrape | null {
    this.#requestId = (this.#requestId + 1) >>> 0;
    const requestId = this.#requestId;
    if (!this.#wire.begin(requestId)) return null;
    this.#scrapes.set(requestId, { chunk, done });
    return {
      more: () => this.#wire.more(requestId, false),
      cancel: () => {
        if (this.#scrapes.delete(requestId)) this.#wire.more(requestId, true);
      },
    };
  }

  /** A piece from the keeper; the view is valid only now. */
  received(requestId: number, bytes: Uint8Array, isLast: boolean): void {
    const scrape = this.#scrapes.get(requestId);
    if (!scrape) return;
    if (bytes.length > 0) scrape.chunk(bytes);
    if (!isLast) return;
    this.#scrapes.delete(requestId);
    scrape.done(true);
  }

  /** The keeper is gone. */
  cut(): void {
    for (const [requestId, scrape] of this.#scrapes) {
      this.#scrapes.delete(requestId);
      scrape.done(false);
    }
  }
}
