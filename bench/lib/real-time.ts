/**
 * Measuring waits of a millisecond on a machine that has other things to do: whoever is measured, and whoever measures, goes
 * before everything else (SCHED_FIFO), so that what is left is what they do to each other. Needs root; without it nothing happens.
 */

/** In front of the command of a program that is not to go before others, though whoever starts it does. */
export const ORDINARY: readonly string[] = ["chrt", "--other", "0"];

/** Lets these processes, and what they start from now on, go before everything; `undo` for them. */
export function goFirst(pids: readonly number[]): { undo(): void } {
  const change = (policy: string, priority: number, pid: number): void => {
    Bun.spawnSync(["chrt", policy, "--all-tasks", "--pid", String(priority), String(pid)]);
  };
  if (process.getuid?.() !== 0) return { undo: () => undefined };
  for (const pid of pids) change("--fifo", 10, pid);
  return {
    undo: () => {
      for (const pid of pids) change("--other", 0, pid);
    },
  };
}
