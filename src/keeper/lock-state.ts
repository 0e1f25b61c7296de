import { takeFileLock } from "../kernel/file-lock.ts";
import { StartError } from "./start-error.ts";
import { errorCode } from "./state/durable-file.ts";
import type { StateDirectory } from "./state/state-directory.ts";

/**
 * Makes sure that one keeper only uses a state directory; the caller releases it. `undefined` where the disk is in too much
 * trouble for a lock; that is noted. Throws StartError where another process has it.
 */
export function lockState(state: StateDirectory): { release(): void } | undefined {
  try {
    const taken = takeFileLock(state.file("lock"));
    if (taken.held) return taken;
    throw new StartError(`the state directory ${state.path} is in use by process ${taken.pid}`);
  } catch (error) {
    if (error instanceof StartError || !["ENOSPC", "EROFS", "ENOENT"].includes(errorCode(error))) throw error;
    state.note("lock", error instanceof Error ? error.message : String(error));
    return undefined;
  }
}
