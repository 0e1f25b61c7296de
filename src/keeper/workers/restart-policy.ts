/** How long a death counts. */
export const CRASH_WINDOW_MS = 60_000;

/** Deaths within the window on one generation that make a crash loop. */
export const CRASH_LOOP_DEATHS = 3;

/** Longest wait before a worker is started again while its deaths are few. Contract: back within 500 ms. */
export const RESTART_DELAY_MS_MAX = 400;

/** Longest wait in a crash loop that going back did not end. Reason: keep trying, but leave the machine to the services. */
export const CRASH_LOOP_DELAY_MS_MAX = 5_000;

export interface Death {
  readonly atMs: number;
  /** What the worker served, 0 where it had not acknowledged anything. */
  readonly generation: number;
}

export interface RestartDecision {
  /** The deaths that still count, this one included. */
  readonly deaths: readonly Death[];
  readonly restartAfterMs: number;
  /** The generation that keeps killing workers, or `undefined`. */
  readonly crashLoopOn: number | undefined;
}

/** What to do about a death. Pure: `earlier` is what the last decision gave, or empty. */
export function decideRestart(earlier: readonly Death[], death: Death): RestartDecision {
  const deaths = [...earlier.filter((one) => death.atMs - one.atMs < CRASH_WINDOW_MS), death].slice(-20);
  const here = deaths.filter((one) => one.generation === death.generation).length;
  const isLoop = here >= CRASH_LOOP_DEATHS;
  return { deaths, restartAfterMs: delayMs(deaths.length), crashLoopOn: isLoop ? death.generation : undefined };
}

// At once for the first, which is nearly always somebody's kill or the kernel's; then less and less eager.
function delayMs(deaths: number): number {
  if (deaths <= 1) return 0;
  if (deaths <= 4) return Math.min(RESTART_DELAY_MS_MAX, 50 * 2 ** (deaths - 1));
  return Math.min(CRASH_LOOP_DELAY_MS_MAX, RESTART_DELAY_MS_MAX * 2 ** (deaths - 4));
}
