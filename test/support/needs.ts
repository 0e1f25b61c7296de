/**
 * Tests that want more than Bun and a loopback interface: each says what, and is skipped with the reason in its name
 * where that is missing. `npm test` prints these names; with CI=true a skip fails the run.
 */
import { test } from "bun:test";
import { findProgram } from "../../tools/find-program.ts";

export interface Needs {
  /** Run by uid 0. */
  readonly root?: boolean;
  /** Programs that must be in PATH or in the usual system folders. */
  readonly programs?: readonly string[];
  /** Further conditions: what is needed, and whether it is there. */
  readonly also?: Readonly<Record<string, boolean>>;
}

/** What is missing of the needs, in words; empty where all is there. */
export function missing(needs: Needs): string[] {
  const lacking: string[] = [];
  if (needs.root === true && process.getuid?.() !== 0) lacking.push("root");
  for (const name of needs.programs ?? []) if (findProgram(name) === undefined) lacking.push(name);
  for (const [name, isThere] of Object.entries(needs.also ?? {})) if (!isThere) lacking.push(name);
  return lacking;
}

/** `test`, or a skipping one whose names end in `[needs …]`. */
export function testWith(needs: Needs): (name: string, body: () => void | Promise<void>, timeoutMs?: number) => void {
  const lacking = missing(needs);
  if (lacking.length === 0) return (name, body, timeoutMs) => test(name, body, timeoutMs);
  return (name, body) => test.skip(`${name} [needs ${lacking.join(", ")}]`, body);
}
