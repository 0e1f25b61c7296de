/** What is kept of a measurement: when, how, and its rows with the heading first. */
export interface Measurements {
  readonly at: string;
  readonly seconds: number;
  readonly rounds: number;
  readonly rows: readonly (readonly string[])[];
  /** Rows at the end that are older. */
  readonly older?: { readonly at: string; readonly seconds: number; readonly rounds: number; readonly rows: number };
}

/** Puts the cases (first column) of an older measurement behind those that were measured now, and says that they are older. */
export function mergeCases<T extends Measurements>(now: T, before: Measurements | undefined): T {
  if (before === undefined) return now;
  const measured = new Set(now.rows.slice(1).map((row) => row[0]));
  const kept = before.rows.slice(1).filter((row) => !measured.has(row[0]));
  if (kept.length === 0) return now;
  const { at, seconds, rounds } = before.older ?? before;
  return { ...now, rows: [...now.rows, ...kept], older: { at, seconds, rounds, rows: kept.length } };
}
