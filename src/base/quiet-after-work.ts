/** Share of a core up to which a process counts as quiet. Reason: a tenth of it is what an idle one takes; fifty requests a second are more. */
export const QUIET_SHARE_MAX = 0.003;

/**
 * Work after which the next quiet time counts. Reason: what is done in a quiet time costs about ten milliseconds, and so much work takes a
 * process that counts as quiet a quarter of a minute at least; some dozens of handshakes are more.
 */
export const WORK_CPU_MS = 50;

/** Tells when a process that has worked has become quiet, once each time. Having started counts as work. */
export class QuietAfterWork {
  #isDue = true;
  #cpuMs: number;
  #lookedMs: number;
  #restedCpuMs: number;

  /** @param cpuMs what the process has taken so far. @param nowMs any monotonic clock. */
  constructor(cpuMs: number, nowMs: number) {
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
    if (cpuMs - this.#restedCpuMs >= WORK_CPU_MS) this.#isDue = true;
    if (!this.#isDue || !isQuiet) return false;
    this.#isDue = false;
    this.#restedCpuMs = cpuMs;
    return true;
  }
}
