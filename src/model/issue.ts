/** Where a piece of configuration was written. Lines and columns start at 1. */
export interface Origin {
  readonly file: string;
  readonly line: number;
  readonly col: number;
}

/**
 * One problem in the configuration, as `check`, `up` and `apply` report it.
 *
 * Printed as `file:line:col  severity  code  message`, with the hint on a line of its own.
 */
export interface Issue extends Origin {
  readonly severity: "error" | "warning";
  /** Stable, looked up in `docs/errors.md`; `SV` and four digits. */
  readonly code: string;
  /** What was attempted, what is, what should be; one sentence, no final period. */
  readonly message: string;
  /** What to do about it, or the nearest known name. */
  readonly hint?: string;
}
