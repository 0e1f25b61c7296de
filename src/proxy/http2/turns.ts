import type { FlushQueue } from "./flush-queue.ts";
import { BEGUN_AT_ONCE_MAX, WORK_PER_TURN_MAX } from "./limits.ts";

/** Where requests come from that were read, and are to be begun. */
export interface Beginner {
  /** There are such requests; some may be over again. */
  readonly hasRead: boolean;
  /** It stands among those that wait for their turn. For `Turns` only. */
  isWaiting: boolean;
  /** Begins up to `count` requests; answers how many. */
  begin(count: number): number;
}

/** A request that was begun, and that nobody waits for any more. */
export interface GivenUp {
  /** Lets go of its endpoint and writes its record; nothing where that was done. */
  endGivenUp(): void;
}

/**
 * Divides the work that callers by HTTP/2 can ask for with a few bytes, a hundred requests or the end of them, over turns of the loop:
 * all others wait no longer than for one part, however many connections ask. What is given up is ended before anything is begun, so
 * that no more of it gathers than was begun.
 */
export class Turns {
  readonly #flushQueue: FlushQueue;
  readonly #nextTurn: (run: () => void) => void;
  readonly #run = (): void => this.#work();
  #waiting: Beginner[] = [];
  #givenUp: GivenUp[] = [];
  /** What of `#givenUp` was ended already. */
  #ended = 0;
  #left = WORK_PER_TURN_MAX;
  /** The turn that `#left` is of. */
  #turn = -1;
  #isScheduled = false;

  /** @param nextTurn runs its argument in another turn of the loop, after what is ready then has been handled. */
  constructor(flushQueue: FlushQueue, nextTurn: (run: () => void) => void) {
    this.#flushQueue = flushQueue;
    this.#nextTurn = nextTurn;
  }

  /** Begins what was read, some of it now. */
  begin(place: Beginner): void {
    if (!place.hasRead || place.isWaiting) return;
    const isFirst = this.#givenUp.length === 0 && this.#waiting.length === 0;
    this.#left -= place.begin(Math.max(isFirst ? this.#room : 0, BEGUN_AT_ONCE_MAX));
    if (!place.hasRead) return;
    place.isWaiting = true;
    this.#waiting.push(place);
    this.#later();
  }

  /** Ends what was given up, now or soon. */
  end(request: GivenUp): void {
    if (this.#givenUp.length === 0 && this.#room > 0) {
      this.#left--;
      request.endGivenUp();
      return;
    }
    this.#givenUp.push(request);
    this.#later();
  }

  /** Ends now all that was given up: when this returns, nothing of it goes on anywhere. */
  endAll(): void {
    this.#end(this.#givenUp.length);
  }

  /** Every flush begins another turn; where there is none, the work that is left over does. */
  get #room(): number {
    if (this.#turn !== this.#flushQueue.turn) this.#anotherTurn();
    return Math.max(0, this.#left);
  }

  #anotherTurn(): void {
    this.#turn = this.#flushQueue.turn;
    this.#left = WORK_PER_TURN_MAX;
  }

  #later(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#nextTurn(this.#run);
  }

  #work(): void {
    this.#isScheduled = false;
    this.#anotherTurn();
    this.#end(this.#left);
    while (this.#left > 0) {
      const place = this.#waiting.shift();
      if (place === undefined) break;
      this.#left -= place.begin(this.#left);
      place.isWaiting = place.hasRead;
      if (place.isWaiting) this.#waiting.push(place);
    }
    if (this.#waiting.length > 0 || this.#givenUp.length > 0) this.#later();
  }

  #end(count: number): void {
    const given = this.#givenUp;
    const to = Math.min(given.length, this.#ended + count);
    this.#left -= to - this.#ended;
    while (this.#ended < to) given[this.#ended++]!.endGivenUp();
    if (this.#ended < given.length) return;
    this.#givenUp = [];
    this.#ended = 0;
  }
}
