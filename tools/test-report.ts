/** What one run of `bun test` came to, read from its JUnit file and from the summary it prints. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  /** Name and file of each skipped test; the name says why in brackets. */
  readonly skipped: readonly string[];
  /** What went wrong apart from single tests: a file that did not load, a run that broke off. */
  readonly troubles: readonly string[];
}

export interface TestRun {
  /** The JUnit file, or `undefined` where none was written. */
  readonly junit: string | undefined;
  /** Everything the run printed. */
  readonly output: string;
  /** Exit code, or `null` where a signal ended it. */
  readonly exitCode: number | null;
  /** Test files that the run was given. */
  readonly fileCount: number;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replace(/&(\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}

/**
 * Counts a run. The JUnit file alone is not enough: a test file that fails to load is missing from it, so the printed
 * summary and the exit code must agree with it, and any disagreement counts as one failure.
 */
export function countRun(run: TestRun): TestCounts {
  let passed = 0;
  let failed = 0;
  const skipped: string[] = [];
  for (const match of (run.junit ?? "").matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const body = match[2] ?? "";
    if (/<skipped\b/.test(body)) skipped.push(nameOf(match[1] as string));
    else if (/<(failure|error)\b/.test(body)) failed++;
    else passed++;
  }
  const troubles = troublesOf(run, failed);
  return { passed, failed: failed + troubles.length, skipped, troubles };
}

function nameOf(attributes: string): string {
  const get = (name: string) => unescapeXml(new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "");
  return `${get("file")}: ${get("name")}`;
}

function troublesOf(run: TestRun, failed: number): string[] {
  const troubles: string[] = [];
  const printed = /^Ran \d+ tests? across (\d+) files?/m.exec(run.output);
  const printedErrors = Number(/^ *(\d+) errors?$/m.exec(run.output)?.[1] ?? 0);
  const printedFailures = Number(/^ *(\d+) fail$/m.exec(run.output)?.[1] ?? 0);
  if (run.exitCode === null) troubles.push("the run was killed or crashed");
  else if (printed === null) troubles.push("the run broke off without a summary");
  else if (Number(printed[1]) !== run.fileCount) troubles.push(`${printed[1]} of ${run.fileCount} test files ran`);
  if (printedErrors > 0) troubles.push(`${printedErrors} error(s) outside of tests, such as a file that did not load`);
  else if (printedFailures > failed) troubles.push(`${printedFailures - failed} failure(s) outside of the JUnit file`);
  if (troubles.length === 0 && failed === 0 && run.exitCode !== 0)
    troubles.push(`exit code ${run.exitCode} with no failed test`);
  return troubles;
}

/** Adds up several runs. */
export function sumCounts(all: readonly TestCounts[]): TestCounts {
  return {
    passed: all.reduce((sum, counts) => sum + counts.passed, 0),
    failed: all.reduce((sum, counts) => sum + counts.failed, 0),
    skipped: all.flatMap((counts) => counts.skipped),
    troubles: all.flatMap((counts) => counts.troubles),
  };
}

/** The last line of `npm test`. */
export function countLine(counts: TestCounts): string {
  return `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped.length} skipped`;
}
