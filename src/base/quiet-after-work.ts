/** Share of a core up to which a process counts as quiet. Reason: a tenth of it is what an idle one takes; fifty requests a second are more. */
export const QUIET_SHARE_MAX = 0.003;

/** Tells when a process that has worked has become quiet, once each time. Having started counts as work. */
export class QuietAfterWork {
  #isDue = true;
  #cpuMs: number;
  #lookedMs: number;
  #restedCpuMs: number;

  readonly #workMs: number;

  /** @param workMs work after which the next quiet time counts. @param cpuMs what the process has taken so far. @param nowMs any monotonic clock. */
  constructor(workMs: number, cpuMs: number, nowMs: number) {
    this.#workMs = workMs;
    this.#cpuMs = cpuMs;
    this.#restedCpuMs = cpuMs;
    this.#lookedMs = nowMs;
  }

  /** There was work, and no quiet time since. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /** To be called every second or so while it is due, else now and then: true when the time since the last call was quiet, and the first that was. */
  look(cpuMs: number, nowMs: number): boolean {
    const isQuiet = cpuMs - this.#cpuMs <= (nowMs - this.#lookedMs) * QUIET_SHARE_MAX;
    this.#cpuMs = cpuMs;
    this.#lookedMs = nowMs;
    if (cpuMs - this.#restedCpuMs >= this.#workMs) this.#isDue = true;
    if (!this.#isDue || !isQuiet) return false;
    this.#isDue = false;
    this.#restedCpuMs = cpuMs;
    return true;
  }
}
