import { QuietAfterWork } from "../base/quiet-after-work.ts";
import { giveBackCode } from "./program-code.ts";

/** Work after which garbage is collected. Reason: it stops the loop for about ten milliseconds, which a quiet process takes half a minute to work. */
const GARBAGE_WORK_MS = 100;

/** Work after which code goes. Reason: one or two milliseconds, and a dozen handshakes bring back most of it. */
const CODE_WORK_MS = 25;

/**
 * Gives memory back whenever this process has worked and become quiet: garbage, which the collector by itself leaves until
 * something new needs its place, and code, after it because collecting needs some.
 */
export class SpareMemory {
  readonly #garbage = new QuietAfterWork(GARBAGE_WORK_MS, cpuMs(), performance.now());
  readonly #code = new QuietAfterWork(CODE_WORK_MS, cpuMs(), performance.now());

  /** To be called every second or so; answers false while once in a while will do. Takes some milliseconds at the beginning of a quiet time. */
  tend(): boolean {
    const [cpu, nowMs] = [cpuMs(), performance.now()];
    // All of it: beside the loop only young objects can be looked at.
    if (this.#garbage.look(cpu, nowMs)) Bun.gc(true);
    if (this.#code.look(cpu, nowMs)) giveBackCode();
    return this.#garbage.isDue || this.#code.isDue;
  }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
