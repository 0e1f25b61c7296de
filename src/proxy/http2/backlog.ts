import type { Connection } from "../../wire/http2/connection.ts";
import { ERROR_CODE } from "../../wire/http2/protocol.ts";
import type { Http2Stream } from "../../wire/http2/stream.ts";
import {
  BACKLOG_BYTES_KEPT,
  BACKLOG_BYTES_MAX,
  WIDE_BYTES_MAX,
  WIDE_BYTES_OF_ONE_MAX,
  WIDE_STREAM_WINDOW_BYTES,
} from "./limits.ts";

/** What is kept of a stream that somebody reads, and asked of it. */
export interface OwingStream {
  /** Who owes what the stream holds; `null`: nobody can be told. */
  readonly debtor: string | null;
  readonly isOver: boolean;
  readonly stream: { readonly heldBytes: number } | null;
  readonly link: { readonly host: { readonly now: number } };
  /** When something was last passed on, ms. */
  movedMs: number;
  /** Bytes passed on since the window was last looked at. */
  passedBytes: number;
  /** What its window has grown by. */
  wideBytes: number;
  abandon(errorCode: number): void;
}

/** A connection whose streams have receivers that must not hold up each other's. */
export interface SharedLink {
  readonly connection: { readonly heldBytes: number };
  streams(): Iterable<OwingStream>;
}

/** A receiver is slow while more than this part of its window waits. */
const SLOW_SHARE = 4;

interface Debt {
  bytes: number;
  readonly streams: OwingStream[];
}

/**
 * What a worker holds for receivers that are slower than the connections they share, all of these together. Nobody's slowness is felt
 * by others: each stream has a window of its own, connections have none to speak of, and where the sum becomes too large those who
 * owe the most lose the streams that have stood still for longest.
 */
export class Backlog {
  readonly #links = new Set<SharedLink>();
  readonly #wide = new Map<string, number>();
  readonly #onReset: () => void;
  #wideBytes = 0;

  /** @param onReset a stream was reset for want of room. */
  constructor(onReset: () => void) {
    this.#onReset = onReset;
  }

  get bytes(): number {
    let sum = 0;
    for (const link of this.#links) sum += link.connection.heldBytes;
    return sum;
  }

  /** The link counts from now on, until `delete`. */
  add(link: SharedLink): void {
    this.#links.add(link);
  }

  delete(link: SharedLink): void {
    this.#links.delete(link);
  }

  /** The next hop has taken `bytes` that are about to be credited. Who took a whole window while next to nothing waited gets a wider one. */
  moved<S>(of: OwingStream, connection: Connection<S>, stream: Http2Stream<S>, bytes: number): void {
    of.movedMs = of.link.host.now;
    of.passedBytes += bytes;
    const { windowBytes, heldBytes } = stream;
    if (of.passedBytes < windowBytes || of.debtor === null || stream.isRemoteEnd || of.isOver) return;
    of.passedBytes = 0;
    // A frame counts as held from its first byte on, and may be most of a window.
    const waiting = heldBytes - bytes - connection.missingBytes(stream);
    const isSlow = waiting * SLOW_SHARE > windowBytes;
    if (isSlow || 2 * windowBytes > WIDE_STREAM_WINDOW_BYTES) return;
    const own = (this.#wide.get(of.debtor) ?? 0) + windowBytes;
    if (own > WIDE_BYTES_OF_ONE_MAX || this.#wideBytes + windowBytes > WIDE_BYTES_MAX) return;
    this.#wide.set(of.debtor, own);
    this.#wideBytes += windowBytes;
    of.wideBytes += windowBytes;
    connection.widen(stream, windowBytes);
  }

  /** The stream is done with: what its window had grown by is there for others. */
  narrow(of: OwingStream): void {
    const name = of.debtor ?? "";
    const left = (this.#wide.get(name) ?? 0) - of.wideBytes;
    if (left > 0) this.#wide.set(name, left);
    else this.#wide.delete(name);
    this.#wideBytes -= of.wideBytes;
    of.wideBytes = 0;
  }

  /** More has come: makes room where there is too much. */
  relieve(): void {
    let bytes = this.bytes;
    if (bytes <= BACKLOG_BYTES_MAX) return;
    const debts = this.#debts();
    while (bytes > BACKLOG_BYTES_KEPT) {
      const worst = largest(debts);
      const stream = worst?.streams.pop();
      if (!worst || !stream) return;
      const freed = stream.stream?.heldBytes ?? 0;
      worst.bytes -= freed;
      bytes -= freed;
      stream.abandon(ERROR_CODE.CANCEL);
      this.#onReset();
    }
  }

  /** Who owes how much; of each, the stream that has stood still for longest last. */
  #debts(): Debt[] {
    const debts = new Map<string, Debt>();
    for (const link of this.#links) {
      for (const stream of link.streams()) {
        const held = stream.stream?.heldBytes ?? 0;
        if (held === 0) continue;
        const name = stream.debtor ?? "";
        let debt = debts.get(name);
        if (!debt) {
          debt = { bytes: 0, streams: [] };
          debts.set(name, debt);
        }
        debt.bytes += held;
        debt.streams.push(stream);
      }
    }
    for (const { streams } of debts.values()) streams.sort((a, b) => b.movedMs - a.movedMs);
    return [...debts.values()];
  }
}

function largest(debts: readonly Debt[]): Debt | undefined {
  let worst: Debt | undefined;
  for (const debt of debts) if (debt.streams.length > 0 && debt.bytes > (worst?.bytes ?? -1)) worst = debt;
  return worst;
}
