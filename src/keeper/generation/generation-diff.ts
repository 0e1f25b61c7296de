import { scanRecords } from "./generation-scan.ts";
import { applyOverlay } from "./overlay.ts";
import type { Served } from "./served.ts";

/** Most of a generation that may differ for a delta to be worth it; beyond this the whole is sent. */
export const DELTA_SHARE_MAX = 0.5;

/**
 * The lines of a delta from `before` to `after`: records that are new or differ, and `{"delete":"key"}` for those that are
 * gone. `undefined` where so much differs that a full snapshot is cheaper.
 *
 * Holds one 64-bit hash per record, not the lines. A collision would hide a change, so keys and lines are hashed with
 * different seeds and both must agree; what that leaves is one in 2^64 per changed record.
 */
export function diffGenerations(before: Served, after: Served): Buffer[] | undefined {
  const old = new Map<string, bigint>();
  for (const line of scanRecords(before.path, before.records)) {
    const seen = applyOverlay(line, before.overlay);
    old.set(keyOf(seen), Bun.hash.wyhash(seen, 1n));
  }
  const delta: Buffer[] = [];
  const countMax = Math.max(16, after.records * DELTA_SHARE_MAX);
  for (const line of scanRecords(after.path, after.records)) {
    const seen = applyOverlay(line, after.overlay);
    const key = keyOf(seen);
    if (old.get(key) !== Bun.hash.wyhash(seen, 1n)) delta.push(Buffer.from(seen));
    old.delete(key);
    if (delta.length > countMax) return undefined;
  }
  for (const key of old.keys()) delta.push(Buffer.from(JSON.stringify({ delete: key })));
  return delta.length > countMax ? undefined : delta;
}

/** The record's key, without parsing the line where the key comes early, as it does. */
export function keyOf(line: Buffer): string {
  const early = /^\{"kind":"[a-z]+","key":"([^"\\]*)"/.exec(line.toString("utf8", 0, Math.min(line.length, 700)))?.[1];
  if (early !== undefined) return early;
  const record: unknown = JSON.parse(line.toString());
  if (typeof record === "object" && record !== null && "key" in record && typeof record.key === "string") {
    return record.key;
  }
  throw new Error("a record without a key");
}
