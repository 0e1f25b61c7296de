import { METRICS_CHUNKS_AHEAD, TO_WORKER } from "../../wire/channel/frames.ts";
import type { ToWorkerFrame } from "../../wire/channel/to-worker-frame.ts";

/** Scrapes rendered at a time. Reason: Prometheus, a second one, a curious person, and one to spare. */
export const SCRAPES_MAX = 4;

/** A scrape whose reader takes nothing for this long is over. */
export const SCRAPE_STALL_MS = 30_000;

/** Said instead of metrics where too many scrapes are under way; still valid exposition. */
const TOO_MANY = new TextEncoder().encode("# too many scrapes at a time\n");

export interface ScrapePeer {
  send(frame: ToWorkerFrame): boolean;
}

interface Scrape {
  readonly pieces: Iterator<Uint8Array>;
  credit: number;
  touchedAtMs: number;
}

/**
 * Renders `/metrics` for workers, piece by piece: a few ahead, the next one only when the scraper has taken one, and one
 * piece per turn of the loop.
 */
export class ScrapeService<Peer extends ScrapePeer> {
  readonly #render: () => Iterator<Uint8Array>;
  readonly #now: () => number;
  readonly #scrapes = new Map<Peer, Map<number, Scrape>>();
  #count = 0;
  /** Scrapes refused for want of room. */
  refused = 0;

  constructor(render: () => Iterator<Uint8Array>, now: () => number) {
    this.#render = render;
    this.#now = now;
  }

  /** A worker has somebody who GETs /metrics. */
  begin(peer: Peer, requestId: number): void {
    this.#endStalled();
    const ofPeer = this.#scrapes.get(peer) ?? new Map<number, Scrape>();
    if (this.#count >= SCRAPES_MAX || ofPeer.has(requestId)) {
      this.refused++;
      peer.send({ type: TO_WORKER.METRICS_CHUNK, requestId, isLast: true, bytes: TOO_MANY });
      return;
    }
    this.#scrapes.set(peer, ofPeer);
    const scrape = { pieces: this.#render(), credit: METRICS_CHUNKS_AHEAD, touchedAtMs: this.#now() };
    ofPeer.set(requestId, scrape);
    this.#count++;
    this.#pump(peer, requestId, scrape);
  }

  /** The scraper took a piece, or went away. */
  more(peer: Peer, requestId: number, isCancelled: boolean): void {
    const scrape = this.#scrapes.get(peer)?.get(requestId);
    if (scrape === undefined) return;
    if (isCancelled) {
      this.#end(peer, requestId);
      return;
    }
    scrape.touchedAtMs = this.#now();
    scrape.credit++;
    if (scrape.credit === 1) this.#pump(peer, requestId, scrape);
  }

  /** The worker is gone. */
  forget(peer: Peer): void {
    for (const requestId of [...(this.#scrapes.get(peer)?.keys() ?? [])]) this.#end(peer, requestId);
  }

  #pump(peer: Peer, requestId: number, scrape: Scrape): void {
    if (this.#scrapes.get(peer)?.get(requestId) !== scrape || scrape.credit === 0) return;
    const next = scrape.pieces.next();
    scrape.credit--;
    const isLast = next.done === true;
    const isSent = peer.send({
      type: TO_WORKER.METRICS_CHUNK,
      requestId,
      isLast,
      bytes: isLast ? new Uint8Array(0) : next.value,
    });
    if (isLast || !isSent) this.#end(peer, requestId);
    else setImmediate(() => this.#pump(peer, requestId, scrape));
  }

  #end(peer: Peer, requestId: number): void {
    const ofPeer = this.#scrapes.get(peer);
    const scrape = ofPeer?.get(requestId);
    if (ofPeer === undefined || scrape === undefined) return;
    scrape.pieces.return?.();
    ofPeer.delete(requestId);
    if (ofPeer.size === 0) this.#scrapes.delete(peer);
    this.#count--;
  }

  #endStalled(): void {
    const before = this.#now() - SCRAPE_STALL_MS;
    for (const [peer, ofPeer] of this.#scrapes) {
      for (const [requestId, scrape] of [...ofPeer]) if (scrape.touchedAtMs < before) this.#end(peer, requestId);
    }
  }
}
