/**
 * One coarse timer wheel for everything that has a deadline.
 *
 * Deadlines are renewed on every request, so renewing must cost one store: a timer keeps its place in the wheel and is put
 * further back only when its slot comes up before its deadline does. The wheel sleeps until the next slot that holds
 * anything, so that an idle process does not wake.
 */

/** Width of a slot in milliseconds: the error of every deadline, and fine for time-outs of tens of milliseconds up. */
export const SLOT_MS = 32;
const SLOTS = 1024;

/** What the wheel calls back, and where it keeps its place. Embed one per deadline; never share it. */
export class Timer {
  /** Clock time in ms when it fires; 0 = not armed. */
  deadlineMs = 0;
  readonly fire: () => void;
  /** Slot it stands in, -1 = in none. For the wheel only. */
  slot = -1;
  next: Timer | null = null;
  previous: Timer | null = null;

  constructor(fire: () => void) {
    this.fire = fire;
  }
}

/** The clock and the one native timer the wheel needs; handed in so that tests can hold time still. */
export interface WheelHost {
  nowMs(): number;
  /** Arms the one wake-up, replacing the one before it. */
  wakeAfter(ms: number, wake: () => void): void;
}

export class TimerWheel {
  readonly #host: WheelHost;
  readonly #heads: (Timer | null)[] = new Array<Timer | null>(SLOTS).fill(null);
  #occupied = 0;
  /** Absolute slot number up to which everything has been looked at. */
  #doneSlot: number;
  /** Absolute slot number of the wake-up that is armed; Infinity = none. */
  #wakeSlot = Number.POSITIVE_INFINITY;
  readonly #wake = (): void => this.#run();

  constructor(host: WheelHost) {
    this.#host = host;
    this.#doneSlot = Math.floor(host.nowMs() / SLOT_MS);
  }

  /** Timers that stand in the wheel, fired and cancelled ones that were not yet swept included. */
  get size(): number {
    return this.#occupied;
  }

  /** Arms or renews a timer to fire `afterMs` after `nowMs`. Renewing to a later time costs one store. */
  arm(timer: Timer, nowMs: number, afterMs: number): void {
    const deadlineMs = nowMs + afterMs;
    const isLater = timer.slot >= 0 && deadlineMs >= timer.deadlineMs && timer.deadlineMs !== 0;
    timer.deadlineMs = deadlineMs;
    if (isLater) return;
    if (timer.slot >= 0) this.#unlink(timer);
    this.#link(timer);
  }

  /** Disarms; the timer leaves its slot when that comes up. */
  cancel(timer: Timer): void {
    timer.deadlineMs = 0;
  }

  /** Disarms and leaves the wheel at once, so that nothing holds on to whoever made the timer. */
  remove(timer: Timer): void {
    timer.deadlineMs = 0;
    if (timer.slot >= 0) this.#unlink(timer);
  }

  #link(timer: Timer): void {
    const wanted = Math.ceil(timer.deadlineMs / SLOT_MS);
    const slot = Math.min(Math.max(wanted, this.#doneSlot + 1), this.#doneSlot + SLOTS - 1);
    const at = slot % SLOTS;
    const head = this.#heads[at]!;
    timer.slot = at;
    timer.next = head;
    timer.previous = null;
    if (head) head.previous = timer;
    this.#heads[at] = timer;
    this.#occupied++;
    if (slot < this.#wakeSlot) this.#sleepUntil(slot);
  }

  #unlink(timer: Timer): void {
    if (timer.previous) timer.previous.next = timer.next;
    else this.#heads[timer.slot] = timer.next;
    if (timer.next) timer.next.previous = timer.previous;
    timer.next = null;
    timer.previous = null;
    timer.slot = -1;
    this.#occupied--;
  }

  #sleepUntil(slot: number): void {
    this.#wakeSlot = slot;
    this.#host.wakeAfter(Math.max(1, slot * SLOT_MS - this.#host.nowMs()), this.#wake);
  }

  #run(): void {
    const nowMs = this.#host.nowMs();
    const upTo = Math.floor(nowMs / SLOT_MS);
    this.#wakeSlot = Number.POSITIVE_INFINITY;
    const first = Math.max(this.#doneSlot + 1, upTo - SLOTS + 1);
    for (let slot = first; slot <= upTo; slot++) {
      this.#doneSlot = slot;
      this.#sweep(slot % SLOTS, nowMs);
    }
    this.#doneSlot = Math.max(this.#doneSlot, upTo);
    if (this.#occupied > 0) this.#sleepUntilNextOccupied();
  }

  #sweep(at: number, nowMs: number): void {
    // One at a time from the head: what fires may arm or remove its neighbours. Nothing is ever linked into this slot meanwhile.
    for (let timer = this.#heads[at]; timer; timer = this.#heads[at]) {
      this.#unlink(timer);
      if (timer.deadlineMs === 0) continue;
      if (timer.deadlineMs > nowMs) this.#link(timer);
      else {
        timer.deadlineMs = 0;
        timer.fire();
      }
    }
  }

  #sleepUntilNextOccupied(): void {
    for (let slot = this.#doneSlot + 1; slot < this.#doneSlot + SLOTS; slot++) {
      if (this.#heads[slot % SLOTS]) {
        if (slot < this.#wakeSlot) this.#sleepUntil(slot);
        return;
      }
    }
  }
}
