import { BRIEF_BYTES_PER_BULK, BULK_QUANTUM_BYTES, QUANTUM_BYTES } from "./limits.ts";

/** Who waits for a turn. */
interface Waiting {
  /** What it has to send. */
  readonly queuedBytes: number;
}

/**
 * Whose turn it is to send on one connection. Who has little to send comes before those who have much, so that a small answer waits
 * for no more than one of these, however many there are; and of each kind everybody in turn. Both kinds get on: behind
 * BRIEF_BYTES_PER_BULK of the first it is one of the others'.
 */
export class SendingOrder<S extends Waiting> {
  readonly #brief: S[] = [];
  readonly #bulk: S[] = [];
  /** Bytes of those with little, since one with much had a turn. */
  #briefBytes = 0;
  #isBulk = false;

  get isEmpty(): boolean {
    return this.#brief.length === 0 && this.#bulk.length === 0;
  }

  /** What whoever is `next` may send. */
  get quantumBytes(): number {
    return this.#isBulk ? BULK_QUANTUM_BYTES : QUANTUM_BYTES;
  }

  /** It has something to send, and does not wait yet. */
  add(one: S): void {
    if (one.queuedBytes <= QUANTUM_BYTES) this.#brief.push(one);
    else this.#bulk.push(one);
  }

  /** Whose turn it is; it stays so until `took`. */
  next(): S | undefined {
    const [brief, bulk] = [this.#brief, this.#bulk];
    this.#isBulk = brief.length === 0 || (bulk.length > 0 && this.#briefBytes >= BRIEF_BYTES_PER_BULK);
    return this.#isBulk ? bulk[0] : brief[0];
  }

  /** Who was next has had its turn, and waits no more. @param bytes what it sent. */
  took(bytes: number): void {
    if (this.#isBulk) this.#bulk.shift();
    else this.#brief.shift();
    this.#briefBytes = this.#isBulk ? 0 : this.#briefBytes + bytes;
  }

  /** All that wait. */
  *[Symbol.iterator](): Iterator<S> {
    yield* this.#brief;
    yield* this.#bulk;
  }

  clear(): void {
    this.#brief.length = 0;
    this.#bulk.length = 0;
    this.#briefBytes = 0;
  }
}
