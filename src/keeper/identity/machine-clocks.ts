import { readFileSync } from "node:fs";
import type { ClockReading } from "../../identity/clock.ts";

/** Both clocks of this machine. The monotonic one goes on while the machine sleeps, which the runtime's does not. */
export function machineClocks(): ClockReading {
  return { wallMs: Date.now(), monotonicMs: bootMs() };
}

function bootMs(): number {
  try {
    // The kernel counts time since boot here, suspended time included, in hundredths of a second.
    const seconds = Number.parseFloat(readFileSync("/proc/uptime", "latin1"));
    if (Number.isFinite(seconds)) return seconds * 1000;
  } catch {
    // Without /proc a box that sleeps loses that time, and its wall clock makes up for it as a jump.
  }
  return performance.now();
}
