/**
 * Proves that no source file has grown beyond what a person holds in mind at once.
 * A file may be longer only by an entry in the allow-list, and every entry must still be needed.
 */
import { join } from "node:path";
import { readSources, type Sources } from "./layers.ts";

/** Lines a source file may have. Most stay under 150; beyond this a file knows more than one thing. */
export const FILE_LINES_MAX = 400;

/** Longer files, each with the reason. */
export const LONGER_FILES: ReadonlyMap<string, string> = new Map<string, string>([]);

/** One line for each file that is too long and for each entry of the allow-list that nothing needs any more. */
export function checkSizes(sources: Sources, allowed: ReadonlyMap<string, string> = LONGER_FILES): string[] {
  const problems: string[] = [];
  for (const [path, text] of sources) {
    const lines = text.split("\n").length - 1;
    if (lines > FILE_LINES_MAX && !allowed.has(path))
      problems.push(
        `${path}:${FILE_LINES_MAX}  has ${lines} lines, ${FILE_LINES_MAX} are allowed; split what it knows`,
      );
    if (lines <= FILE_LINES_MAX && allowed.has(path))
      problems.push(`${path}:1  is short enough; take it off the list in tools/sizes.ts`);
  }
  for (const path of allowed.keys())
    if (!sources.has(path)) problems.push(`${path}:1  is listed in tools/sizes.ts but is not there`);
  return problems;
}

if (import.meta.main) {
  const problems = checkSizes(readSources(join(import.meta.dir, "..")));
  for (const problem of problems) console.error(problem);
  process.exit(problems.length === 0 ? 0 : 1);
}
