import type { ExitCode } from "./exit-code.ts";

/** How long a reader that takes nothing is waited for once the command is done. Reason: a pager may stand still for long. */
export const READER_PATIENCE_MS = 600_000;

/**
 * Ends the process when everything that was printed has been taken, or its reader is gone. Ending at once would lose what a
 * pipe or a socket has no room for yet; waiting for nothing else would keep a command whose connection to the node is open.
 */
export async function leave(code: ExitCode): Promise<never> {
  const patience = setTimeout(() => process.exit(code), READER_PATIENCE_MS);
  await Promise.all([isTaken(process.stdout), isTaken(process.stderr)]);
  clearTimeout(patience);
  process.exit(code);
}

function isTaken(stream: NodeJS.WriteStream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.once("error", () => resolve());
  stream.once("close", () => resolve());
  // The runtime says that nothing waits while it does, so its word for the end is what counts.
  stream.end(() => resolve());
  return promise;
}
