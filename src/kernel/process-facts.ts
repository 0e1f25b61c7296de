/** Facts about one process from /proc. A pid may be another process's a moment later: pair it with its start time. */

import { closeSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";

/** Bytes read of any one file in /proc; what we look for stands at their beginning. */
export const PROC_FILE_BYTES_MAX = 64 * 1024;

const SMALL_FILE_BYTES = 4096;
const buffer = new Uint8Array(PROC_FILE_BYTES_MAX);
const decoder = new TextDecoder("latin1");

/** What /proc/PID/stat tells. */
export interface ProcessStat {
  readonly parentPid: number;
  /** Clock ticks since boot; together with the pid it names one process. */
  readonly startTime: number;
  /** One letter; Z is a process that has ended and waits for its parent. */
  readonly state: string;
}

/** When the process started, in clock ticks since boot; null where there is none (or it has ended). */
export function startTimeOf(pid: number): number | null {
  const stat = statOf(pid);
  return stat === null || stat.state === "Z" ? null : stat.startTime;
}

/** Null where there is no such process. */
export function statOf(pid: number): ProcessStat | null {
  const text = readProcFile(`/proc/${pid}/stat`, SMALL_FILE_BYTES);
  return text === null ? null : parseStat(text);
}

/** Reads the text of /proc/PID/stat (proc_pid_stat(5)). The second field may hold anything, so it is skipped by its last `)`. */
export function parseStat(text: string): ProcessStat | null {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, parent] = fields;
  const started = Number(fields[19]);
  const parentPid = Number(parent);
  if (state === undefined || fields.length < 20 || !Number.isSafeInteger(started) || !Number.isSafeInteger(parentPid)) {
    return null;
  }
  return { parentPid, startTime: started, state };
}

/**
 * The path of the program that the process executes; null where that cannot be told (it has ended, or belongs to somebody else).
 * A program file that was replaced since reads as `PATH (deleted)`.
 */
export function exeOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return null;
  }
}

/** Real, effective, saved and file system user id; empty where that cannot be told. */
export function userIdsOf(pid: number): readonly number[] {
  const text = readProcFile(`/proc/${pid}/status`, SMALL_FILE_BYTES);
  const line = text === null ? null : /^Uid:\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)$/m.exec(text);
  return line === null ? [] : line.slice(1).map(Number);
}

/** The program and its arguments, as far as PROC_FILE_BYTES_MAX; empty where that cannot be told. The process may say anything here. */
export function commandLineOf(pid: number): readonly string[] {
  const text = readProcFile(`/proc/${pid}/cmdline`);
  return text === null || text === "" ? [] : text.replace(/\0$/, "").split("\0");
}

/** Every process there is now; empty where /proc cannot be read. */
export function processIds(): readonly number[] {
  try {
    return readdirSync("/proc").map(Number).filter(Number.isSafeInteger);
  } catch {
    return [];
  }
}

/** The first `bytesMax` bytes of a file in /proc as text; null where it cannot be read. */
export function readProcFile(path: string, bytesMax = PROC_FILE_BYTES_MAX): string | null {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return null;
  }
  try {
    let length = 0;
    for (;;) {
      const count = readSync(fd, buffer, length, Math.min(bytesMax, buffer.length) - length, null);
      length += count;
      if (count === 0 || length >= bytesMax) return decoder.decode(buffer.subarray(0, length));
    }
  } catch {
    // The process ended between open and read.
    return null;
  } finally {
    closeSync(fd);
  }
}
