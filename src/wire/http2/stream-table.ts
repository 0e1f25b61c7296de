/** The open streams of a connection, by their number. */
import type { Http2Stream } from "./stream.ts";

const FIRST_SLOTS = 16;
/** Two of a connection's numbers that follow each other differ by 2. */
const NUMBERS_APART = 1;

/**
 * Finds streams by number in one or two looks: numbers follow each other, so they lie side by side. Grows with the streams that
 * are open at once, which the connection bounds; holds nothing before the first.
 *
 * Not a Map: numbers are used once, so a Map is made anew every few requests, and each old one leads to the next. A collection
 * that looks at young objects only then keeps all that ever stood in them.
 */
export class StreamTable<T> {
  #streams: (Http2Stream<T> | undefined)[] = [];
  #mask = -1;
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** The open stream of that number. */
  get(id: number): Http2Stream<T> | undefined {
    const streams = this.#streams;
    const mask = this.#mask;
    if (mask < 0) return undefined;
    for (let at = (id >>> NUMBERS_APART) & mask; ; at = (at + 1) & mask) {
      const stream = streams[at];
      if (stream === undefined || stream.id === id) return stream;
    }
  }

  /** Adds a stream whose number none of them has. */
  add(stream: Http2Stream<T>): void {
    // At most half full, so that there is always an end to a search, and a near one.
    if (this.#size * 2 > this.#mask) this.#grow();
    this.#place(stream);
    this.#size++;
  }

  /** Takes out the stream of that number, if it is there. */
  delete(id: number): void {
    const streams = this.#streams;
    const mask = this.#mask;
    if (mask < 0) return;
    let gap = (id >>> NUMBERS_APART) & mask;
    for (; streams[gap]?.id !== id; gap = (gap + 1) & mask) if (streams[gap] === undefined) return;
    this.#size--;
    // Whoever would no longer be found across the gap moves into it (Knuth, The Art of Computer Programming 6.4, algorithm R).
    for (let at = (gap + 1) & mask; ; at = (at + 1) & mask) {
      const stream = streams[at];
      if (stream === undefined) break;
      const home = (stream.id >>> NUMBERS_APART) & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      streams[gap] = stream;
      gap = at;
    }
    streams[gap] = undefined;
  }

  /** All of them, in no order; a copy, so that they may end while it is looked at. */
  all(): Http2Stream<T>[] {
    return this.#streams.filter((stream) => stream !== undefined);
  }

  #place(stream: Http2Stream<T>): void {
    let at = (stream.id >>> NUMBERS_APART) & this.#mask;
    while (this.#streams[at] !== undefined) at = (at + 1) & this.#mask;
    this.#streams[at] = stream;
  }

  #grow(): void {
    const before = this.all();
    const slots = this.#mask < 0 ? FIRST_SLOTS : (this.#mask + 1) * 2;
    this.#streams = new Array<Http2Stream<T> | undefined>(slots).fill(undefined);
    this.#mask = slots - 1;
    for (const stream of before) this.#place(stream);
  }
}
