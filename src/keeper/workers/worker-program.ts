/** A worker process that has just been started, as whoever can start processes hands it over. */
export interface LaunchedWorker {
  readonly pid: number;
  /** From /proc: with the pid it names this process and no later one. */
  readonly startTime: number;
  /** The keeper's end of the channel; whoever takes it closes it. */
  readonly channelFd: number;
  /** The statistics region, mapped; it stays readable after the worker's death until `releaseRegion`. */
  readonly region: Uint8Array;
  /** Descriptor number of the region inside the worker: how the next keeper finds it. */
  readonly statsFd: number;
  /** Resolves when the process is gone. Never rejects. */
  readonly exited: Promise<WorkerExit>;
  releaseRegion(): void;
}

export interface WorkerExit {
  /** Exit code, `null` when a signal ended it. */
  readonly code: number | null;
  /** Name of the signal, `null` where there was none. */
  readonly signal: string | null;
}

/** Starts one worker process. Rejects where it cannot be started at all. */
export type LaunchWorker = (workerId: number) => Promise<LaunchedWorker>;

/** Sends a signal to one process; a process that is gone is no error. */
export function signalProcess(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone already, which is what the signal was for.
  }
}
