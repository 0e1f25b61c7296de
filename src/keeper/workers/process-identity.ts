import { readFileSync } from "node:fs";

/** One process and no other: a pid may be used again, a pid with its start time may not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, from /proc/PID/stat. */
  readonly startTime: number;
}

/** Start time of a running process, or `undefined` where there is none (a zombie counts as none). */
export function startTimeOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command may hold spaces and parentheses: fields are counted from the last one that closes.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    const startTime = Number(fields[19]);
    return Number.isSafeInteger(startTime) ? startTime : undefined;
  } catch {
    return undefined;
  }
}

/** True while exactly this process runs. */
export function isAlive(process: ProcessIdentity): boolean {
  return startTimeOf(process.pid) === process.startTime;
}
