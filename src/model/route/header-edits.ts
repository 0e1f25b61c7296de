/** Header modifiers in the form that is quick to apply: names to drop, then lines to write. */
import type { HeaderEditRecord } from "./record.ts";

/** One line to write after dropping. */
export interface HeaderLine {
  /** In the case to be written. */
  readonly name: string;
  readonly value: string;
}

/**
 * Edits of one head, possibly of several filters in a row.
 *
 * To apply: leave out every line whose lower-case name is in `dropped`, then write `lines` at the end.
 */
export interface HeaderEdits {
  /** Lower case: removed names and those that are set anew. */
  readonly dropped: ReadonlySet<string>;
  readonly lines: readonly HeaderLine[];
}

/**
 * Compiles modifiers that apply one after the other; a later one overrides what an earlier one wrote.
 *
 * @returns null where there is nothing to do
 */
export function compileHeaderEdits(...records: readonly (HeaderEditRecord | undefined)[]): HeaderEdits | null {
  const dropped = new Set<string>();
  let lines: HeaderLine[] = [];
  for (const record of records) {
    if (record === undefined) continue;
    const overridden = new Set([...record.remove, ...record.set.map(([name]) => name.toLowerCase())]);
    for (const name of overridden) dropped.add(name);
    lines = lines.filter((line) => !overridden.has(line.name.toLowerCase()));
    for (const [name, value] of [...record.set, ...record.add]) lines.push({ name, value });
  }
  return dropped.size === 0 && lines.length === 0 ? null : { dropped, lines };
}

const FRAMING = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "upgrade",
  "expect",
]);

const OWNED_PREFIXES = ["x-selvedge-", "x-forwarded-"];

/** Whether a header (lower case) is the mesh's own: framing, hop-by-hop, identity. No route may edit it. */
export function isMeshOwnedHeader(name: string): boolean {
  return FRAMING.has(name) || name === "forwarded" || OWNED_PREFIXES.some((prefix) => name.startsWith(prefix));
}
