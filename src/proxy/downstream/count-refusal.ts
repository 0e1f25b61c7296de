import { limitOfParseError, parseErrorCounter } from "../../telemetry/fixed-metrics.ts";
import type { StatsWriter } from "../../telemetry/stats-writer.ts";
import type { ParseError } from "../../wire/http1/head.ts";

/** Counts a request that was refused for its form, and the limit that it crossed, if it did. */
export function countRefusal(stats: StatsWriter, error: ParseError): void {
  stats.counter(parseErrorCounter(error));
  const limit = limitOfParseError(error);
  if (limit !== undefined) stats.counter(limit);
}
