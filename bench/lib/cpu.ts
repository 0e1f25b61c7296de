/** CPU time of process trees and how busy a core is, from /proc. */
import { readdirSync, readFileSync } from "node:fs";

/** Ticks per second of /proc/PID/stat; 100 on every Linux of today (USER_HZ). */
const TICKS_PER_SECOND = 100;

interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  /** Own user and system time, and that of children it has waited for, in ticks. */
  readonly ownTicks: number;
  readonly reapedTicks: number;
}

/** Reads `/proc/PID/stat`, or answers `undefined` where the process is gone. */
export function parseStat(text: string): ProcessStat {
  // The command name in parentheses may hold anything, blanks and parentheses included: count from the last one.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const field = (number: number) => Number(fields[number - 3]);
  return {
    pid: Number.parseInt(text, 10),
    parent: field(4),
    ownTicks: field(14) + field(15),
    reapedTicks: field(16) + field(17),
  };
}

function allProcesses(): Map<number, ProcessStat> {
  const found = new Map<number, ProcessStat>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = parseStat(readFileSync(`/proc/${name}/stat`, "utf8"));
      found.set(stat.pid, stat);
    } catch {
      // It ended between the listing and the reading.
    }
  }
  return found;
}

/** The pids of a process and of all its living descendants. */
export function treeOf(root: number): number[] {
  const all = allProcesses();
  const tree = all.has(root) ? [root] : [];
  for (const pid of tree) for (const stat of all.values()) if (stat.parent === pid) tree.push(stat.pid);
  return tree;
}

/**
 * CPU seconds that a process, its living descendants and its reaped children have used so far. Read from /proc/PID/stat;
 * a difference over a second is exact to about two ticks, 20 ms.
 */
export function cpuSecondsOf(root: number): number {
  const all = allProcesses();
  const ticks = treeOf(root).reduce((sum, pid) => {
    const stat = all.get(pid);
    return stat === undefined ? sum : sum + stat.ownTicks + stat.reapedTicks;
  }, 0);
  return ticks / TICKS_PER_SECOND;
}

export interface CoreSample {
  readonly busyTicks: number;
  readonly totalTicks: number;
}

/** How busy one core has been since the machine started. */
export function sampleCore(core: number, stat = readFileSync("/proc/stat", "utf8")): CoreSample {
  const line = new RegExp(`^cpu${core} (.*)$`, "m").exec(stat)?.[1];
  if (line === undefined) throw new Error(`this machine has no core ${core}; the benchmark needs two`);
  const ticks = line.trim().split(/\s+/).slice(0, 8).map(Number);
  const totalTicks = ticks.reduce((sum, value) => sum + value, 0);
  return { totalTicks, busyTicks: totalTicks - (ticks[3] as number) - (ticks[4] as number) };
}

/** Share of the time between two samples that the core was busy, 0 to 1. */
export function busyBetween(before: CoreSample, after: CoreSample): number {
  const total = after.totalTicks - before.totalTicks;
  return total === 0 ? 0 : (after.busyTicks - before.busyTicks) / total;
}

/** Proportional set size of a process and its descendants, in bytes. */
export function pssBytesOf(root: number): number {
  return treeOf(root).reduce((sum, pid) => {
    try {
      const kib = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1];
      return sum + Number(kib ?? 0) * 1024;
    } catch {
      return sum;
    }
  }, 0);
}

/** Of one process, what is its own or shared on purpose: without files, whose pages come and go. */
export function ownBytesOf(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const kib = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(rollup)?.[1]);
  return (kib("Pss_Anon") + kib("Pss_Shmem")) * 1024;
}
