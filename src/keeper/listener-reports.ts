import type { SiteFacts } from "./site-facts.ts";
import type { Worker } from "./workers/worker.ts";

export interface FailedListener {
  readonly listener: string;
  readonly reason: string;
}

type Reporter = Pick<Worker, "listeners">;

/** Listeners that are wanted and that some worker could not open, each once. */
export function failedListeners(facts: SiteFacts, workers: readonly Reporter[]): FailedListener[] {
  const wanted = new Set(facts.listeners.map((listener) => listener.key));
  const failed = new Map<string, string>();
  for (const worker of workers) {
    for (const [listener, report] of worker.listeners) {
      if (report.port === 0 && wanted.has(listener)) failed.set(listener, report.message);
    }
  }
  return [...failed].map(([listener, reason]) => ({ listener, reason }));
}

/** `host:port` of the first listener in a role, with its real port; `undefined` where there is none that is open. */
export function addressOf(
  facts: SiteFacts,
  workers: readonly Reporter[],
  role: "outbound" | "metrics",
): string | undefined {
  for (const { key, hostname } of facts.listeners.filter((listener) => listener.role === role)) {
    for (const worker of workers) {
      const port = worker.listeners.get(key)?.port ?? 0;
      if (port > 0) return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
    }
  }
  return undefined;
}
