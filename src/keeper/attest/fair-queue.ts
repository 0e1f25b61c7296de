/** Share of a queue that one asker may fill. Reason: with all of it, nobody else would be heard. */
export const ONE_ASKERS_SHARE = 3 / 4;

/** What waits, by who asked; taken in turn from each, so that who asks much waits for himself. Bounded. */
export class FairQueue<T> {
  readonly #max: number;
  /** In the order in which their turn comes; none is empty. */
  readonly #byAsker = new Map<number, T[]>();
  #size = 0;

  /** @param max items in all. */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#size;
  }

  /** False where there is no room, in all or for this asker. */
  add(asker: number, item: T): boolean {
    const waiting = this.#byAsker.get(asker);
    if (this.#size >= this.#max || (waiting?.length ?? 0) >= this.#max * ONE_ASKERS_SHARE) return false;
    this.#size++;
    if (waiting === undefined) this.#byAsker.set(asker, [item]);
    else waiting.push(item);
    return true;
  }

  /** The oldest item of whose turn it is; `undefined` where nothing waits. */
  take(): T | undefined {
    for (const [asker, waiting] of this.#byAsker) {
      const item = waiting.shift();
      this.#size--;
      this.#byAsker.delete(asker);
      if (waiting.length > 0) this.#byAsker.set(asker, waiting);
      return item;
    }
    return undefined;
  }
}
