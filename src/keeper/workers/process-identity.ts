import { startTimeOf } from "../../kernel/process-facts.ts";

/** One process and no other: a pid may be used again, a pid with its start time may not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTime: number;
}

/** True while exactly this process runs. */
export function isAlive(process: ProcessIdentity): boolean {
  return startTimeOf(process.pid) === process.startTime;
}
