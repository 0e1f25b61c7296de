/** Between two looks while something moves or somebody watches. */
export const PULSE_MS = 1000;

/** Between two looks while nothing moves. Reason: waking up once a second is a third of an idle keeper's CPU time. */
export const PULSE_IDLE_MS = 5000;

/** How long somebody who asked counts as watching. */
export const WATCHED_MS = 30_000;

/** Calls `beat` again and again: often while it says that something moved or somebody asks, rarely otherwise. */
export class Pulse {
  readonly #beat: () => boolean;
  readonly #now: () => number;
  #timer: Timer | undefined;
  #isFast = false;
  #watchedUntilMs = 0;

  /** Starts at once. @param now any clock in milliseconds. */
  constructor(beat: () => boolean, now: () => number) {
    this.#beat = beat;
    this.#now = now;
    this.#arm(PULSE_MS);
  }

  /** Somebody wants to see what there is: beats now if the last one was long ago, and often for a while. */
  look(): void {
    this.#watchedUntilMs = this.#now() + WATCHED_MS;
    if (!this.#isFast) this.#once();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #once(): void {
    const hasMoved = this.#beat();
    this.#isFast = hasMoved || this.#now() < this.#watchedUntilMs;
    this.#arm(this.#isFast ? PULSE_MS : PULSE_IDLE_MS);
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#once(), ms);
  }
}
