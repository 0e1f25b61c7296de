/** What a PARSE_ERROR is called and what a client is told. */
import { PARSE_ERROR, type ParseError } from "./head.ts";

/** Position = -error. A word each, stable: they appear in logs, metrics and `why`. */
const REASONS: readonly string[] = (() => {
  const reasons: string[] = [];
  for (const [name, error] of Object.entries(PARSE_ERROR)) reasons[-error] = name.toLowerCase().replaceAll("_", "-");
  return reasons;
})();

/** Statuses other than 400. 417 for an unknown expectation is what RFC 9110 10.1.1 names. */
const STATUS_OF: ReadonlyMap<number, number> = new Map<ParseError, number>([
  [PARSE_ERROR.TARGET_TOO_LONG, 414],
  [PARSE_ERROR.BAD_EXPECT, 417],
  [PARSE_ERROR.HEAD_TOO_LARGE, 431],
  [PARSE_ERROR.TOO_MANY_HEADERS, 431],
  [PARSE_ERROR.TRAILERS_TOO_LARGE, 431],
  [PARSE_ERROR.UNKNOWN_TRANSFER_CODING, 501],
  [PARSE_ERROR.UNSUPPORTED_VERSION, 505],
]);

/** HTTP status for a refused request: 400, 414, 417, 431, 501 or 505; 400 for any number that is no PARSE_ERROR. */
export function statusOfParseError(error: number): number {
  return STATUS_OF.get(error) ?? 400;
}

/** A short stable word, such as `duplicate-host`; `unknown` for any number that is no PARSE_ERROR. */
export function reasonOfParseError(error: number): string {
  return REASONS[-error] ?? "unknown";
}
