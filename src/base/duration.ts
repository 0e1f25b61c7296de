/** GEP-2257: one to four groups of up to five digits with a unit. */
const DURATION = /^(?:[0-9]{1,5}(?:h|m|s|ms)){1,4}$/;
const GROUP = /([0-9]{1,5})(ms|h|m|s)/g;

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Milliseconds of a GEP-2257 duration (`1h30m`, `500ms`, `0s`), or `undefined` where the text is none. Result 0 to 1.44e12. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let sumMs = 0;
  for (const [, digits, unit] of text.matchAll(GROUP)) sumMs += Number(digits) * UNIT_MS[unit!]!;
  return sumMs;
}

/**
 * The shortest GEP-2257 text of a number of milliseconds, largest unit first; `0s` for zero.
 * Expects an integer from 0 to what `parseDuration` can answer; hours above five digits are given in several groups.
 */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return "0s";
  let rest = durationMs;
  let text = "";
  for (const unit of ["h", "m", "s", "ms"]) {
    let count = Math.floor(rest / UNIT_MS[unit]!);
    rest -= count * UNIT_MS[unit]!;
    for (; count > 99_999; count -= 99_999) text += `99999${unit}`;
    if (count > 0) text += `${count}${unit}`;
  }
  return text;
}
