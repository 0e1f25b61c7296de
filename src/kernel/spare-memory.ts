import { QuietAfterWork } from "../base/quiet-after-work.ts";
import { giveBackCode } from "./program-code.ts";

/**
 * Gives memory back whenever this process has worked and become quiet: garbage first, which the collector by itself leaves until
 * something new needs its place, and a second later code, since collecting needs some.
 */
export class SpareMemory {
  readonly #quiet = new QuietAfterWork(cpuMs(), performance.now());
  #isCollected = false;

  /** To be called every second or so; answers false while once in a while will do. Takes some milliseconds at the beginning of a quiet time. */
  tend(): boolean {
    const isQuiet = this.#quiet.look(cpuMs(), performance.now());
    if (this.#isCollected) giveBackCode();
    this.#isCollected = isQuiet;
    // All of it, which has to stop the loop: beside it only young objects can be looked at.
    if (isQuiet) Bun.gc(true);
    return isQuiet || this.#quiet.isDue;
  }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
