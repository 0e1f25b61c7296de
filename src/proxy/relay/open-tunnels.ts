import type { TunnelSession } from "./tunnel-session.ts";

/** Streams judged again per slice of a commit. Reason: a judgement costs about a microsecond, a slice at most one millisecond. */
const RECHECKED_PER_SLICE = 500;

/** The streams that are open, so that a new snapshot can end those it denies. */
export class OpenTunnels {
  readonly #open = new Set<TunnelSession>();

  get size(): number {
    return this.#open.size;
  }

  add(tunnel: TunnelSession): void {
    this.#open.add(tunnel);
  }

  delete(tunnel: TunnelSession): void {
    this.#open.delete(tunnel);
  }

  /** Tells the counters what has moved; streams can stay open for days. */
  report(): void {
    for (const tunnel of this.#open) tunnel.report();
  }

  /** Judges every stream by the snapshot that is served now. Yields between slices. */
  *recheck(): Generator<void> {
    let judged = 0;
    for (const tunnel of [...this.#open]) {
      if (this.#open.has(tunnel) && !tunnel.recheck()) tunnel.revoke();
      if (++judged % RECHECKED_PER_SLICE === 0) yield;
    }
  }
}
