/** `14d`, `1h`, `90s`, `500ms`, `5m` in milliseconds; `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  const found = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  if (found === null) return undefined;
  const factor = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[found[2] as "ms" | "s" | "m" | "h" | "d"];
  return Number(found[1]) * factor;
}

/** `3d4h`, `5m12s`, `840ms`: two units at most. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const seconds = Math.floor(ms / 1000);
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join("");
}

/** A latency: `0.84ms`, `12ms`, `1.2s`; `-` where there is none. */
export function latencyText(ms: number | null): string {
  if (ms === null) return "-";
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)}s`;
  return ms >= 10 ? `${Math.round(ms)}ms` : `${ms.toFixed(2)}ms`;
}

/** A share from 0 to 1: `99.95%`; `-` where there is none. Never rounds a failure away to 100 %. */
export function percentText(share: number | null): string {
  if (share === null) return "-";
  if (share === 1) return "100%";
  return `${(Math.floor(share * 10_000) / 100).toFixed(2)}%`;
}

/** A rate per second: `0.3`, `12`, `1850`. */
export function rateText(perSecond: number): string {
  return perSecond >= 10 || perSecond === 0 ? String(Math.round(perSecond)) : perSecond.toFixed(1);
}

/** A moment as ISO 8601, in UTC, to the second: `2027-01-06T20:38:32Z`; what is no moment stays as it is. */
export function secondsText(iso: string): string {
  return iso.replace(/\.[0-9]{3}Z$/, "Z");
}
