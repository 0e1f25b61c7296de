import { StartError } from "../start-error.ts";
import type { Fleet } from "./fleet.ts";

/** Resolves when every worker has tried its listeners; rejects with StartError after `timeoutMs`. */
export async function waitUntilReady(fleet: Pick<Fleet, "isReady" | "changed">, timeoutMs: number): Promise<void> {
  const late = Promise.withResolvers<"late">();
  const timer = setTimeout(() => late.resolve("late"), timeoutMs);
  try {
    while (!fleet.isReady) {
      if ((await Promise.race([fleet.changed(), late.promise])) === "late") {
        throw new StartError(`no worker was ready within ${timeoutMs} ms`);
      }
    }
  } finally {
    clearTimeout(timer);
  }
}
