/** What has something to write at the end of the turn. */
export interface Flushable {
  flush(): void;
}

/**
 * Writes once per turn of the loop: what was put together while the turn's events were handled leaves in one write per
 * connection. Shared by all connections of a worker. Whoever is added keeps in mind that it is, so as not to be added twice.
 */
export class FlushQueue {
  #waiting: Flushable[] = [];
  #spare: Flushable[] = [];
  #isScheduled = false;
  /** How often was flushed. */
  turn = 0;
  readonly #nextTurn: (run: () => void) => void;
  readonly #run = (): void => this.#flush();

  /** @param nextTurn runs its argument once what is ready has been handled. */
  constructor(nextTurn: (run: () => void) => void) {
    this.#nextTurn = nextTurn;
  }

  /** Asks for one `flush` when this turn's events are handled. */
  add(item: Flushable): void {
    this.#waiting.push(item);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#nextTurn(this.#run);
  }

  #flush(): void {
    this.#isScheduled = false;
    this.turn++;
    const batch = this.#waiting;
    this.#waiting = this.#spare;
    for (const item of batch) item.flush();
    batch.length = 0;
    this.#spare = batch;
  }
}
